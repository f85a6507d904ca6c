"""The raw layout: file names and columns of one LA's extract as the study received it (data-formats section 3.1).

In: the frames of this stage. Out: frames with the real column names, which differ between files and years on purpose.
"""

import numpy as np
import polars as pl

from scripts.synthetic.children import Children
from scripts.synthetic.parameters import NO_DATE, Study, date_series

MANIFEST = "manifest.json"
DISABILITIES = "CIN_Disabilities_2009_2019.csv"
SECTION47 = "CIN_Section47.csv"
CARE = "Episode_final_CLA.csv"
# Name of each assessments file, its last year, and its six column names, which count only by position.
ASSESSMENTS = (
    (
        "WWCSC_Core_Assessments__2012_CIN.csv",
        2012,
        ("PupilMatchingRefAnonymous", "ACADYR", "LA", "LAchildID_Anon", "CoreStartDate", "CoreEndDate"),
    ),
    (
        "WWCSC_Core_Assessments__2013_2014_CIN.csv",
        2013,
        (
            "CIN_PupilMatchingRefAnonymous",
            "CIN_ACADYR",
            "CIN_LA",
            "CIN_LAchildID_Anon",
            "CIN_AssessmentStart",
            "CIN_AssessmentEnd",
        ),
    ),
    (
        "WWCSC_Assessments__2014_2019_CIN.csv",
        9999,
        ("PMR", "AcademicYear", "LA_Code", "ChildID", "AssessmentActualStartDate", "AssessmentAuthorisationDate"),
    ),
)
FIRST_FILE = 2008
NO_PREVIOUS_PLANS = (2009, 2010, 2011)
PUPIL_PREMIUM_FROM = 2014
REFERRAL_COLUMNS = {
    "pupil_id": "CIN_PupilMatchingRefAnonymous",
    "child_id": "CIN_LAchildID_Anon",
    "academic_year": "CIN_ACADYR",
    "la": "CIN_LA",
    "birth": "CIN_DOB",
    "expected_birth": "CIN_ExpectedDOB",
    "death": "CIN_PersonDeathDate",
    "gender": "CIN_Gender",
    "ethnicity": "CIN_Ethnicity",
    "disability": "CIN_Disability",
    "asylum_seeking": "CIN_AsylumSeeking",
    "referral": "CIN_ReferralDate",
    "nfa": "CIN_ReferralNFA",
    "closure": "CIN_CINClosureDate",
    "reason": "CIN_ReasonForClosure",
    "need": "CIN_PrimaryNeedCode",
    "conference": "CIN_DateOfInitialCPC",
    "plan_start": "CIN_CPPstartDate",
    "plan_end": "CIN_CPPendDate",
    "category": "CIN_LatestCategoryOfAbuse",
    "previous_plans": "CIN_NumberOfPreviousCPP",
    "at_31_march": "CIN_CINAt31March",
    "any_point": "CIN_AnyPoint",
    "started": "CIN_Started",
}
SCHOOL_COLUMNS = (
    "EVERFSM_3",
    "EVERFSM_6",
    "EVERFSM_6_P",
    "EVERFSM_ALL",
    "FSMeligible",
    "EYPPE",
    "SENprovisionMajor",
    "NCyearActual",
)
DISABILITY_CODES = ("AUT", "LD", "BEH", "COMM", "MOB", "DDA", "PC", "VIS", "HEAR", "INC", "HAND", "CON")


def referral_file(year: int) -> str:
    """Name of a census year's referral file."""
    return f"CIN_{year}.csv"


def file_names(study: Study) -> list[str]:
    """Names of all files of one LA."""
    return (
        [referral_file(int(year)) for year in study.years]
        + [name for name, _, _ in ASSESSMENTS]
        + [DISABILITIES, SECTION47, CARE]
    )


def academic_year(year: pl.Expr) -> pl.Expr:
    """2013 as "2013/2014"."""
    return pl.format("{}/{}", year, year + 1)


def as_dates(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Day columns as Date, `NO_DATE` as null."""
    return frame.with_columns(date_series(frame[name].to_numpy()).alias(name) for name in columns)


def referral_frames(copies: pl.DataFrame, la: str, study: Study) -> dict[str, pl.DataFrame]:
    """One frame per census year with that year's columns."""
    dated = as_dates(
        copies, "birth", "expected_birth", "death", "referral", "closure", "conference", "plan_start", "plan_end"
    )
    dated = dated.with_columns(pl.lit(la).alias("la"), academic_year(pl.col("year")).alias("academic_year"))
    by_year = dated.partition_by("year", as_dict=True)
    return {
        referral_file(int(year)): _of_year(by_year.get((int(year),), dated.clear()), int(year)) for year in study.years
    }


def _of_year(copies: pl.DataFrame, year: int) -> pl.DataFrame:
    """The layout of one census year."""
    names = dict(REFERRAL_COLUMNS)
    if year == FIRST_FILE:
        names |= {"la": "CIN_LA_LGR", "category": "CIN_CategoryOfAbuse"}
    if year in NO_PREVIOUS_PLANS:
        del names["previous_plans"]
    suffix = f"_SPR{(year + 1) % 100:02d}"
    school = {name: name + suffix for name in SCHOOL_COLUMNS if name != "EYPPE" or year >= PUPIL_PREMIUM_FROM}
    return copies.select(pl.col(name).alias(column) for name, column in (names | school).items())


def assessment_frames(rows: pl.DataFrame, la: str, children: Children, study: Study) -> dict[str, pl.DataFrame]:
    """The three assessments files; the year is that of the end, or of the start while open, within the study."""
    child, start, end = (rows[name].to_numpy() for name in ("child", "start", "end"))
    reported = np.where(end == NO_DATE, start, np.maximum(start, end))
    frame = as_dates(rows, "start", "end").select(
        pl.Series(children.pupil, dtype=pl.String).gather(child).alias("pupil"),
        pl.Series("year", study.years[study.year_index(reported)]),
        pl.lit(la).alias("la"),
        pl.Series(children.identifier, dtype=pl.String).gather(child).alias("child_id"),
        "start",
        "end",
    )
    after = [-9999, *(last for _, last, _ in ASSESSMENTS)]
    frames = {}
    for (name, last, columns), previous in zip(ASSESSMENTS, after[:-1], strict=True):
        part = frame.filter(pl.col("year").is_between(previous, last, closed="right"))
        part = part.with_columns(academic_year(pl.col("year")).alias("year"))
        frames[name] = part.rename(dict(zip(part.columns, columns, strict=True)))
    return frames


def disability_frame(children: Children, rng: np.random.Generator) -> pl.DataFrame:
    """One row per child and recorded code; about half of the others are stated to have none."""
    codes = np.array(DISABILITY_CODES, dtype=object)
    u = rng.random((3, len(children)))
    position = (u[0] ** 1.7 * len(codes)).astype(np.int64)
    first = np.where(children.disabled, codes[position], np.where(u[1] < 0.1, "none", "NONE"))
    listed = children.disabled | (u[1] < 0.5)
    second = children.disabled & (u[2] < 0.35)
    identifier = np.concatenate([children.identifier[listed], children.identifier[second]])
    code = np.concatenate([first[listed], codes[(position + 1) % len(codes)][second]])
    frame = pl.DataFrame(
        {
            "CIN_LAchildID_Anon": pl.Series(identifier, dtype=pl.String),
            "CIN_Disability": pl.Series(code, dtype=pl.String),
        }
    )
    return frame.sort("CIN_LAchildID_Anon", "CIN_Disability")


def section47_frame(rows: pl.DataFrame, la: str) -> pl.DataFrame:
    """The section 47 extract."""
    return rows.select(
        pl.col("child_id").alias("CIN_LAchildID_Anon"),
        pl.lit(la).alias("CIN_LA"),
        pl.col("conference").alias("CIN_DateOfInitialCPC"),
    )


def care_frame(episodes: pl.DataFrame, la: str, children: Children) -> pl.DataFrame:
    """The episodes file; a period's length counts its first and last day, and is blank while it is open."""
    child = episodes["child"].to_numpy()
    born = pl.Series(np.where(children.birth_missing, NO_DATE, children.birth)[child])
    birth = date_series(born.to_numpy())
    length = np.where(
        episodes["poc_end"].to_numpy() == NO_DATE,
        -1,
        episodes["poc_end"].to_numpy() - episodes["poc_start"].to_numpy() + 1,
    )
    return as_dates(episodes, "start", "end", "poc_start").select(
        pl.Series(children.identifier, dtype=pl.String).gather(child).alias("CHILD_LA_CODE_ANON"),
        pl.Series("CHILD_ID_ANON", np.char.add("C", child.astype(str)).astype(object), dtype=pl.String),
        pl.Series(children.pupil, dtype=pl.String).gather(child).alias("CLA_PupilMatchingRefAnonymous"),
        pl.lit(la).alias("LA"),
        "legal_status",
        "placement",
        pl.col("need").alias("cin"),
        pl.col("start").alias("date_episode_started"),
        pl.col("end").alias("date_episode_ceased"),
        pl.col("reason").alias("reason_episode_ceased"),
        "poc_start",
        pl.Series("poc_length", length).replace(-1, None),
        pl.Series("SEX", children.gender[child]),
        pl.Series(children.ethnicity, dtype=pl.String).gather(child).alias("ethnic_or"),
        birth.dt.year().alias("dob_Year"),
        birth.dt.month().alias("dob_Month"),
        pl.Series("uasc_status", children.asylum_seeking[child].astype(np.int8)),
    )
