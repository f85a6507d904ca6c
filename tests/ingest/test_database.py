"""Extracts in a database: against a real PostgreSQL, and the text of the SQL for SQL Server."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scripts.errors import StudyError
from scripts.ingest.database import Database, Table, query
from scripts.ingest.dialects import DIALECTS
from scripts.ingest.discovery import discover_national
from scripts.ingest.partition import partition
from tests.ingest.postgres import PASSWORD, Server, binaries, running
from tests.privacy.test_gate import PRIVACY

VARIABLE = "TEST_DATABASE_URI"
BLOCK = {"uri_variable": VARIABLE, "schema": "project", "tables": {}}
CIN = 'CREATE TABLE project."CIN_2013" ("CIN_LAchildID_Anon" varchar(20), "CIN_LA" {la}, "CIN_LA_LGR" varchar(5),'
CIN += ' "CIN_DOB" date, "CIN_ReferralDate" timestamp, "CIN_Gender" smallint, "CIN_ReferralNFA" boolean,'
CIN += ' "CIN_NumberOfPreviousCPP" numeric(4, 1), "CIN_PrimaryNeedCode" text, "Home_Address" bytea);'
ROWS = [
    "('c1', 501, NULL, '2005-02-03', '2013-05-06', 1, false, 0, 'N1', 'x')",
    "('c2', 501, NULL, NULL, '2013-06-07 14:30', 2, true, 12, 'a \"quoted\", text', 'x')",
    "('c3', NULL, '502', '2006-03-04', '2013-05-06', NULL, NULL, NULL, '', 'x')",
    "('c4', 503, '999', '2006-03-04', '2013-05-06', 1, false, 1.5, 'é', 'x')",
    "('c5', NULL, NULL, '2006-03-04', '2013-05-06', 1, false, 0, 'N1', 'x')",
]
CSV_HEADER = "CIN_LAchildID_Anon,CIN_LA,CIN_LA_LGR,CIN_DOB,CIN_ReferralDate,CIN_Gender,CIN_ReferralNFA,"
CSV_HEADER += "CIN_NumberOfPreviousCPP,CIN_PrimaryNeedCode"
CSV = f"""{CSV_HEADER}
c1,501,,2005-02-03,2013-05-06 00:00:00,1,0,0,N1
c2,501,,,2013-06-07 14:30:00,2,1,12,"a ""quoted"", text"
c3,,502,2006-03-04,2013-05-06 00:00:00,,,,""
c4,503,999,2006-03-04,2013-05-06 00:00:00,1,0,1.5,é
c5,,,2006-03-04,2013-05-06 00:00:00,1,0,0,N1
"""
DISABILITIES = "CIN_LAchildID_Anon,CIN_Disability\n c1 ,AUT\nc1,HEAR\nc3,MOB\nc9,DDA\n"
NATIONAL = {"CIN_2013.csv": CSV, "CIN_Disabilities_2009_2019.csv": DISABILITIES}
LAS = ["501", "502", "503", "504"]

Load = Callable[..., None]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    found = binaries()
    if found is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    with running(found) as started:
        yield started


@pytest.fixture
def load(server: Server, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Fill the schema `project` with the CIN table and the disabilities."""
    monkeypatch.setenv(VARIABLE, server.uri)

    def fill(rows: list[str] = ROWS, la: str = "integer", more: str = "") -> None:
        disabilities = [line.split(",") for line in DISABILITIES.splitlines()[1:]]
        values = ", ".join(f"('{child}', '{code}')" for child, code in disabilities)
        server.run(
            "DROP SCHEMA IF EXISTS project CASCADE; CREATE SCHEMA project;"
            + CIN.format(la=la)
            + f'INSERT INTO project."CIN_2013" VALUES {", ".join(rows)};'
            + 'CREATE TABLE project."CIN_Disabilities_2009_2019" ("CIN_LAchildID_Anon" text, "CIN_Disability" text);'
            + f'INSERT INTO project."CIN_Disabilities_2009_2019" VALUES {values};'
            + "CREATE TABLE project.unrelated (note text);"
            + more
        )

    return fill


def database(**changes: Any) -> Database:
    return Database(BLOCK | changes, "npd")


def prints() -> dict[str, dict[str, str]]:
    return database().fingerprints()


@pytest.mark.parametrize("la_type", ["integer", "numeric(5, 1)", "double precision", "char(6)"])
def test_an_la_gets_from_the_database_what_it_gets_from_national_files(
    load: Load, tmp_path: Path, la_type: str
) -> None:
    load(la=la_type)
    national = tmp_path / "national"
    national.mkdir()
    for name, content in NATIONAL.items():
        (national / name).write_text(content, encoding="utf-8")
    partition(discover_national(national, "npd"), tmp_path / "files", {"format": "npd", "las": LAS, "privacy": PRIVACY})
    for la in LAS:
        counts = query(tmp_path / "database" / la, {"format": "npd", "database": BLOCK, "la": la})
        assert counts == {"CIN_2013": {"501": 2, "502": 1, "503": 1}.get(la, 0),
                          "CIN_Disabilities_2009_2019": {"501": 2, "502": 1}.get(la, 0)}  # fmt: skip
        for stem in counts:
            ours = pl.read_parquet(tmp_path / "database" / la / f"{stem}.parquet")
            theirs = pl.read_parquet(tmp_path / "files" / la / f"{stem}.parquet")
            assert set(ours.dtypes) == {pl.String}
            if la_type == "char(6)" and "CIN_LA" in ours.columns:
                ours = ours.with_columns(pl.col("CIN_LA").str.strip_chars())
            assert ours.fill_null("").equals(theirs.fill_null(""))


def test_values_are_the_text_a_csv_file_would_hold(load: Load) -> None:
    load()
    tables = database()
    frame = tables.rows("referrals", tables.tables["referrals"][0], "501")
    assert frame.rows() == [
        ("c1", "501", None, "2005-02-03", "2013-05-06 00:00:00", "1", "0", "0", "N1"),
        ("c2", "501", None, None, "2013-06-07 14:30:00", "2", "1", "12", 'a "quoted", text'),
    ]


def test_columns_that_the_alias_table_does_not_read_stay_in_the_database(load: Load) -> None:
    load()
    tables = database()
    assert "Home_Address" not in tables.rows("referrals", tables.tables["referrals"][0], "501").columns


def test_a_changed_row_changes_the_fingerprint_of_its_la_alone(load: Load) -> None:
    load()
    before = prints()
    load([*ROWS[:3], ROWS[3].replace("1.5", "2.5"), ROWS[4]])
    after = prints()
    assert {la for la in before if before[la] != after[la]} == {"503"}
    assert set(before) == {"501", "502", "503"}


def test_a_child_that_moves_to_another_la_changes_both(load: Load) -> None:
    load()
    before = prints()
    load([ROWS[0].replace("501", "502"), *ROWS[1:]])
    after = prints()
    assert {la for la in before if before[la] != after[la]} == {"501", "502"}
    assert before["501"]["CIN_Disabilities_2009_2019"] != after["501"].get("CIN_Disabilities_2009_2019")


def test_the_order_of_the_rows_changes_no_fingerprint(load: Load) -> None:
    load()
    before = prints()
    load(ROWS[::-1])
    assert prints() == before


def test_a_repeated_row_and_an_empty_text_in_place_of_a_gap_change_it(load: Load) -> None:
    load()
    once = prints()["502"]["CIN_2013"]
    load([*ROWS, ROWS[2], ROWS[2]])
    assert prints()["502"]["CIN_2013"] != once
    load([*ROWS[:2], ROWS[2].replace("''", "NULL"), *ROWS[3:]])
    assert prints()["502"]["CIN_2013"] != once


def test_tables_of_other_names_are_declared(load: Load) -> None:
    load(more='ALTER TABLE project."CIN_2013" RENAME TO "children in need 13/14";')
    assert database().stems["referrals"] == []
    declared = database(tables={"CIN_2013": "children in need 13/14"})
    assert declared.stems["referrals"] == ["CIN_2013"]
    assert len(declared.rows("referrals", declared.tables["referrals"][0], "501")) == 2


def test_a_declared_table_that_is_not_there_is_named(load: Load) -> None:
    load()
    with pytest.raises(StudyError, match=r"DATABASE: extracts.database.tables: schema project .*: nowhere"):
        _ = database(tables={"CIN_2013": "nowhere"}).tables


def test_a_type_that_has_no_text_is_refused_where_it_is_read(load: Load) -> None:
    load(more='ALTER TABLE project."CIN_2013" ALTER "CIN_DOB" TYPE timestamptz;')
    with pytest.raises(StudyError, match=r"project.CIN_2013 CIN_DOB: columns of type timestamp with time zone"):
        prints()


def test_an_la_code_that_is_no_code_reaches_no_query(load: Load) -> None:
    load()
    tables = database()
    with pytest.raises(ValueError, match="three digits"):
        tables.rows("referrals", tables.tables["referrals"][0], "5' OR")


def test_a_refused_connection_says_neither_address_nor_password(
    server: Server, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = server.uri.replace(PASSWORD, "canary-wrong").replace("/postgres", "/canary-nowhere")
    # The driver tries for half a minute.
    monkeypatch.setenv(VARIABLE, wrong)
    with pytest.raises(StudyError, match="DATABASE: schema project: the database did not answer") as caught:
        _ = database().tables
    told = str(caught.value) + repr(caught.value.__context__) + "".join(capfd.readouterr())
    assert not any(secret in told for secret in ("canary", "127.0.0.1", str(server.port)))


def test_a_failing_query_tells_no_value(load: Load, server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    # A view that fails on a value, which the server's message quotes.
    view = """SELECT "CIN_LAchildID_Anon", "CIN_LA", ("CIN_PrimaryNeedCode" || 'canary')::int AS "CIN_Gender","""
    load(more=f'CREATE VIEW project."CIN_2014" AS {view} "CIN_ReferralDate" FROM project."CIN_2013";')
    with pytest.raises(StudyError, match=r"DATABASE: project\.CIN_2014") as caught:
        prints()
    assert "canary" not in str(caught.value) + repr(caught.value.__context__) + "".join(capfd.readouterr())


def test_without_an_address_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(StudyError, match=f"environment variable {VARIABLE}: it is not set"):
        database()


def test_an_address_of_another_database_is_refused_unquoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "mysql://canary:canary@host/database")
    with pytest.raises(StudyError, match="neither PostgreSQL nor SQL Server") as caught:
        database()
    assert "canary" not in str(caught.value)


def test_returns_of_las_do_not_come_from_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "postgresql://host/database")
    with pytest.raises(StudyError, match="no national files"):
        Database(BLOCK, "census")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queries that a database of SQL Server is sent; it answers with nothing."""
    monkeypatch.setenv(VARIABLE, "mssql://host/database")
    queries: list[str] = []

    def answer(self: Database, sql: str, place: str) -> pl.DataFrame:
        queries.append(sql)
        return pl.DataFrame(schema={"CIN_LA": pl.String, "CIN_Gender": pl.String})

    monkeypatch.setattr(Database, "_fetch", answer)
    return queries


def test_sql_server_gets_brackets_and_its_own_functions(asked: list[str]) -> None:
    assert DIALECTS["mssql"].quoted("a]b") == "[a]]b]"
    table = Table("CIN_2013", "dbo", "CIN_2013", {
        "CIN_LAchildID_Anon": "varchar", "CIN_LA": "int", "CIN_ReferralDate": "datetime2", "CIN_Gender": "bit",
    })  # fmt: skip
    tables = database()
    tables.__dict__["tables"] = {"referrals": [table]}
    tables.fingerprints()
    (sums,) = asked
    assert "FROM [dbo].[CIN_2013] AS t WHERE LEFT(" in sums
    assert "CONVERT(nvarchar(19), t.[CIN_ReferralDate], 120) AS [CIN_ReferralDate]" in sums
    assert "HASHBYTES('SHA2_256', CONVERT(varbinary(max), COALESCE(CONVERT(nvarchar(20), LEN([" in sums
    assert sums.count("SUM(CONVERT(bigint, CONVERT(bigint, SUBSTRING(h, ") == 4
    assert sums.endswith("GROUP BY [__la]")
    assert '"' not in sums
