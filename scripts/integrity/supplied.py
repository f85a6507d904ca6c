"""Whether extracts are what their supplier sent, by the list of checksums that came with them.

The list is in the form of `sha256sum`: a line per file, SHA-256 in hexadecimal, two spaces (or a space and an
asterisk), the file's path below the list's folder. A CSV file that lost its end cannot be told from a shorter one
without such a list.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from scripts.artefacts import write_text
from scripts.errors import StudyError

LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](?:\./)?(.+)")


def read_list(path: Path) -> dict[str, str]:
    """File, as a path below the list's folder -> SHA-256 in lower case.

    Raises
    ------
    StudyError : CHECKSUM, if there is no list, or a line is not of the form.
    """
    place = "/".join(path.parts[-2:])
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        remedy = "Ask for the list, or set extracts.checksums to null if none comes"
        raise StudyError("CHECKSUM", place, "there is no list of checksums", remedy) from None
    except UnicodeDecodeError:
        lines = ["?"]
    found = [LINE.fullmatch(line) for line in lines if line.strip()]
    if wrong := found.count(None):
        problem = f"{wrong} lines are not a SHA-256 and a file name"
        raise StudyError("CHECKSUM", place, problem, "Write the list with sha256sum")
    return {match[2].replace("\\", "/"): match[1].lower() for match in found if match}


def refuse_differing(list_file: Path, found: Mapping[Path, str]) -> None:
    """Compare files with their list.

    Parameters
    ----------
    found : file -> SHA-256, of all files that are read.

    Raises
    ------
    StudyError : CHECKSUM, naming every file that differs, is not in the list, or is in the list and not there.
    """
    listed = read_list(list_file)
    told = []
    for path, digest in found.items():
        name = path.relative_to(list_file.parent).as_posix()
        if name not in listed:
            told.append(f"{name} is not in the list")
        elif digest != listed[name]:
            told.append(f"{name} is not the file that was sent")
    told += [f"{name} is in the list and not there" for name in listed if not (list_file.parent / name).is_file()]
    if told:
        remedy = "Copy the files again, or ask for them again, with their list"
        raise StudyError("CHECKSUM", "/".join(list_file.parts[-2:]), "; ".join(told), remedy)


def renew(list_name: str, path: Path, digest: str) -> None:
    """Enter the new SHA-256 of a file that rows are taken out of into the list beside it or in the folder above."""
    for folder in path.parents[:2]:
        list_file = folder / list_name
        if list_file.is_file():
            sums = read_list(list_file) | {path.relative_to(folder).as_posix(): digest}
            write_text("".join(f"{each}  {name}\n" for name, each in sums.items()), list_file)
