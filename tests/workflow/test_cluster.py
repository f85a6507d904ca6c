"""On a cluster: which rules run beside Snakemake, and what the profile for Slurm repeats of the default one."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent.parent
PROFILES = ROOT / "profiles"


def profile(name: str) -> dict:
    """A profile's settings."""
    return yaml.safe_load((PROFILES / name / "config.yaml").read_text(encoding="utf-8"))


def texts() -> dict[str, str]:
    """Rule -> its definition."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "rules").glob("*.smk")))
    parts = re.split(r"^\s*rule (\w+):$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_rule_is_local_or_has_memory_on_the_cluster() -> None:
    """The heavy ones are those that run in a process of their own for each outcome, imputation or variant."""
    listed = re.search(r"^localrules:\n((?:    \w+,\n)+)", (ROOT / "rules" / "cluster.smk").read_text(), re.MULTILINE)
    assert listed
    local = set(re.findall(r"\w+", listed[1])) | {name for name, text in texts().items() if "localrule: True" in text}
    heavy = set(profile("slurm")["set-resources"])
    assert local - {"all"} | heavy == set(texts()) and not local & heavy
    assert all("run_process(" in texts()[name] for name in heavy)


def test_the_profile_for_slurm_repeats_the_default_one() -> None:
    """A profile that is named replaces the default."""
    assert profile("default").items() <= profile("slurm").items()
