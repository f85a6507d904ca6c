"""Where the extracts are and what is in them: synthetic, one folder per LA, or files or tables for all LAs."""

from collections.abc import Iterable, Mapping
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from scripts.artefacts import read_json
from scripts.errors import StudyError
from scripts.ingest.database import Database
from scripts.ingest.discovery import discover, discover_national
from scripts.ingest.layout import load_layouts
from scripts.ingest.partition import fingerprint, partition_names
from scripts.integrity.supplied import refuse_differing
from scripts.synthetic.layout import MANIFEST
from scripts.workflow.digests import RememberedDigests, digest

SYNTHETIC_FOLDER = "results/individual/extracts"
PARTITIONED_FOLDER = "results/individual/partitioned"
Files = dict[str, list[str]]


class Extracts:
    """The files of config block `extracts`, by LA and kind, and digests of their content.

    Parameters
    ----------
    extracts : the config block.
    las : codes of all source LAs, as they stand in the data.
    synthetic_names : names of the files of an LA's synthetic extract.
    digests : memory of digests.
    swapped : source LA -> folder of the extracts that the DfE returned in place of the old, laid out like `folder`.
    """

    def __init__(
        self,
        extracts: dict[str, Any],
        las: list[str],
        synthetic_names: list[str],
        digests: RememberedDigests,
        swapped: Mapping[str, Path] = MappingProxyType({}),
    ) -> None:
        self.source, self.format, self.folder = extracts["source"], extracts["format"], extracts["folder"]
        self.database_settings: dict[str, Any] | None = extracts.get("database")
        self.checksums: str | None = extracts.get("checksums")
        self.configured_covariates: str | None = extracts["la_covariates"]
        self.las = las
        self.synthetic_names = synthetic_names
        self.digests = digests
        self.swapped = swapped
        self._files: dict[str, Files] = {}

    @property
    def synthetic(self) -> bool:
        """Whether they are the embedded synthetic ones."""
        return self.source == "synthetic"

    @property
    def divided_by(self) -> str | None:
        """The stage that takes an LA's rows out of files or tables that hold all LAs; None if each LA has its own."""
        return {"national": "partition", "database": "query"}.get(self.source)

    @property
    def la_covariates_file(self) -> str | None:
        """The LA covariates: made with the synthetic extracts, else the configured file, if any."""
        return f"{SYNTHETIC_FOLDER}/la_covariates.csv" if self.synthetic else self.configured_covariates

    @cached_property
    def national_files(self) -> Files:
        """Kind -> files of a national layout; of a database, the stems of its tables."""
        if self.source == "database":
            return self.database.stems
        return self.in_folder(next(reversed(self.swapped.values()), Path(self.folder)), "")

    @cached_property
    def database(self) -> Database:
        """The tables of the database."""
        return Database(self.database_settings, self.format)

    @cached_property
    def database_rows(self) -> dict[str, dict[str, str]]:
        """LA -> table -> fingerprint of the LA's rows there, asked of the database whenever the graph is built."""
        return self.database.fingerprints()

    def files(self, la: str) -> Files:
        """Kind -> files of one LA as ingest reads them, listed once; of extracts yet to be made, as they will be."""
        if la not in self._files:
            self._files[la] = self._listed(la)
        return self._files[la]

    def _listed(self, la: str) -> Files:
        if self.divided_by:
            return partition_names(self.national_files, Path(PARTITIONED_FOLDER) / la)
        if self.synthetic:
            paths = [Path(SYNTHETIC_FOLDER) / la / name for name in self.synthetic_names]
            layouts = load_layouts(self.format)
            return {kind: [str(path) for path in paths if layout.matches(path)] for kind, layout in layouts.items()}
        return discover(self.swapped.get(la, Path(self.folder)), la, self.format)

    def require(self) -> None:
        """Check that the files a study cannot do without are there, for every LA at once, and the LA covariates.

        Raises
        ------
        StudyError : FILE, naming the folder, the LAs and the kind of file. CHECKSUM, for national files that are not
            as their list says.
        """
        if self.synthetic:
            return
        if self.configured_covariates and not Path(self.configured_covariates).is_file():
            remedy = "Correct the path, or write null to do without LA covariates"
            raise StudyError("FILE", "extracts.la_covariates", "there is no such file", remedy)
        needed = {kind: layout.stems for kind, layout in load_layouts(self.format).items() if layout.required}
        las = [""] if self.divided_by else self.las
        files = {la: self.national_files if self.divided_by else self.files(la) for la in las}
        place = "extracts.database" if self.source == "database" else f"extracts.folder {self.folder}"
        for kind, stems in needed.items():
            lacking = [la for la in las if not files[la][kind]]
            if lacking:
                whose = f" of LAs {', '.join(lacking)}" if lacking != [""] else ""
                remedy = f"Put them there, or correct {place.split()[0]} or las.codes; docs/extracts.md has the names"
                raise StudyError(
                    "FILE",
                    place,
                    f"there are no {kind} files ({', '.join(stems)}){whose}",
                    remedy,
                )
        if self.source == "national":
            self._refuse_differing()

    def kept_files(self, la: str) -> Files:
        """The files that rows of an LA have to be taken out of: its own, or the national ones; none of a database."""
        if self.source == "national":
            return self.national_files
        return {} if self.source == "database" else self.files(la)

    def list_of_checksums(self, la: str) -> str | None:
        """The list that came with an LA's own files; None if none comes, or the files are of all LAs."""
        if self.checksums is None or self.source != "per_la":
            return None
        return str(self.swapped.get(la, Path(self.folder)) / la / self.checksums)

    def _refuse_differing(self) -> None:
        """Check national files against their list: their digests are needed to preview a run anyway."""
        paths = [Path(path) for paths in self.national_files.values() for path in paths]
        if self.checksums and paths:
            folder = next(reversed(self.swapped.values()), Path(self.folder))
            refuse_differing(folder / self.checksums, {path: self.digests.of(path) for path in paths})

    def replaced_files(self, la: str, earlier: Iterable[Path] = ()) -> list[str]:
        """The files that a swapped-in extract stands in for: the configured ones and those swapped in before."""
        found = [self.in_folder(folder, la) for folder in (Path(self.folder), *earlier)]
        return [path for files in found for paths in files.values() for path in paths]

    def in_folder(self, folder: Path, la: str) -> Files:
        """Kind -> files of an LA, or national ones, in a folder laid out like the configured one."""
        return (
            discover_national(folder, self.format) if self.source == "national" else discover(folder, la, self.format)
        )

    def owned(self) -> list[str]:
        """Every file that holds extracts as they came; none of a database."""
        las = self.las if self.source in ("per_la", "national") else []
        used = {path for la in las for paths in self.kept_files(la).values() for path in paths}
        return sorted(used.union(*(self.replaced_files(la) for la in las)))

    def supplied(self) -> dict[str, list[str]]:
        """LA -> its files, of extracts in a folder per LA."""
        return {} if self.divided_by else {la: self.paths(la) for la in self.las}

    def paths(self, la: str) -> list[str]:
        """All files of one LA."""
        return [path for paths in self.files(la).values() for path in paths]

    def content(self, la: str) -> dict[str, str]:
        """File name -> digest of what is in an LA's own folder, a list of checksums included."""
        listed = self.list_of_checksums(la)
        paths = [*map(Path, self.paths(la)), *([Path(listed)] if listed and Path(listed).is_file() else [])]
        return {path.name: self.digests.of(path) for path in paths}

    def covariates_content(self) -> str | None:
        """Digest of the configured LA covariates; None without a file."""
        return self.configured_covariates and self.digests.of(Path(self.configured_covariates))

    def generated_by(self, la: str) -> str | None:
        """The stamp under which an LA's synthetic extract on disk was generated; None if there is none."""
        return self._manifest(la).get("stamp")

    def replaced(self, la: str) -> dict[str, str]:
        """File name -> digest of the synthetic files that are not as generated: somebody put others in their place."""
        generated = self._manifest(la).get("files", {})
        present = {Path(p).name: self.digests.of(Path(p)) for p in self.paths(la) if Path(p).is_file()}
        return {name: found for name, found in present.items() if found != generated.get(name, {}).get("sha256")}

    def _manifest(self, la: str) -> dict[str, Any]:
        """What is on disk about how an LA's synthetic extract was generated; empty before it was."""
        manifest = Path(SYNTHETIC_FOLDER) / la / MANIFEST
        return read_json(manifest) if manifest.is_file() else {}

    @cached_property
    def national_rows(self) -> dict[str, dict[str, str]]:
        """LA -> file -> fingerprint of the LA's rows there, so that only LAs whose rows changed go stale.

        A file's fingerprints can rest on the other files too (which LA a child belongs to).
        """
        paths = [(kind, Path(path)) for kind, paths in self.national_files.items() for path in paths]
        context = digest({str(path): self.digests.of(path) for _, path in paths})
        rows: dict[str, dict[str, str]] = {la: {} for la in self.las}
        for kind, path in paths:
            compute = partial(fingerprint, kind, files=self.national_files, source_format=self.format)
            found = self.digests.of(path, "rows by LA", compute, context)
            for la in self.las:
                rows[la][path.name] = found.get(la, {}).get("fingerprint", "no rows")
        return rows
