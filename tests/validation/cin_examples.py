"""For every CIN rule a return that breaks it and one that keeps it, each as changes to one that keeps them all."""

from typing import Any

Rows = dict[str, list[dict[str, Any]]]

CODES = ("MOB", "HAND", "PC", "INC", "COMM", "LD", "HEAR", "VIS")
# A child of 9, referred, assessed, under a section 47 enquiry, then a children in need plan, then a protection plan.
CLEAN: Rows = {
    "Header": [{"ReferenceDate": "2025-03-31", "Year": "2025"}],
    "Child": [
        {"LAchildID": "A1", "PersonBirthDate": "2015-05-05", "Sex": "F", "GenderCurrent": "2", "Ethnicity": "WBRI"}
    ],
    "Disabilities": [{"Disability": code} for code in CODES],
    "CINdetails": [
        {"CINreferralDate": "2024-05-01", "ReferralSource": "1A", "PrimaryNeedCode": "N1", "ReferralNFA": "0"}
    ],
    "Assessments": [{"AssessmentActualStartDate": "2024-05-01", "AssessmentAuthorisationDate": "2024-06-10"}],
    "AssessmentFactors": [{"AssessmentFactors": "3A"}, {"AssessmentFactors": "16A"}],
    "Section47": [
        {
            "S47ActualStartDate": "2024-06-10",
            "InitialCPCtarget": "2024-07-01",
            "DateOfInitialCPC": "2024-07-01",
            "ICPCnotRequired": "false",
        }
    ],
    "ChildProtectionPlans": [
        {
            "CPPstartDate": "2024-07-01",
            "InitialCategoryOfAbuse": "NEG",
            "LatestCategoryOfAbuse": "NEG",
            "NumberOfPreviousCPP": "0",
        }
    ],
    "Reviews": [{"CPPreviewDate": "2024-09-16"}],
    "CINPlanDates": [{"CINPlanStartDate": "2024-06-11", "CINPlanEndDate": "2024-07-01"}],
}
DIED = {"PersonDeathDate": "2024-06-20"}
UNBORN = {"PersonBirthDate": None, "ExpectedPersonBirthDate": "2025-05-05"}
REQUIRED_NO_MORE = {"DateOfInitialCPC": None, "ICPCnotRequired": "true"}
OPEN_ENQUIRY = {"DateOfInitialCPC": None}
OPEN_ASSESSMENT = {"AssessmentAuthorisationDate": None}
NOTHING_BELOW: Rows = {
    name: []
    for name in ("Assessments", "AssessmentFactors", "Section47", "ChildProtectionPlans", "Reviews", "CINPlanDates")
}
CLOSED = {"CINclosureDate": "2024-12-01", "ReasonForClosure": "RC7"}


def child(**fields: Any) -> Rows:
    return {"Child": [fields]}


def case(**fields: Any) -> Rows:
    return {"CINdetails": [fields]}


def assessment(**fields: Any) -> Rows:
    return {"Assessments": [fields]}


def factors(*codes: str) -> Rows:
    return {"AssessmentFactors": [{"AssessmentFactors": code} for code in codes]}


def enquiry(**fields: Any) -> Rows:
    return {"Section47": [fields]}


def plan(*spans: tuple[str | None, str | None]) -> Rows:
    return {"ChildProtectionPlans": [{"CPPstartDate": start, "CPPendDate": end} for start, end in spans]}


def cin_plan(*spans: tuple[str | None, str | None]) -> Rows:
    return {"CINPlanDates": [{"CINPlanStartDate": start, "CINPlanEndDate": end} for start, end in spans]}


def review(day: str | None) -> Rows:
    return {"Reviews": [{"CPPreviewDate": day}]}


def disabilities(*codes: str | None) -> Rows:
    return {"Disabilities": [{"Disability": code} for code in codes]}


def two_cases(first: dict[str, Any], second: dict[str, Any]) -> Rows:
    return {"CINdetails": [first, second]}


def assessments(*spans: tuple[str, str | None]) -> Rows:
    return {
        "Assessments": [
            {"AssessmentActualStartDate": start, "AssessmentAuthorisationDate": end} for start, end in spans
        ]
    }


NO_FURTHER_ACTION = {"ReferralNFA": "true"}
KEEPS: Rows = {}
# Rule -> rows that break it, rows that keep it, how many rows of the rule's view break it.
EXAMPLES: dict[str, tuple[Rows, Rows, int]] = {
    "100": ({"Header": [{"ReferenceDate": "2025-03-30"}]}, KEEPS, 1),
    "2886Q": (child(Sex="U"), child(Sex="M"), 1),
    "2887Q": (disabilities(*CODES[:7]), disabilities(*CODES), 1),
    "2888Q": (disabilities("MOB"), disabilities("MOB", "LD"), 1),
    "1570": (child(LAchildID="A" * 21), child(LAchildID="A" * 20), 1),
    "1580": (child(LAchildID="A-1"), child(LAchildID="a1B2"), 1),
    "4180": (child(Sex="2"), child(Sex="U"), 1),
    "4220": (child(Ethnicity="MISS"), child(Ethnicity="NOBT"), 1),
    "8500": (child(LAchildID=" "), KEEPS, 1),
    "8510": ({"Child": [{}, {}]}, {"Child": [{}, {"LAchildID": "A2"}]}, 2),
    "8520": (child(PersonBirthDate="2025-04-01"), child(PersonBirthDate="2025-03-31"), 1),
    "8525Q": (child(ExpectedPersonBirthDate="2015-05-05"), child(**UNBORN), 1),
    "8530Q": (child(**UNBORN | {"ExpectedPersonBirthDate": "2025-02-28"}), child(**UNBORN), 1),
    "8535Q": (child(PersonDeathDate="2015-05-04"), child(PersonDeathDate="2015-05-05"), 1),
    "8540": (disabilities("DEAF"), disabilities("NONE"), 1),
    "8545Q": (child(PersonDeathDate="2024-03-31"), child(PersonDeathDate="2024-04-01"), 1),
    "8590": ({"CINdetails": []} | NOTHING_BELOW, KEEPS, 1),
    "8750": (child(**UNBORN, Sex="F"), child(**UNBORN, Sex="U"), 1),
    "8790": (disabilities("NONE", "LD"), disabilities("NONE"), 1),
    "8794": (disabilities("LD", "LD", "MOB"), KEEPS, 2),
    "2883": (plan(("2024-07-01", "2024-08-01"), ("2024-09-02", None)), KEEPS, 1),
    "2884": (case(DateOfInitialCPC="2024-07-01"), case(DateOfInitialCPC="2024-07-01") | {"Section47": []}, 1),
    "2990": (case(**CLOSED | {"ReasonForClosure": "RC8"}), case(**CLOSED), 1),
    "2991Q": ({"Assessments": [], "AssessmentFactors": []}, KEEPS, 1),
    "8555Q": (child(PersonDeathDate="2024-04-30"), child(PersonDeathDate="2024-05-01"), 1),
    "8565": (case(CINclosureDate="2024-06-30"), case(CINclosureDate="2024-07-01"), 1),
    "8568": (case(ReferralNFA="yes"), case(ReferralNFA="FALSE"), 1),
    # Good Friday and Easter Monday make 28 March the working day before 1 April 2024, itself a holiday.
    "8569Q": (
        case(CINreferralDate="2024-03-27", **NO_FURTHER_ACTION),
        case(CINreferralDate="2024-03-28", **NO_FURTHER_ACTION),
        1,
    ),
    "8585Q": (case(ReasonForClosure="RC2"), case(ReasonForClosure="RC2") | child(**DIED), 1),
    "8600": (case(CINreferralDate="2025-04-01"), case(CINreferralDate="2025-03-31"), 1),
    "8606": (
        case(CINreferralDate="2024-07-28") | child(**UNBORN),
        case(CINreferralDate="2024-07-29") | child(**UNBORN),
        1,
    ),
    "8610": (case(PrimaryNeedCode=None), case(PrimaryNeedCode=None, **NO_FURTHER_ACTION), 1),
    "8620": (case(CINclosureDate="2025-04-01"), case(CINclosureDate="2025-03-31"), 1),
    "8630": (case(CINclosureDate="2024-04-30"), case(CINclosureDate="2024-05-01"), 1),
    "8640": (case(ReasonForClosure="RC0"), case(ReasonForClosure="rc9"), 1),
    "8650": (case(PrimaryNeedCode="A2"), case(PrimaryNeedCode=None), 1),
    "8775Q": (child(PersonBirthDate="2000-03-30"), child(PersonBirthDate="2000-03-31"), 1),
    "8805": (case(CINclosureDate="2024-12-01"), case(**CLOSED), 1),
    "8810": (case(ReasonForClosure="RC7"), case(**CLOSED), 1),
    "8815": (two_cases({}, {"CINreferralDate": "2024-12-02"}), two_cases(CLOSED, {"CINreferralDate": "2024-12-02"}), 2),
    "8816": (
        two_cases({}, {"CINreferralDate": "2024-12-02"} | CLOSED),
        two_cases(CLOSED, {"CINreferralDate": "2024-12-02"}),
        1,
    ),
    "8820": (
        two_cases(CLOSED, {"CINreferralDate": "2024-11-30"}),
        two_cases(CLOSED, {"CINreferralDate": "2024-12-01"}),
        1,
    ),
    "8825Q": (case(**CLOSED | {"ReasonForClosure": "RC9"}) | NOTHING_BELOW, case(ReasonForClosure="RC9"), 1),
    "8831": (case(**NO_FURTHER_ACTION), case(**NO_FURTHER_ACTION) | NOTHING_BELOW, 1),
    "8839": ({"Section47": [OPEN_ENQUIRY, OPEN_ENQUIRY]}, {"Section47": [OPEN_ENQUIRY, REQUIRED_NO_MORE]}, 1),
    "8866": (case(ReferralSource="PR"), case(ReferralSource="5d"), 1),
    "8867": (case(**CLOSED) | assessment(**OPEN_ASSESSMENT), case(**CLOSED), 1),
    "8868": (case(**CLOSED) | enquiry(**OPEN_ENQUIRY), case(**CLOSED) | enquiry(**REQUIRED_NO_MORE), 1),
    "8896": (
        assessments(("2024-05-01", None), ("2024-06-01", None)),
        assessments(("2024-05-01", "2024-06-01"), ("2024-06-01", None)),
        1,
    ),
    "1103": (assessment(AssessmentActualStartDate="2024-04-30"), KEEPS, 1),
    "8608": (assessment(AssessmentActualStartDate="2024-06-11"), assessment(AssessmentActualStartDate="2024-06-10"), 1),
    "8614": (assessment(**OPEN_ASSESSMENT), KEEPS, 1),
    # 45 working days before 31 March 2025 is 27 January: 5 days each in 9 weeks.
    "8670Q": (assessments(("2025-01-24", None)), assessments(("2025-01-27", None)), 1),
    "8696": (
        assessment(AssessmentAuthorisationDate="2025-04-01"),
        assessment(AssessmentAuthorisationDate="2025-03-31"),
        1,
    ),
    "8736": (assessments(("2024-03-31", None)), assessments(("2024-04-01", None)), 1),
    "8863Q": (
        assessments(("2024-05-01", "2024-06-10"), ("2024-06-09", "2024-06-20")),
        assessments(("2024-05-01", "2024-06-10"), ("2024-06-10", "2024-06-20")),
        1,
    ),
    "8869": (factors("21", "3A"), factors("21"), 1),
    "8873Q": (factors("21") | case(**CLOSED), factors("21") | case(**CLOSED | {"ReasonForClosure": "RC8"}), 1),
    "8897Q": (factors(), KEEPS, 1),
    "8898": (factors("3A", "3A", "16A"), KEEPS, 2),
    "8945Q": (factors("18A"), factors("18B"), 1),
    "8950Q": (factors("19A"), factors("19C"), 1),
    "1104": (enquiry(DateOfInitialCPC="2024-04-30"), enquiry(DateOfInitialCPC="2024-05-01"), 1),
    "2889": (enquiry(S47ActualStartDate="2024-04-30"), enquiry(S47ActualStartDate="2024-05-01"), 1),
    "8615": (enquiry(S47ActualStartDate="2024-07-02"), enquiry(S47ActualStartDate="2024-07-01"), 1),
    # 15 working days before 31 March 2025 is 10 March.
    "8675Q": (
        enquiry(S47ActualStartDate="2025-03-07", **OPEN_ENQUIRY),
        enquiry(S47ActualStartDate="2025-03-10", **OPEN_ENQUIRY),
        1,
    ),
    "8715": (enquiry(DateOfInitialCPC="2025-04-01"), enquiry(DateOfInitialCPC="2025-03-31"), 1),
    "8740": (
        enquiry(S47ActualStartDate="2024-03-29", **OPEN_ENQUIRY),
        enquiry(S47ActualStartDate="2024-03-29", **REQUIRED_NO_MORE),
        1,
    ),
    "8870Q": (enquiry(InitialCPCtarget="2024-06-29"), enquiry(InitialCPCtarget="2024-06-28"), 1),
    "8875": (enquiry(DateOfInitialCPC="2024-06-30"), enquiry(DateOfInitialCPC="2024-06-28"), 1),
    "8890": (
        {"Section47": [{}, {"S47ActualStartDate": "2024-06-30"}]},
        {"Section47": [{}, {"S47ActualStartDate": "2024-07-01"}]},
        1,
    ),
    "1105": (plan(("2024-04-30", None)), plan(("2024-05-01", None)), 1),
    "2885": (plan(("2024-07-02", None)), KEEPS, 1),
    "8720": (plan(("2025-04-01", None)), plan(("2025-03-31", None)), 1),
    "8730": ({"ChildProtectionPlans": [{"NumberOfPreviousCPP": None}]}, KEEPS, 1),
    "8832": (case(**NO_FURTHER_ACTION), KEEPS, 1),
    "8840": (plan(("2024-07-01", "2024-07-01")), plan(("2024-07-01", "2024-07-02")), 1),
    "8905": ({"ChildProtectionPlans": [{"InitialCategoryOfAbuse": None}]}, KEEPS, 1),
    "8910": ({"ChildProtectionPlans": [{"LatestCategoryOfAbuse": "XXX"}]}, KEEPS, 1),
    "8915": (child(**DIED), child(PersonDeathDate="2024-07-01"), 1),
    "8920": (
        child(PersonDeathDate="2024-08-01") | plan(("2024-07-01", "2024-08-02")),
        child(PersonDeathDate="2024-08-02") | plan(("2024-07-01", "2024-08-02")),
        1,
    ),
    "8925": (plan(("2024-07-01", "2024-06-30")), plan(("2024-07-01", "2024-07-01")), 1),
    "8930": (plan(("2024-07-01", "2025-04-01")), plan(("2024-07-01", "2025-03-31")), 1),
    "8935": (plan(("2024-07-01", None), ("2024-08-01", None)), KEEPS, 2),
    "8940": (
        plan(("2024-07-01", "2024-08-02"), ("2024-08-01", None)),
        plan(("2024-07-01", "2024-08-01"), ("2024-08-01", None)),
        1,
    ),
    "4003": (review("2024-06-11"), review("2024-07-01"), 1),
    "8841": (review("2024-07-01"), review("2024-07-02"), 1),
    "8842Q": (review(None), KEEPS, 1),
    "4000": (case(**NO_FURTHER_ACTION), KEEPS, 1),
    "4001": (cin_plan(("2024-06-11", None)), KEEPS, 1),
    "4004": (cin_plan(("2024-06-11", None), ("2024-06-12", None)), cin_plan(("2024-06-11", None)), 2),
    "4008": (child(PersonDeathDate="2024-06-10"), child(PersonDeathDate="2024-06-11"), 1),
    "4009Q": (child(PersonDeathDate="2024-06-30"), child(PersonDeathDate="2024-07-01"), 1),
    "4010": (cin_plan((None, "2024-07-01")), KEEPS, 1),
    "4011": (cin_plan(("2024-06-11", "2024-06-10")), cin_plan(("2024-06-11", "2024-06-11")), 1),
    "4012Q": (cin_plan(("2024-06-11", "2024-06-11")), cin_plan(("2024-06-11", "2024-06-12")), 1),
    "4013": (cin_plan(("2024-06-11", "2025-04-01")), cin_plan(("2024-06-11", "2025-03-31")), 1),
    "4014": (
        cin_plan(("2024-06-11", "2024-06-20"), ("2024-06-19", "2024-06-28")),
        cin_plan(("2024-06-11", "2024-06-20"), ("2024-06-20", "2024-06-28")),
        1,
    ),
    "4015": (cin_plan(("2024-04-30", "2024-07-01")), cin_plan(("2024-05-01", "2024-07-01")), 1),
    "4016": (cin_plan(("2024-07-01", "2024-08-01")), cin_plan(("2024-06-30", "2024-07-01")), 1),
    "4017": (cin_plan(("2024-06-11", "2024-07-02")), KEEPS, 1),
}
