"""Published tables are read the same whatever their release names, encodes and leaves blank."""

from pathlib import Path

import polars as pl
import pytest

from scripts.errors import StudyError
from scripts.integrity.digest import file_digest
from scripts.published.ees import census_year, find_table, load_release, read_table

RELEASE = Path(__file__).parents[3] / "shared" / "data" / "published" / "cin-2024"
needs_release = pytest.mark.skipif(not RELEASE.is_dir(), reason="the published files are not beside the project")
OLD_HEADER = (
    "time_period,geographic_level,new_la_code,old_la_code,la_name,Category,"
    "Referrals,Re_referrals,Re_referrals_percent,No_Further_Action,No_Further_Action_percent"
)
NEW_HEADER = (
    "time_period,geographic_level,new_la_code,old_la_code,la_name,category,"
    "referral_count,rereferral_count,rereferral_percent,no_further_action_count,no_further_action_percent"
)
HULL = "2019,Local authority,E06000010,810,Kingston upon Hull,Referrals,1200,240,20,60,5"


def written(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path = folder / "c1_referrals.csv"
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def read(path: Path, release: str = "ees_2024", level: str = "la") -> pl.DataFrame:
    return read_table(path, "referrals", load_release(release), level)


def row(*figures: str, la: str = "810", year: str = "2019") -> str:
    return ",".join([year, "Local authority", "E06000010", la, "Hull", "Referrals", *figures])


def refused(path: Path, release: str = "ees_2024") -> StudyError:
    with pytest.raises(StudyError) as error:
        read(path, release)
    return error.value


def test_every_figure_is_a_value_or_a_flag_under_the_year_that_starts(tmp_path: Path) -> None:
    found = read(written(tmp_path, OLD_HEADER, row('"1,200"', "c", "x", "0", "4.5")))
    assert found.columns == ["la_code", "census_year", "category", "figure", "value", "flag"]
    assert found.select("la_code", "census_year").unique().rows() == [("810", 2018)]
    assert {figure: (value, flag) for figure, value, flag in found.select("figure", "value", "flag").rows()} == {
        "referrals": (1200.0, None),
        "rereferrals": (None, "suppressed"),
        "rereferrals_percent": (None, "not available"),
        "no_further_action": (0.0, None),
        "no_further_action_percent": (4.5, None),
    }


@pytest.mark.parametrize(
    ("release", "symbol", "meaning"),
    [
        ("sfr_2013", "x", "suppressed"),
        ("ees_2024", "x", "not available"),
        ("sfr_2013", "..", "not available"),
        ("sfr_2013", ".", "not applicable"),
        ("sfr_2013", "P", "low reliability"),
        ("ees_2020", "c", "suppressed"),
        ("ees_2020", ":", "not available"),
        ("ees_2024", "c", "suppressed"),
        ("ees_2024", "u", "low reliability"),
        ("ees_2024", "z", "not applicable"),
        ("ees_2024", "k", "rounds to zero"),
        ("ees_2024", "low", "rounds to zero"),
    ],
)
def test_t26_a_symbol_means_what_its_release_says(tmp_path: Path, release: str, symbol: str, meaning: str) -> None:
    found = read(written(tmp_path, OLD_HEADER, row(symbol, "1", "1", "1", "1")), release)
    assert found.filter(figure="referrals").select("value", "flag").row(0) == (None, meaning)


@pytest.mark.parametrize("symbol", ["?", "", "12a", ":"])
def test_t26_an_unknown_symbol_is_refused_with_a_count_and_without_the_symbol(tmp_path: Path, symbol: str) -> None:
    error = refused(written(tmp_path, OLD_HEADER, row("1", symbol, symbol, "1", "1")))
    assert error.code == "SYMBOL"
    rule = "neither a number nor a symbol of release ees_2024"
    assert error.problem == f"{rule}: 2 times (rereferrals, rereferrals_percent)"


def test_t26_a_release_whose_symbols_are_unknown_is_refused() -> None:
    with pytest.raises(StudyError, match="RELEASE"):
        load_release("ees_1999")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("header", [OLD_HEADER, NEW_HEADER])
def test_t27_renamed_columns_byte_order_marks_and_latin_1_change_nothing(
    tmp_path: Path, header: str, encoding: str
) -> None:
    plain = read(written(tmp_path, OLD_HEADER, HULL))
    name = "Kïngston" if encoding == "latin-1" else "Kingston-upon-Hull ✓"
    other = written(tmp_path, header, HULL.replace("Kingston upon Hull", name), encoding=encoding)
    assert read(other).equals(plain)


def test_t27_spaces_around_cells_and_headers_do_not_matter(tmp_path: Path) -> None:
    plain = read(written(tmp_path, OLD_HEADER, HULL))
    spaced = written(tmp_path, OLD_HEADER.replace(",", " , "), HULL.replace(",", " , "))
    assert read(spaced).equals(plain)


def test_t27_an_absent_column_is_named_by_its_figure(tmp_path: Path) -> None:
    error = refused(written(tmp_path, OLD_HEADER.replace("Re_referrals,", "Somewhat,"), HULL))
    assert (error.code, error.problem) == ("SCHEMA", "there is no column for rereferrals")


def test_rows_of_other_levels_stay_out(tmp_path: Path) -> None:
    england = "2019,National,,,,Referrals,600000,1,1,1,1"
    path = written(tmp_path, OLD_HEADER, england, HULL)
    assert read(path)["la_code"].unique().to_list() == ["810"]
    assert read(path, level="country").filter(figure="referrals")["value"].to_list() == [600000.0]


@pytest.mark.parametrize("la", ["", "E06000010", "81"])
def test_t23_a_row_without_a_three_digit_code_is_refused(tmp_path: Path, la: str) -> None:
    assert refused(written(tmp_path, OLD_HEADER, row("1", "1", "1", "1", "1", la=la))).code == "LA_CODE"


@pytest.mark.parametrize("name", ["Kingston upon Hull", "Kingston Upon Hull", '"Hull, City of"', ""])
def test_t24_the_spelling_of_a_name_changes_nothing(tmp_path: Path, name: str) -> None:
    plain = read(written(tmp_path, OLD_HEADER, HULL))
    assert read(written(tmp_path, OLD_HEADER, HULL.replace("Kingston upon Hull", name))).equals(plain)


def test_two_figures_for_one_la_and_year_are_refused(tmp_path: Path) -> None:
    assert refused(written(tmp_path, OLD_HEADER, HULL, HULL)).code == "REPEATED"


@pytest.mark.parametrize(
    ("period", "single_year", "expected"),
    [
        ("2013", "end", 2012),
        ("2012", "start", 2012),
        ("201819", "end", 2018),
        ("2018/19", "end", 2018),
        ("2018-19", "start", 2018),
        ("199900", "end", 1999),
        ("201820", "end", None),
        ("soon", "end", None),
    ],
)
def test_t14_periods_become_the_year_the_financial_year_starts_in(
    period: str, single_year: str, expected: int | None
) -> None:
    found = pl.DataFrame({"period": [period]}).select(census_year(pl.col("period"), single_year))
    assert found.item() == expected


def test_a_period_that_is_no_year_is_refused(tmp_path: Path) -> None:
    assert refused(written(tmp_path, OLD_HEADER, row("1", "1", "1", "1", "1", year="201820"))).code == "YEAR"


def test_a_table_has_one_file(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="0 files of table referrals"):
        find_table(tmp_path, "referrals")
    path = written(tmp_path, OLD_HEADER, HULL)
    assert find_table(tmp_path, "referrals") == path
    (tmp_path / "c1_another.csv").write_text("")
    with pytest.raises(StudyError, match="2 files of table referrals"):
        find_table(tmp_path, "referrals")


def test_t28_a_restated_file_has_another_checksum(tmp_path: Path) -> None:
    first = file_digest(written(tmp_path, OLD_HEADER, HULL))
    assert first != file_digest(written(tmp_path, OLD_HEADER, HULL.replace("1200", "1201")))
    assert first == file_digest(written(tmp_path, OLD_HEADER, HULL))


def published(table: str, level: str = "la") -> pl.DataFrame:
    return read_table(find_table(RELEASE, table), table, load_release("ees_2024"), level)


@needs_release
def test_t23_joining_on_the_three_digit_code_loses_no_la_year_of_the_real_release() -> None:
    years = ["la_code", "census_year"]
    referrals, conferences = (published(table).select(years).unique() for table in ("referrals", "conferences"))
    assert referrals.join(conferences, on=years, how="anti").is_empty()
    for la in ("390", "929"):
        assert referrals.join(conferences, on=years).filter(la_code=la).height == 12
    files = [find_table(RELEASE, table) for table in ("referrals", "conferences")]
    nine = [pl.read_csv(path, infer_schema=False).filter(geographic_level="Local authority") for path in files]
    lost = nine[0].join(nine[1], on=["new_la_code", "time_period"], how="anti")
    assert lost["old_la_code"].value_counts().sort("old_la_code").rows() == [("390", 7), ("929", 7)]


@needs_release
@pytest.mark.parametrize(
    ("table", "figure", "year", "expected"),
    [
        ("referrals", "referrals", 2012, 593_470),
        ("referrals", "referrals", 2018, 650_930),
        ("referrals", "no_further_action_percent", 2019, 6.3),
        ("assessments", "assessments", 2018, 644_730),
        ("assessments", "median_days", 2023, 34),
        ("conferences", "section47", 2018, 201_170),
        ("conferences", "conferences", 2018, 77_440),
        ("plans", "plans_started", 2018, 66_680),
    ],
)
def test_national_figures_are_those_published(table: str, figure: str, year: int, expected: float) -> None:
    assert published(table, "country").filter(figure=figure, census_year=year)["value"].to_list() == [expected]


@needs_release
def test_las_add_up_to_the_country_within_its_rounding() -> None:
    las = published("referrals").filter(figure="referrals", census_year=2018)
    assert las["flag"].null_count() == las.height
    assert abs(las["value"].sum() - 650_930) <= load_release("ees_2024").rounding["country"] / 2
