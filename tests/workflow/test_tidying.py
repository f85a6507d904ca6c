"""What a run puts right before it starts."""

import os
import time
from pathlib import Path

from scripts.artefacts import read_json, write_json
from scripts.workflow.tidying import tidy


def test_what_interrupted_writes_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    results = tmp_path / "results"
    write_json(1, results / "a" / "x.json")
    left = results / "a" / ".x.json.ab12_xyz"
    left.write_text("half")
    (results / ".gitkeep").write_text("")
    tidy(results)
    assert not left.exists() and (results / ".gitkeep").exists() and read_json(results / "a" / "x.json") == 1


def test_files_of_the_future_are_dated_today_and_others_keep_their_date(tmp_path: Path) -> None:
    for name, date in (("future", time.time() + 9999), ("past", 1_000_000.0)):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (date, date))
    tidy(tmp_path)
    assert (tmp_path / "future").stat().st_mtime <= time.time() and (tmp_path / "past").stat().st_mtime == 1_000_000
    tidy(tmp_path / "absent")
