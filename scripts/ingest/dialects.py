"""What PostgreSQL and SQL Server write differently. In: names and expressions. Out: pieces of SQL.

Every column is read as the text a CSV file would hold: dates as 2013-05-06, times as 2013-05-06 14:30:00, truth values
as 0 and 1, whole numbers without a point.
"""

from dataclasses import dataclass

from scripts.errors import StudyError
from scripts.ingest.partition import LA

# Type names of both catalogues by family; a type that is not here (binary, XML, times with a zone) is refused if read.
FAMILIES = {
    "text": ("character varying", "character", "text", "uuid", "varchar", "nvarchar", "char", "nchar",
             "ntext", "uniqueidentifier"),
    "date": ("date",),
    "time": ("timestamp without time zone", "datetime", "datetime2", "smalldatetime"),
    "truth": ("boolean", "bit"),
    "whole": ("smallint", "integer", "bigint", "int", "tinyint"),
    "fraction": ("numeric", "decimal", "real", "double precision", "float"),
}  # fmt: skip
HASH_PARTS = 4


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class Dialect:
    """Pieces of SQL in one dialect, with {} for an expression.

    `texts`: family of a type -> its text; `strip`, `whole_number`: text without blanks around it, without .0 at its
    end; `marked`: text with its length before it, so that no two rows write the same; `hash_part`: {number} of the
    row's hash, a whole number below 2^32; `sum_text`: a sum as text, because numbers differ in width.
    """

    quotes: tuple[str, str]
    texts: dict[str, str]
    strip: str
    whole_number: str
    marked: str
    concat: str
    hash_of: str
    hash_part: str
    sum_text: str

    def quoted(self, name: str) -> str:
        """An identifier."""
        opening, closing = self.quotes
        return opening + name.replace(closing, 2 * closing) + closing

    def family(self, data_type: str) -> str | None:
        """The family of a type of the catalogue; None if it is not read."""
        return next((family for family, names in FAMILIES.items() if data_type.lower() in names), None)

    def text(self, column: str, data_type: str, place: str) -> str:
        """A column's text.

        Raises
        ------
        StudyError : DATABASE, for a type that has no text a CSV file would hold.
        """
        family = self.family(data_type)
        if family is None:
            remedy = "Supply a view with the column as text"
            raise StudyError("DATABASE", place, f"columns of type {data_type} are not read", remedy)
        return self.texts[family].format(column)

    def stripped(self, text: str) -> str:
        """Without blanks around it."""
        return self.strip.format(text)

    def whole(self, text: str) -> str:
        """Without .0 at its end."""
        return self.whole_number.format(text)

    def catalogue(self, schema: str) -> str:
        """SELECT of table, column and type of every column of a schema, in order."""
        names = ", ".join(
            f"CAST({name} AS varchar(200)) AS {name}" for name in ("TABLE_NAME", "COLUMN_NAME", "DATA_TYPE")
        )
        where = f"TABLE_SCHEMA = {literal(schema)}"
        return f"SELECT {names} FROM INFORMATION_SCHEMA.COLUMNS WHERE {where} ORDER BY TABLE_NAME, ORDINAL_POSITION"

    def sums(self, rows: str, header: list[str]) -> str:
        """SELECT per LA of the number of rows and the sums of parts of their hashes, as text; `rows` selects them."""
        marked = [self.marked.format(self.quoted(name)) for name in header]
        content = self.hash_of.format(self.concat.join(marked))
        parts = [self.sum_text.format(self.hash_part.format("h", start=4 * n + 1)) for n in range(HASH_PARTS)]
        la = self.quoted(LA)
        hashed = f"SELECT {la}, {content} AS h FROM ({rows}) AS rows_of_las"
        named = [f"{total} AS sum_{n}" for n, total in enumerate([self.sum_text.format("1"), *parts])]
        return f"SELECT {la}, {', '.join(named)} FROM ({hashed}) AS hashed GROUP BY {la}"


POSTGRESQL = Dialect(
    quotes=('"', '"'),
    texts={
        "text": "{}::text",
        "date": "to_char({}, 'YYYY-MM-DD')",
        "time": "to_char({}, 'YYYY-MM-DD HH24:MI:SS')",
        "truth": "({})::int::text",
        "whole": "{}::text",
        "fraction": "{}::text",
    },
    strip="btrim({}, E' \\t\\r\\n')",
    whole_number="regexp_replace({}, '\\.0+$', '')",
    marked="COALESCE(length({0})::text || ':' || {0}, '-')",
    concat=" || ",
    hash_of="sha256(convert_to({}, 'UTF8'))",
    hash_part="('x' || encode(substr({}, {start}, 4), 'hex'))::bit(32)::bigint",
    sum_text="SUM({})::text",
)
SQL_SERVER = Dialect(
    quotes=("[", "]"),
    texts={
        "text": "CONVERT(nvarchar(max), {})",
        "date": "CONVERT(nvarchar(10), {}, 23)",
        "time": "CONVERT(nvarchar(19), {}, 120)",
        "truth": "CONVERT(nvarchar(1), {})",
        "whole": "CONVERT(nvarchar(20), {})",
        "fraction": "CONVERT(nvarchar(60), CONVERT(decimal(38, 10), {}))",
    },
    strip="LTRIM(RTRIM({}))",
    # There are no regular expressions: what follows the first .0 of a code of an LA is more noughts.
    whole_number="LEFT({0}, CHARINDEX('.0', {0} + '.0') - 1)",
    # A full stop is counted too, because LEN leaves blanks at the end out.
    marked="COALESCE(CONVERT(nvarchar(20), LEN({0} + '.')) + ':' + {0}, '-')",
    concat=" + ",
    hash_of="HASHBYTES('SHA2_256', CONVERT(varbinary(max), {}))",
    hash_part="CONVERT(bigint, SUBSTRING({}, {start}, 4))",
    sum_text="CONVERT(nvarchar(40), SUM(CONVERT(bigint, {})))",
)
# By the scheme of the address.
DIALECTS = {"postgresql": POSTGRESQL, "postgres": POSTGRESQL, "mssql": SQL_SERVER}
