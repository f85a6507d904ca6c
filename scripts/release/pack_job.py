"""The entry points of rules `release` (the clearance pack) and `released` (the register)."""

from pathlib import Path
from typing import Any

from scripts.artefacts import read_json, read_results, write_json, write_text
from scripts.errors import StudyError
from scripts.governance.command import FINAL
from scripts.integrity.digest import file_digest
from scripts.pages.templates import environment
from scripts.release import cross_products
from scripts.release.pack import acro_results, files_of, obstacles, request_of
from scripts.release.rules import Rules, read_rules

PAGE = "summary.html"


def pack(folder: str, inside: dict[str, str], outputs: dict[str, str], settings: dict[str, Any]) -> None:
    """Write the clearance pack of a release.

    Parameters
    ----------
    folder : of the release, with its tables, report and pictures.
    inside : audit, inputs, terms and, with cross-products, omitted, none of which leaves.
    outputs : summary, request, results, checksums (a folder).
    settings : tag, status, code, synthetic, and config blocks study, outcomes, models, release.

    Raises
    ------
    StudyError : RELEASE, if a file lies in the folder that may not leave, or if the pack is to be final and a rule that
        was used is graded S or N or context is missing.
    """
    home, audit = Path(folder), read_json(inside["audit"])
    rules = read_rules(settings["release"]["rules"])
    omitted = read_json(inside["omitted"]) if "omitted" in inside else {"omitted": {}, "rules_used": []}
    for name in (*audit["rules_used"], *omitted["rules_used"], "extremes"):
        rules.value(name)
    tables = {*audit["rows"], *([cross_products.NAME] if omitted["omitted"] else [])}
    _only_expected(home, tables, rules)
    tables = {
        name: read_results(table, inside[name]) for name, table in (("inputs", "inputs"), ("terms", "model_terms"))
    }
    request = request_of(home, audit, tables["inputs"], tables["terms"], rules, settings)
    request["open"] = obstacles(request, rules)
    if settings["status"] == FINAL and request["open"]:
        told = "".join(f"\n  {each}" for each in request["open"])
        remedy = f"Settle these, or build a draft:{told}"
        raise StudyError("RELEASE", f"release {settings['tag']}", "the pack cannot be final", remedy)
    page = environment(Path(__file__).parent).get_template(PAGE).render(request=request)
    write_text(page, outputs["summary"])
    write_json(request, outputs["request"])
    write_json(acro_results(home, request), outputs["results"])
    for path in files_of(home):
        name = f"{path.relative_to(home).as_posix()}.txt"
        write_text(file_digest(path), Path(outputs["checksums"]) / name)


def _only_expected(folder: Path, tables: set[str], rules: Rules) -> None:
    """Nothing lies in the folder but what the release consists of, and that is of a kind that may leave."""
    expected = {f"{name}.csv" for name in tables} | {"report.html"}
    # The pack itself, if it was built before.
    expected |= {PAGE, "request.json", "results.json"}
    names = [path.relative_to(folder) for path in files_of(folder)]
    figures = {name for name in names if name.parts[0] == "figures" and name.suffix in (".png", ".csv")}
    if strange := [name.as_posix() for name in names if name not in figures and name.as_posix() not in expected]:
        problem = f"{len(strange)} files that no rule made: {', '.join(strange)}"
        raise StudyError("RELEASE", folder.name, problem, "Remove them; only what the gate has checked may leave")
    kinds = rules.value("file_types")
    if refused := sorted({name.suffix for name in names if name.suffix.removeprefix(".") not in kinds}):
        raise StudyError(
            "RELEASE", folder.name, f"files of kinds that may not leave: {', '.join(refused)}", "Remove them"
        )


def register(folder: str, numbers: str, outputs: dict[str, str], settings: dict[str, Any]) -> None:
    """Enter a final release in the register: its numbers, and a manifest of its files.

    Raises
    ------
    StudyError : RELEASE, if the pack is a draft, or a file has changed since its checksum was taken.
    """
    home = Path(folder)
    request = read_json(home / "request.json")
    if request["status"] != FINAL:
        remedy = f"Build it with --config tag={request['release']} status={FINAL}, and have it cleared"
        raise StudyError("RELEASE", f"release {request['release']}", "a draft does not leave", remedy)
    files = {path.relative_to(home).as_posix(): file_digest(path) for path in files_of(home)}
    stored = {name: home / "checksums" / f"{name}.txt" for name in files}
    if changed := [name for name, path in stored.items() if not path.is_file() or path.read_text() != files[name]]:
        problem = f"{len(changed)} files are not those of the pack: {', '.join(changed)}"
        raise StudyError("RELEASE", home.name, problem, "Build the release again")
    write_json(read_json(numbers), outputs["numbers"])
    told = {"release": request["release"], "rules_version": request["rules_version"], "files": files}
    write_json(told | {"code": request["code"], "inputs": request["inputs"]}, outputs["manifest"])
