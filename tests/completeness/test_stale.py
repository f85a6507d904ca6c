"""A restated published file makes the comparison stale, and nothing that does not read it."""

from pathlib import Path

from scripts.config.strict_yaml import read_yaml
from scripts.workflow.digests import RememberedDigests
from scripts.workflow.study import Study

ROOT = Path(__file__).parents[2]


def stamps(folder: Path) -> tuple[object, object]:
    """Of the comparison, and of the profile of an LA."""
    config = read_yaml(ROOT / "config.yaml")
    config["completeness"]["published_folder"] = str(folder)
    config["privacy"]["key_file"] = str(folder / "no.key")
    study = Study(config, RememberedDigests(folder / "digests.json"))
    return study.stamp("completeness"), study.stamp("profile", "501")


def test_t28_a_restated_published_file_makes_the_comparison_stale_and_no_profile(tmp_path: Path) -> None:
    for name in ("c1_referrals.csv", "c2_assessments.csv"):
        (tmp_path / name).write_text("as first published")
    before = stamps(tmp_path)
    assert stamps(tmp_path) == before
    (tmp_path / "c1_referrals.csv").write_text("as corrected later")
    after = stamps(tmp_path)
    assert after[0] != before[0]
    assert after[1] == before[1]
