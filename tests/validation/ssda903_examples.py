"""A smallest failing and a smallest passing return for every SSDA903 rule, read by test_ssda903.py.

A return is one child unless an example says otherwise; only what the rule is about differs from a clean row. All dates
and children are made up.
"""

from dataclasses import dataclass, field

YEAR = 2018
CHILD = {"CHILD": "1", "SEX": "1", "DOB": "10/05/2008", "ETHNIC": "WBRI"}
EPISODE = {
    "CHILD": "1",
    "DECOM": "01/06/2018",
    "RNE": "S",
    "LS": "C2",
    "CIN": "N1",
    "PLACE": "U6",
    "PLACE_PROVIDER": "PR1",
    "DEC": "",
    "REC": "",
    "REASON_PLACE_CHANGE": "",
}
ASYLUM = {"CHILD": "1", "SEX": "1", "DOB": "10/05/2008", "DUC": ""}

Row = dict[str, str]


@dataclass(frozen=True)
class Return:
    """Rows of each module by census year, and how many rows of the rule's view break it in the last year."""

    modules: dict[str, dict[int, list[Row]]]
    n_failing: int = field(default=0)


def _filled(default: Row, rows: tuple[Row, ...]) -> list[Row]:
    return [default | row for row in rows]


def episodes(*rows: Row, year: int = YEAR, born: str = "10/05/2008", n: int = 1) -> Return:
    """One child's episodes in one year."""
    header = [CHILD | {"DOB": born}]
    return Return({"Header": {year: header}, "Episodes": {year: _filled(EPISODE, rows)}}, n)


def moves(then: Row, now: Row, year: int = YEAR, born: str = "10/05/2008", n: int = 1) -> Return:
    """Two episodes, the second from the day the first ended."""
    first = {"DECOM": "01/06/2018", "DEC": "01/09/2018", "REC": "X1"}
    return episodes(first | then, {"DECOM": "01/09/2018", "RNE": "P"} | now, year=year, born=born, n=n)


def header(*rows: Row, year: int = YEAR, n: int = 1) -> Return:
    """Rows of the header."""
    return Return({"Header": {year: _filled(CHILD, rows)}}, n)


def asylum(*rows: Row, year: int = YEAR, child: str = "1", n: int = 1) -> Return:
    """Rows of the asylum list beside one child's header."""
    return Return({"Header": {year: [CHILD | {"CHILD": child}]}, "UASC": {year: _filled(ASYLUM, rows)}}, n)


def again(then: Row, now: Row, year: int = YEAR) -> Return:
    """The child in two years' headers."""
    return Return({"Header": {year - 1: [CHILD | then], year: [CHILD | now]}}, 1)


def asylum_again(then: Row | None, now: Row | None) -> Return:
    """The child in two years' headers and, where there is a row, in the asylum list."""
    lists = {YEAR + step: [ASYLUM | row] for step, row in ((-1, then), (0, now)) if row is not None}
    return Return({"Header": {YEAR - 1: [CHILD], YEAR: [CHILD]}, "UASC": lists}, 1)


def carried(then: Row, now: Row, year: int = YEAR) -> Return:
    """An episode begun in the year before the last, as last year's return and this year's have it."""
    start = {"DECOM": "01/06/2016"}
    rows = {year - 1: [EPISODE | start | then], year: [EPISODE | start | now]}
    return Return({"Header": {year - 1: [CHILD], year: [CHILD]}, "Episodes": rows}, 1)


ENDED = {"DEC": "01/09/2018", "REC": "E3"}


def _ended(rec: str, **row: str) -> Row:
    return {"DEC": "01/09/2018", "REC": rec} | row


def _lasting(until: str, **row: str) -> Row:
    return {"DEC": until, "REC": "X1"} | row


T3 = {"PLACE": "T3", "RNE": "P", "REC": "X1"}
BACK = [
    {"DECOM": "01/06/2018", "DEC": "01/07/2018", "REC": "X1"},
    {"DECOM": "01/07/2018", "DEC": "05/07/2018", "REC": "X1", "RNE": "P", "PLACE": "T4"},
]

# Rule: (a return that breaks it, a return that keeps it); `n` counts only in the first.
EXAMPLES: dict[str, tuple[Return, Return]] = {
    "101": (header({"SEX": "M"}), header({"SEX": "M"}, year=2024)),
    "102": (header({"DOB": "31/02/2008"}), header({"DOB": "29/02/2008"})),
    "103": (header({"ETHNIC": "MISS"}), header({"ETHNIC": "REFU"})),
    "104": (asylum({"DUC": "31/03/2018"}), asylum({"DUC": "01/04/2018"})),
    "141": (episodes({"DECOM": "1/6/18"}), episodes({"DECOM": "2018-06-01"})),
    "142": (moves({"DEC": "", "REC": ""}, {}), moves({}, {})),
    "143": (episodes({"RNE": "X"}), episodes({"RNE": "p "})),
    "144": (episodes({"LS": "C9"}), episodes({"LS": "D1"})),
    "145": (episodes({"CIN": "N9"}), episodes({"CIN": "N8"})),
    "146": (episodes({"PLACE": "K3"}), episodes({"PLACE": "K3"}, year=2024)),
    "147": (episodes({"DEC": "31/06/2018"}), episodes({"DEC": "30/06/2018"})),
    "148": (episodes({"DEC": "01/09/2018"}), episodes(ENDED)),
    "149": (episodes(_ended("E44")), episodes(_ended("E44"), year=2017)),
    "178": (episodes({"PLACE_PROVIDER": "PR6"}), episodes({"PLACE_PROVIDER": "PR5"})),
    "199": (
        episodes(_ended("E11", PLACE="A4"), {"DECOM": "01/12/2018"}),
        episodes({"DEC": "01/09/2018", "REC": "X1"}, _ended("E11", DECOM="01/09/2018", DEC="01/12/2018")),
    ),
    "1009": (
        episodes({"REASON_PLACE_CHANGE": "CUSTOD"}, year=2017),
        episodes({"REASON_PLACE_CHANGE": "CUSTOD"}),
    ),
    "202": (again({"SEX": "1"}, {"SEX": "2"}), again({"SEX": "1"}, {"SEX": "M"}, year=2024)),
    "203": (again({}, {"DOB": "11/05/2008"}), again({}, {"DOB": "2008-05-10"})),
    "204": (again({"ETHNIC": "NOBT"}, {}), again({}, {})),
    "205A": (asylum_again({}, None), asylum_again({"DUC": "31/03/2018"}, None)),
    "205D": (asylum_again(None, {}), asylum_again({}, {})),
    "213": (
        episodes({"PLACE": "T4", "RNE": "P"}),
        episodes({"PLACE": "T4", "RNE": "P", "PLACE_PROVIDER": ""}),
    ),
    "217": (episodes({"PLACE": "A5", "RNE": "P"}), episodes({"PLACE": "A5", "RNE": "T"})),
    "217t": (
        episodes({"PLACE": "P2", "DEC": "29/10/2023"}, year=2023),
        episodes({"PLACE": "P2", "DEC": "28/10/2023"}, year=2023),
    ),
    "225": (moves({}, {}), moves({"REASON_PLACE_CHANGE": "CARPL"}, {})),
    "226": (
        moves({"REASON_PLACE_CHANGE": "CARPL"}, {"PLACE": "T1"}),
        moves({}, {"PLACE": "T1"}),
    ),
    "231": (
        asylum({"DOB": "01/04/2014"}, year=2024),
        asylum({"DOB": "31/03/2014"}, year=2024),
    ),
    "232": (header({"SEX": "U"}, year=2024), header({"SEX": "F"}, year=2024)),
    "233": (
        episodes({"REASON_PLACE_CHANGE": "OTHER"}, year=2025),
        episodes({"REASON_PLACE_CHANGE": "OTHER", "DEC": "01/09/2025"}, year=2025),
    ),
    "234": (
        episodes({"REASON_PLACE_CHANGE": "CUSTOD"}, year=2025, born="02/06/2008"),
        episodes({"REASON_PLACE_CHANGE": "CUSTOD"}, year=2025, born="01/06/2008"),
    ),
    "301": (header({"DOB": "01/04/2019"}), header({"DOB": "31/03/2019"})),
    "302": (episodes({}, born="02/06/2018"), episodes({}, born="01/06/2018")),
    "304": (asylum({"DUC": "11/05/2026"}), asylum({"DUC": "10/05/2026"})),
    "351": (header({"DOB": "31/03/1993"}), header({"DOB": "01/04/1993"})),
    "352": (episodes({}, born="01/06/2000"), episodes({}, born="02/06/2000")),
    "353": (episodes({"DECOM": "13/10/1991"}), episodes({"DECOM": "14/10/1991"})),
    "354": (episodes({"DECOM": "01/04/2019"}), episodes({"DECOM": "31/03/2019"})),
    "355": (episodes({"DEC": "01/06/2018"}), episodes({"DEC": "02/06/2018"})),
    "356": (episodes({"DEC": "31/05/2018"}), episodes({"DEC": "01/06/2018"})),
    "357": (episodes({"RNE": "P"}), episodes({"RNE": "P", "DECOM": "31/03/2018"})),
    "358": (episodes({"LS": "J1"}, born="02/06/2008"), episodes({"LS": "J1"}, born="01/06/2008")),
    "359": (
        episodes({"LS": "V2", "PLACE": "K1"}, born="30/03/2001"),
        episodes({"LS": "V2", "PLACE": "K2"}, born="30/03/2001"),
    ),
    "361": (
        episodes(_lasting("05/06/2018", LS="L1")),
        episodes(_lasting("04/06/2018", LS="L1"), {"DECOM": "04/06/2018", "RNE": "L"}),
    ),
    "362": (
        moves({"LS": "L2"}, {"LS": "L2"}, n=2),
        episodes(_lasting("22/06/2018", LS="L2")),
    ),
    "363": (episodes(_lasting("09/06/2018", LS="L3")), episodes(_lasting("08/06/2018", LS="L3"))),
    "364": (episodes(_lasting("23/06/2018", LS="J2")), episodes(_lasting("22/06/2018", LS="J2"))),
    "365": (episodes(_lasting("19/06/2018", LS="V3")), episodes(_lasting("18/06/2018", LS="V3"))),
    "366": (episodes({"LS": "V3", "RNE": "P"}), episodes({"LS": "V3"})),
    "367": (
        # 39 and 37 days.
        episodes(
            _lasting("10/07/2018", LS="V3"),
            _lasting("07/09/2018", LS="V3", DECOM="01/08/2018"),
            n=2,
        ),
        # 39 and 36 days.
        episodes(_lasting("10/07/2018", LS="V3"), _lasting("06/09/2018", LS="V3", DECOM="01/08/2018")),
    ),
    "370": (
        episodes({"PLACE": "P2"}, born="01/06/2003", year=2023),
        episodes({"PLACE": "P2"}, born="01/06/2003"),
    ),
    "371": (
        episodes({"PLACE": "H5"}, born="01/06/2004", year=2023),
        episodes({"PLACE": "H5"}, born="01/06/2004"),
    ),
    "372": (episodes({"PLACE": "R5"}, born="02/06/2008"), episodes({"PLACE": "R5"}, born="01/06/2008")),
    "373": (episodes({"PLACE": "S1"}, born="02/06/2014"), episodes({"PLACE": "S1"}, born="01/06/2014")),
    "374": (episodes({"PLACE": "P3"}, born="02/06/2004"), episodes({"PLACE": "P3"}, born="01/06/2004")),
    "375": (episodes(_lasting("14/07/2018", PLACE="T1")), episodes(_lasting("13/07/2018", PLACE="T1"))),
    "376": (episodes(_lasting("23/06/2018", PLACE="T3")), episodes(_lasting("22/06/2018", PLACE="T3"))),
    "377": (
        episodes(*(T3 | {"DECOM": f"0{day}/06/2018", "DEC": f"0{day + 1}/06/2018"} for day in (1, 3, 5)), n=3),
        episodes(*(T3 | {"DECOM": f"0{day}/06/2018", "DEC": f"0{day + 1}/06/2018"} for day in (1, 3))),
    ),
    "378": (episodes({"PLACE": "P1", "LS": "V2"}), episodes({"PLACE": "P1", "LS": "C2"})),
    "379": (episodes(_lasting("09/06/2018", PLACE="T4")), episodes(_lasting("08/06/2018", PLACE="T4"))),
    "380": (episodes({"PLACE": "T0"}), episodes({"PLACE": "T0", "RNE": "B"})),
    "381": (episodes(_ended("E8", PLACE="T2")), episodes(_ended("X1", PLACE="T2"))),
    "382": (episodes({"PLACE": "T2", "LS": "V4"}), episodes({"PLACE": "T2", "LS": "V2"})),
    "383": (
        episodes(*BACK, {"DECOM": "05/07/2018", "RNE": "P", "PLACE": "K2"}),
        episodes(*BACK, {"DECOM": "05/07/2018", "RNE": "P"}),
    ),
    "384": (episodes({"PLACE": "U4", "LS": "V3"}), episodes({"PLACE": "U5", "LS": "V3"})),
    "385": (episodes({"DEC": "01/04/2019"}), episodes({"DEC": "31/03/2019"})),
    "386": (episodes(_ended("E12"), born="01/09/2000"), episodes(_ended("E12"), born="02/09/2000")),
    "387": (episodes(_ended("E6"), born="02/09/2004"), episodes(_ended("E6"), born="01/09/2004")),
    "388": (moves({"REC": "E3"}, {}), moves({}, {})),
    "389": (episodes(_ended("E7"), born="02/09/2002"), episodes(_ended("E7"), born="01/09/2002")),
    "390": (episodes(_ended("E11")), episodes(_ended("E11", PLACE="A3"))),
    "407": (episodes(_ended("E47"), born="01/09/2000"), episodes(_ended("E47"), born="02/09/2000")),
    "408": (episodes({"PLACE": "A6"}), episodes({"PLACE": "A6", "LS": "E1"})),
    "426": (
        episodes(_lasting("05/06/2018", LS="V3"), {"LS": "V4", "DECOM": "01/07/2018"}, n=2),
        episodes(_lasting("05/06/2018", LS="V3"), {"LS": "V3", "DECOM": "01/07/2018"}),
    ),
    "431": (moves({"REC": "E3"}, {"RNE": "S"}), moves({"REC": "E3"}, {"RNE": "S", "DECOM": "02/09/2018"})),
    "432": (moves({"REC": "E3"}, {}), moves({}, {})),
    "433": (moves({}, {"DECOM": "02/09/2018"}), moves({}, {})),
    "434": (moves({}, {"RNE": "L", "LS": "E1", "PLACE": "K2"}), moves({}, {"RNE": "L", "LS": "E1"})),
    "435": (moves({}, {"LS": "E1"}), moves({}, {"PLACE": "K2"})),
    "436": (moves({}, {"RNE": "B", "PLACE": "K2"}), moves({}, {"RNE": "B", "PLACE": "K2", "LS": "E1"})),
    "437": (
        episodes(_ended("E2"), {"DECOM": "02/09/2018"}),
        episodes({}, _ended("E2", DECOM="01/08/2018")),
    ),
    "445": (
        episodes({"LS": "D1", "DECOM": "01/01/2006"}),
        episodes({"LS": "D1", "DECOM": "31/12/2005"}),
    ),
    "446": (
        episodes({"LS": "E1", "DECOM": "30/11/2005"}),
        episodes({"LS": "E1", "DECOM": "01/12/2005"}),
    ),
    "451": (episodes({"LS": "D1"}), episodes({"LS": "D1"} | ENDED)),
    "460": (episodes(_ended("E17"), born="02/09/2000"), episodes(_ended("E17"), born="01/09/2000")),
    "501": (moves({}, {"DECOM": "31/08/2018"}), moves({}, {})),
    "502": (carried({}, {"DECOM": "02/06/2016"}), carried({}, {})),
    "503A": (carried({}, {"RNE": "P"}), carried(ENDED, {"RNE": "P"})),
    "503B": (carried({}, {"LS": "C1"}), carried(ENDED, {"LS": "C1"})),
    "503C": (carried({}, {"CIN": "N2"}), carried(ENDED, {"CIN": "N2"})),
    "503D": (
        carried({"PLACE": "H5"}, {"PLACE": "K3"}, year=2018),
        carried({"PLACE": "H5"}, {"PLACE": "K3"}, year=2024),
    ),
    "503E": (carried({}, {"PLACE_PROVIDER": "PR4"}), carried({}, {})),
    "504": (moves({}, {"CIN": "N2"}), moves({"REC": "E3"}, {"CIN": "N2"})),
    "516": (episodes(_ended("E45", PLACE="P1")), episodes(_ended("E45", PLACE="U1"))),
    "526": (
        episodes({"PLACE_PROVIDER": ""}),
        episodes({"PLACE_PROVIDER": "", "PLACE": "Z1"}),
    ),
    "527": (
        episodes({"PLACE": "R2", "PLACE_PROVIDER": "PR1"}),
        episodes({"PLACE": "R3", "PLACE_PROVIDER": "PR1"}),
    ),
    "528": (
        episodes({"PLACE": "R5", "PLACE_PROVIDER": "PR2"}),
        episodes({"PLACE": "R5", "PLACE_PROVIDER": "PR3"}),
    ),
    "529": (
        episodes({"PLACE": "K1", "PLACE_PROVIDER": "PR3"}),
        episodes({"PLACE": "R1", "PLACE_PROVIDER": "PR3"}),
    ),
    "530": (
        episodes({"PLACE": "P1", "PLACE_PROVIDER": "PR4"}),
        episodes({"PLACE": "P1", "PLACE_PROVIDER": "PR0"}),
    ),
    "531": (
        episodes({"PLACE": "P1", "PLACE_PROVIDER": "PR5"}),
        episodes({"PLACE": "P2", "PLACE_PROVIDER": "PR5"}),
    ),
    "550": (
        episodes({"PLACE_PROVIDER": "PR0"}),
        episodes({"PLACE": "P1", "PLACE_PROVIDER": "PR0"}),
    ),
    "562": (carried({"DECOM": "01/07/2016"}, {}), carried({}, {})),
    "INT03": (episodes({"CHILD": "2"}), episodes({})),
    "INT09": (asylum({"CHILD": "2"}), asylum({})),
    "INT18": (asylum({"DOB": "10/05/2007"}), asylum({})),
    "INT21": (asylum({"SEX": "2"}), asylum({})),
    "INT32": (header({}, {}, n=2), header({}, {"CHILD": "2"})),
    "INT36": (asylum({}, {}, n=2), asylum({})),
    "NoE": (carried({"CHILD": "2"}, {}), carried({}, {})),
}
