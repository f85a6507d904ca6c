"""The figures of one LA's extract that the calibration report adds up over LAs.

In: an LA's folder in the raw layout. Out: a dict of counts by name ("referrals:2018"), read back from the files
rather than from the generator, so that the report judges what was written, dirt included.
"""

from pathlib import Path

import polars as pl

from scripts.dates import financial_year, working_days
from scripts.synthetic import layout
from scripts.synthetic.parameters import Study

Figures = dict[str, float]
SCHOOL_AGED = "FSMeligible"
REPEAT_DAYS = 365
SHORT_BREAKS = ("V3", "V4")
EARLIEST = pl.date(1930, 1, 1)


def la_figures(folder: Path, study: Study) -> Figures:
    """Counts of one LA."""
    copies = _copies(folder, study)
    return {
        **_referral_figures(copies),
        **_protection_figures(copies, folder),
        **_stock_figures(copies, study),
        **_assessment_figures(folder, study),
        **_care_figures(folder, study),
    }


def _copies(folder: Path, study: Study) -> pl.DataFrame:
    """All census years under the later years' names, with `year`."""
    frames = []
    for year in study.years:
        frame = pl.read_csv(folder / layout.referral_file(int(year)), infer_schema=False)
        frame = frame.rename({"CIN_LA_LGR": "CIN_LA", "CIN_CategoryOfAbuse": "CIN_LatestCategoryOfAbuse"}, strict=False)
        suffix = f"_SPR{(year + 1) % 100:02d}"
        frames.append(
            frame.rename(lambda name, end=suffix: name.removesuffix(end)).with_columns(pl.lit(int(year)).alias("year"))
        )
    copies = pl.concat(frames, how="diagonal")
    dates = ["CIN_ReferralDate", "CIN_CINClosureDate", "CIN_CPPstartDate", "CIN_DateOfInitialCPC", "CIN_DOB"]
    return copies.with_columns(
        *(pl.col(name).str.to_date("%Y-%m-%d", strict=False) for name in dates),
        pl.col("CIN_ReasonForClosure").str.replace_all(" ", "").str.to_uppercase().alias("reason"),
    )


def _counts(name: str, frame: pl.DataFrame, key: str = "year") -> Figures:
    """Rows of `frame` by year as "name:year"."""
    return {f"{name}:{year}": float(rows) for year, rows in frame.group_by(key).len().iter_rows() if year is not None}


def _referral_figures(copies: pl.DataFrame) -> Figures:
    """Referrals, their course and their seasons, by year of referral; ended episodes by length."""
    referrals = (
        copies.group_by("CIN_LAchildID_Anon", "CIN_ReferralDate")
        .agg(
            pl.col("CIN_ReferralNFA").min(),
            (pl.col("reason") == "RC8").any(),
            pl.col("CIN_AnyPoint").max(),
            pl.col("CIN_CINClosureDate").max(),
        )
        .sort("CIN_LAchildID_Anon", "CIN_ReferralDate")
        .with_columns(
            financial_year(pl.col("CIN_ReferralDate")).alias("year"),
            (pl.col("CIN_ReferralDate") - pl.col("CIN_ReferralDate").shift(1).over("CIN_LAchildID_Anon"))
            .dt.total_days()
            .alias("since"),
            (pl.col("CIN_CINClosureDate") - pl.col("CIN_ReferralDate")).dt.total_days().alias("length"),
        )
    )
    # The year that the collection began in is a part-year and has no season.
    whole = referrals.filter(pl.col("year") > pl.col("year").min())
    months = whole.group_by(pl.col("CIN_ReferralDate").dt.month().alias("year")).len()
    ended = referrals.filter(
        (pl.col("CIN_AnyPoint") == "1") & (financial_year(pl.col("CIN_CINClosureDate")) == pl.col("year").max())
    )
    return {
        **_counts("referrals", referrals),
        **_counts("nfa", referrals.filter(pl.col("CIN_ReferralNFA") == "1")),
        **_counts(
            "not_in_need", referrals.filter((pl.col("CIN_ReferralNFA") == "0") & (pl.col("CIN_AnyPoint") == "0"))
        ),
        **_counts("rereferred", referrals.filter(pl.col("since") <= REPEAT_DAYS)),
        **{f"month:{month}": float(rows) for month, rows in months.iter_rows()},
        "months": float(len(whole)),
        "ended": float(len(ended)),
        "ended_3m": float(len(ended.filter(pl.col("length") <= 91))),
        "ended_24m": float(len(ended.filter(pl.col("length") > 730))),
    }


def _protection_figures(copies: pl.DataFrame, folder: Path) -> Figures:
    """Conferences of both files and plans, by year."""
    section47 = pl.read_csv(folder / layout.SECTION47, infer_schema=False).with_columns(
        pl.col("CIN_DateOfInitialCPC").str.to_date("%Y-%m-%d", strict=False)
    )
    key = ["CIN_LAchildID_Anon", "CIN_DateOfInitialCPC"]
    conferences = pl.concat([copies.select(key), section47.select(key)]).drop_nulls().unique()
    plans = copies.filter(pl.col("CIN_CPPstartDate").is_not_null()).sort(
        "CIN_LAchildID_Anon", "CIN_CPPstartDate", "year"
    )
    plans = plans.unique(["CIN_LAchildID_Anon", "CIN_CPPstartDate"], keep="first", maintain_order=True).with_columns(
        financial_year(pl.col("CIN_CPPstartDate")).alias("year"),
        pl.col("CIN_LatestCategoryOfAbuse").str.to_uppercase().alias("category"),
    )
    later = pl.col("CIN_NumberOfPreviousCPP").cast(pl.Int64, strict=False) > 0
    return {
        **_counts(
            "conferences", conferences.with_columns(financial_year(pl.col("CIN_DateOfInitialCPC")).alias("year"))
        ),
        **_counts("plans", plans),
        **_counts("later_plans", plans.filter(later)),
        "plans_all": float(len(plans)),
        "plans_neglect": float(len(plans.filter(pl.col("category") == "NEG"))),
        "plans_emotional": float(len(plans.filter(pl.col("category") == "EMO"))),
    }


def _stock_figures(copies: pl.DataFrame, study: Study) -> Figures:
    """Children in need at 31 March by year, and who they are in the last year."""
    stock = copies.filter(pl.col("CIN_CINAt31March") == "1").unique(
        ["CIN_LAchildID_Anon", "year"], keep="first", maintain_order=True
    )
    last = stock.filter(pl.col("year") == int(study.years[-1]))
    birth = pl.when(pl.col("CIN_DOB") >= EARLIEST).then("CIN_DOB")
    age = (pl.date(int(study.years[-1]) + 1, 3, 31) - birth).dt.total_days() / 365.25
    ethnicity, need = (
        pl.col("CIN_Ethnicity").str.strip_chars().str.to_uppercase(),
        pl.col("CIN_PrimaryNeedCode").str.to_uppercase(),
    )
    born = birth.is_not_null()
    tests = {
        "stock": pl.col("year").is_not_null(),
        "stock_boys": pl.col("CIN_Gender") == "1",
        "stock_unborn": pl.col("CIN_ExpectedDOB").is_not_null() & ~born,
        "stock_age_0": age < 1,
        "stock_age_1": (age >= 1) & (age < 5),
        "stock_age_5": (age >= 5) & (age < 10),
        "stock_age_10": (age >= 10) & (age < 16),
        "stock_age_16": age >= 16,
        "stock_white": ethnicity.str.starts_with("W"),
        "stock_mixed": ethnicity.is_in(["MWBC", "MWBA", "MWAS", "MOTH"]),
        "stock_asian": ethnicity.is_in(["AIND", "APKN", "ABAN", "AOTH"]),
        "stock_black": ethnicity.is_in(["BCRB", "BAFR", "BOTH"]),
        "stock_disabled": pl.col("CIN_Disability") == "1",
        "stock_need_n1": need == "N1",
        "stock_need_n2": need.is_in(["N2", "A2"]),
        "stock_need_n5": need.is_in(["N5", "A5"]),
        "stock_pupils": pl.col(SCHOOL_AGED).is_not_null(),
        "stock_fsm": pl.col(SCHOOL_AGED) == "1",
        "stock_sen_known": pl.col("SENprovisionMajor").is_not_null(),
        "stock_sen": pl.col("SENprovisionMajor") != "N",
    }
    counts = last.select(test.fill_null(False).sum().alias(name) for name, test in tests.items()).row(0, named=True)
    return {**_counts("at_31_march", stock), **{name: float(count or 0) for name, count in counts.items()}}


def _assessment_figures(folder: Path, study: Study) -> Figures:
    """Completed assessments by year of completion, and their working days as "days:year:d"."""
    frames = []
    for name, _, _ in layout.ASSESSMENTS:
        frame = pl.read_csv(folder / name, infer_schema=False)
        frames.append(frame.rename(dict(zip(frame.columns, "abcdef", strict=True))))
    rows = (
        pl.concat(frames)
        .select(pl.col("e", "f").str.to_date("%Y-%m-%d", strict=False))
        .filter((pl.col("f") >= pl.col("e")) & (pl.col("e") >= EARLIEST))
    )
    rows = rows.with_columns(
        financial_year(pl.col("f")).alias("year"), working_days(rows["e"], rows["f"], study.calendar).alias("days")
    )
    histogram = rows.group_by("year", "days").len().iter_rows()
    return {**_counts("assessments", rows), **{f"days:{year}:{days}": float(count) for year, days, count in histogram}}


def _care_figures(folder: Path, study: Study) -> Figures:
    """Periods of care by year and how they start; guardianship orders."""
    codes = ("legal_status", "placement", "reason_episode_ceased")
    episodes = pl.read_csv(folder / layout.CARE, infer_schema=False).with_columns(
        pl.col(codes).str.strip_chars().str.to_uppercase()
    )
    episodes = episodes.filter(~pl.col("legal_status").is_in(SHORT_BREAKS)).with_columns(
        pl.col("poc_start").str.to_date("%Y-%m-%d")
    )
    starts = episodes.sort("CHILD_LA_CODE_ANON", "poc_start", "date_episode_started").unique(
        ["CHILD_LA_CODE_ANON", "poc_start"], keep="first", maintain_order=True
    )
    tests = {
        "starts": pl.col("poc_start").is_not_null(),
        "starts_care_order": pl.col("legal_status").is_in(["C1", "C2"]),
        "starts_relative": pl.col("placement").is_in(study.relative_placements),
        "starts_parents": pl.col("placement") == "P1",
    }
    counts = starts.select(test.fill_null(False).sum().alias(name) for name, test in tests.items()).row(0, named=True)
    reasons = episodes["reason_episode_ceased"]
    return {
        **_counts("care_starts", starts.with_columns(financial_year(pl.col("poc_start")).alias("year"))),
        **{name: float(count or 0) for name, count in counts.items()},
        "sgo": float(reasons.is_in(["E45", "E46", "E47", "E48"]).sum()),
        "sgo_relative": float(reasons.is_in(["E45", "E47"]).sum()),
    }
