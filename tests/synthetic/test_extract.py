"""What one LA's extract looks like: layout, restated copies, reproducibility, dirt."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from scripts.synthetic.job import extract, generate, la_covariates
from scripts.synthetic.layout import file_names
from scripts.synthetic.parameters import Study
from tests.synthetic.plain_outcomes import extract_of, referrals_of, study_settings

CLEAN = extract_of(study_settings(3_000))
DIRTY = extract_of(study_settings(8_000, dirt=0.1))


def copies_of(frames: dict[str, pl.DataFrame]) -> pl.DataFrame:
    parts = [
        frame.rename({"CIN_LA_LGR": "CIN_LA", "CIN_CategoryOfAbuse": "CIN_LatestCategoryOfAbuse"}, strict=False)
        for name, frame in frames.items()
        if name.startswith("CIN_2")
    ]
    return pl.concat(parts, how="diagonal")


def test_every_year_has_its_own_columns() -> None:
    columns = {year: set(CLEAN[f"CIN_{year}.csv"].columns) for year in range(2008, 2019)}
    assert {"CIN_LA_LGR", "CIN_CategoryOfAbuse", "FSMeligible_SPR09"} <= columns[2008]
    assert not {"CIN_LA", "CIN_LatestCategoryOfAbuse"} & columns[2008]
    assert [year for year in columns if "CIN_NumberOfPreviousCPP" not in columns[year]] == [2009, 2010, 2011]
    assert [year for year in columns if any(name.startswith("EYPPE_") for name in columns[year])] == [
        *range(2014, 2019)
    ]
    assert {"EVERFSM_6_P_SPR19", "SENprovisionMajor_SPR19", "NCyearActual_SPR19"} <= columns[2018]


def test_assessments_files_have_six_columns_and_no_year_in_common() -> None:
    names = [name for name in CLEAN if name.startswith("WWCSC")]
    assert len(names) == 3
    years = [set(CLEAN[name].to_series(1)) for name in names]
    assert all(len(CLEAN[name].columns) == 6 for name in names)
    assert max(years[0]) == "2012/2013" and years[1] == {"2013/2014"} and min(years[2]) == "2014/2015"


def test_about_as_many_referrals_as_asked_for() -> None:
    # Poisson first referrals, each with a random number of returns: about 2 % standard deviation here.
    assert len(referrals_of(CLEAN)) == pytest.approx(3_000, rel=0.08)


def test_an_open_referral_is_restated_until_it_closes() -> None:
    copies = copies_of(CLEAN).with_columns(pl.col("CIN_ACADYR").str.head(4).cast(pl.Int64).alias("year"))
    open_copies = copies.filter(pl.col("CIN_CINAt31March") == 1, pl.col("year") < 2018)
    later = copies.select("CIN_LAchildID_Anon", "CIN_ReferralDate", (pl.col("year") - 1).alias("year")).unique()
    assert len(open_copies) > 100
    assert open_copies.join(later, on=["CIN_LAchildID_Anon", "CIN_ReferralDate", "year"], how="anti").is_empty()


def test_no_copy_knows_the_future() -> None:
    for name in [name for name in CLEAN if name.startswith("CIN_2")]:
        end = date(int(name[4:8]) + 1, 3, 31)
        dates = CLEAN[name].select(
            "CIN_ReferralDate", "CIN_CINClosureDate", "CIN_DateOfInitialCPC", "CIN_CPPstartDate", "CIN_CPPendDate"
        )
        assert max(value for value in dates.max().row(0) if value is not None) <= end


def test_flags_tell_need_from_no_further_action() -> None:
    copies = copies_of(CLEAN)
    flags = ["CIN_CINAt31March", "CIN_AnyPoint", "CIN_Started"]
    nfa = copies.filter(pl.col("CIN_ReferralNFA") == 1)
    assert len(nfa) > 100 and nfa.select(pl.max_horizontal(flags).max()).item() == 0
    closed = copies.filter(pl.col("CIN_ReasonForClosure") == "RC8")
    assert closed.select(pl.max_horizontal(flags).max()).item() == 0
    assert copies.filter(pl.col("CIN_CPPstartDate").is_not_null())["CIN_AnyPoint"].min() == 1


def test_a_child_returns_only_after_its_case_was_closed() -> None:
    referrals = referrals_of(CLEAN).filter(pl.col("next_referral").is_not_null())
    assert (referrals["next_referral"] > referrals["closure"]).all()


def test_episodes_of_care_chain_and_keep_to_the_codes_of_their_time() -> None:
    care = CLEAN["Episode_final_CLA.csv"].filter(~pl.col("legal_status").is_in(["V3", "V4"]))
    chained = care.with_columns(
        pl.col("date_episode_started").shift(-1).over("CHILD_LA_CODE_ANON", "poc_start").alias("next")
    )
    followed = chained.filter(pl.col("next").is_not_null())
    assert (followed["date_episode_ceased"] == followed["next"]).all() and set(followed["reason_episode_ceased"]) == {
        "X1"
    }
    before = care.filter(pl.col("date_episode_ceased") < date(2018, 4, 1))["reason_episode_ceased"]
    after = care.filter(pl.col("date_episode_ceased") >= date(2018, 4, 1))["reason_episode_ceased"]
    assert not set(before) & {"E45", "E46", "E47", "E48"} and not set(after) & {"E43", "E44"}
    ended = care.filter(pl.col("poc_length").is_not_null())
    last = ended.group_by("CHILD_LA_CODE_ANON", "poc_start", "poc_length").agg(
        pl.col("date_episode_ceased").max().alias("end")
    )
    assert ((last["end"] - last["poc_start"]).dt.total_days() + 1 == last["poc_length"]).all()


def test_the_same_seed_gives_the_same_bytes_and_a_manifest_that_says_synthetic(tmp_path: Path) -> None:
    settings = study_settings(400, dirt=0.05)
    for folder in ("a", "b"):
        generate("501", tmp_path / folder, "stamp", settings)
    generate("501", tmp_path / "c", "stamp", settings | {"seed": 8})
    first, second, other = (json.loads((tmp_path / folder / "manifest.json").read_text()) for folder in "abc")
    assert first == second != other
    assert first["synthetic"] is True and set(first["files"]) == set(file_names(Study.from_settings(settings)))
    for name, entry in first["files"].items():
        assert len((tmp_path / "a" / name).read_text().splitlines()) == entry["rows"] + 1


def test_an_la_does_not_depend_on_the_others() -> None:
    settings = study_settings(400)
    more = settings | {"las": settings["las"] | {"640": {"embedding_start": None, "embedding_end": None}}}
    assert all(
        frame.equals(CLEANED)
        for frame, CLEANED in zip(extract_of(settings).values(), extract_of(more).values(), strict=True)
    )
    other = extract("640", Study.from_settings(more))
    assert not other["CIN_2015.csv"].drop("CIN_LA").equals(extract_of(more)["CIN_2015.csv"].drop("CIN_LA"))


@pytest.mark.parametrize("referrals", [0, 1, 20])
def test_tiny_and_empty_las_have_every_file(referrals: int, tmp_path: Path) -> None:
    settings = study_settings(referrals, dirt=0.3)
    generate("501", tmp_path, "stamp", settings)
    assert {path.name for path in tmp_path.iterdir()} == {*file_names(Study.from_settings(settings)), "manifest.json"}


def test_covariates_cover_every_la_and_year_with_some_gaps(tmp_path: Path) -> None:
    las = [str(code) for code in range(501, 521)]
    la_covariates(las, tmp_path / "la_covariates.csv", study_settings(1_000))
    table = pl.read_csv(tmp_path / "la_covariates.csv", schema_overrides={"la_code": pl.String})
    assert table.select("la_code", "financial_year").n_unique() == len(table) == 20 * 11
    blank = table.drop("la_code", "financial_year").null_count().sum_horizontal().item() / (8 * len(table))
    assert 0.03 < blank < 0.10


def dirt_shares(frames: dict[str, pl.DataFrame]) -> dict[str, float]:
    """Share of the rows that each kind of dirt can happen to."""
    copies = copies_of(frames)
    closed = copies.filter(pl.col("CIN_CINClosureDate") > date(1900, 1, 1))
    reasons = copies.filter(pl.col("CIN_ReasonForClosure") != "")["CIN_ReasonForClosure"]
    needs = copies.filter(pl.col("CIN_PrimaryNeedCode") != "")["CIN_PrimaryNeedCode"]
    assessments = pl.concat(
        [frames[n].rename(dict(zip(frames[n].columns, "abcdef", strict=True))) for n in frames if n[:3] == "WWC"]
    )
    dated = assessments.filter(pl.col("e") > date(1900, 1, 1))
    ended = dated.filter(pl.col("f").is_not_null())
    people = copies.group_by("CIN_LAchildID_Anon").agg(
        pl.col("CIN_PupilMatchingRefAnonymous").first() == "",
        pl.len(),
        pl.col("CIN_Gender").filter(pl.col("CIN_Gender") > 0).n_unique(),
        # A sentinel is a date, so only a child without a date and without an expected one has none.
        (pl.col("CIN_DOB").is_null() & pl.col("CIN_ExpectedDOB").is_null()).all().alias("no_birth"),
    )
    care = frames["Episode_final_CLA.csv"].filter(~pl.col("legal_status").str.to_uppercase().is_in(["V3", "V4"]))
    next_start = pl.col("date_episode_started").shift(-1).over("CHILD_LA_CODE_ANON", "poc_start")
    followed = care.with_columns(next_start.alias("next")).filter(pl.col("next").is_not_null())
    return {
        "closure_before_referral": (closed["CIN_CINClosureDate"] < closed["CIN_ReferralDate"]).mean(),
        "negative_duration": (ended["f"] < ended["e"]).mean(),
        "repeated_assessment": 1 - dated.select("d", "e").n_unique() / len(dated),
        "dirty_code": needs.is_in(["NO", "A2", "A3", "A4", "A5", *(f"n{k}" for k in range(10))]).mean(),
        "sentinel_date": (assessments["e"] == date(1900, 1, 1)).mean(),
        "conflicting_demographics": (people.filter(pl.col("len") > 1)["CIN_Gender"] > 1).mean(),
        "missing_birth_date": people["no_birth"].mean(),
        "overlapping_episodes": (followed["date_episode_ceased"] > followed["next"]).mean(),
        "missing_pupil_id": people["CIN_PupilMatchingRefAnonymous"].mean(),
        "unborn": (copies["CIN_ExpectedDOB"].is_not_null() & copies["CIN_DOB"].is_null()).mean(),
        "unknown_closure_reason": reasons.str.to_uppercase()
        .is_in(["UNKN", "UNKNOWNCLOSUREREASON", "NON", "NONE", "UNKNOWN"])
        .mean(),
    }


def test_dirt_comes_at_its_rate_and_not_without_one() -> None:
    loose = {
        "unborn": 0.35,
        "missing_birth_date": 0.4,
        "conflicting_demographics": 0.6,
        "overlapping_episodes": 0.35,
        "repeated_assessment": 0.4,
    }
    for kind, share in dirt_shares(DIRTY).items():
        # 0.1 of some thousand rows; looser where other dirt meets it (an unborn child's birth date is not missing).
        assert share == pytest.approx(0.1, rel=loose.get(kind, 0.2)), kind
    assert all(share == 0 for share in dirt_shares(CLEAN).values())


def test_unborn_children_have_an_expected_date_and_no_gender() -> None:
    unborn = copies_of(DIRTY).filter(pl.col("CIN_ExpectedDOB").is_not_null())
    assert len(unborn) > 100 and set(unborn["CIN_Gender"]) == {0}
    # A birth date beside the expected one can only be a sentinel.
    assert unborn["CIN_DOB"].drop_nulls().is_in([date(1900, 1, 1)]).all()
