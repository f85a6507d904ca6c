"""Entry points of the synthetic extracts: settings in, files out.

`generate` writes one LA's extract, `la_covariates` the LA x year table, `count` the counts of an LA's extract and
`calibrate` their comparison with published figures. Everything is SYNTHETIC: invented children in invented places; each
folder's manifest says so.
"""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scripts.artefacts import atomic, read_json, write_json, write_results
from scripts.integrity.digest import file_digest
from scripts.synthetic import layout
from scripts.synthetic.assessments import with_later_assessments
from scripts.synthetic.authority import Authority, authority
from scripts.synthetic.calibration import compare
from scripts.synthetic.care import care_episodes
from scripts.synthetic.chain import simulate
from scripts.synthetic.covariates import covariate_table
from scripts.synthetic.dirt import dirty_assessments, dirty_episodes, dirty_referrals
from scripts.synthetic.figures import la_figures
from scripts.synthetic.parameters import NO_DATE, Part, Study, between, model
from scripts.synthetic.referrals import IN_NEED, NFA, NOT_IN_NEED, Events
from scripts.synthetic.tables import conference_files, person_columns, referral_copies, school_columns, section47_rows


def generate(la: str, folder: Path, stamp: str, settings: dict[str, Any]) -> None:
    """Write one LA's extract into `folder`, and last its `manifest.json` with the digest and row count of each file.

    `stamp` names settings and code; the manifest keeps it, so that one can tell whether the extract is as generated.
    """
    study = Study.from_settings(settings)
    files = {}
    for name, frame in extract(la, study).items():
        with atomic(Path(folder) / name) as temporary:
            # A blank is a blank: no quoted empty strings.
            frame.with_columns(pl.col(pl.String).replace("", None)).write_csv(temporary)
            files[name] = {"rows": len(frame), "sha256": file_digest(temporary)}
    write_json({"synthetic": True, "la": la, "stamp": stamp, "files": files}, Path(folder) / layout.MANIFEST)


def extract(la: str, study: Study) -> dict[str, pl.DataFrame]:
    """All frames of one LA by file name."""
    local = authority(la, study)
    children, events = simulate(local, study)
    tables, dirt = study.stream(la, Part.TABLES), study.stream(la, Part.DIRT)
    in_cin_file, in_section47 = conference_files(events, tables)
    copies = person_columns(referral_copies(events, children, in_cin_file, study, tables), children, tables)
    copies = dirty_referrals(school_columns(copies, children, study, tables), study, dirt)
    episodes = dirty_episodes(care_episodes(events, children, local, study), study, study.stream(la, Part.CARE_DIRT))
    section47 = section47_rows(events, children, in_section47, study, tables)
    return {
        **layout.referral_frames(copies, la, study),
        **layout.assessment_frames(_assessments(events, local, study), la, children, study),
        layout.DISABILITIES: layout.disability_frame(children, tables),
        layout.SECTION47: layout.section47_frame(section47, la),
        layout.CARE: layout.care_frame(episodes, la, children),
    }


def _assessments(events: Events, local: Authority, study: Study) -> pl.DataFrame:
    """Assessments of the referrals that were assessed, once or twice, with their dirt."""
    rng = study.stream(local.code, Part.ASSESSMENTS)
    rates = model("assessment")
    share = np.select(
        [events.kind == NFA, events.kind == NOT_IN_NEED, events.kind == IN_NEED],
        [rates["nfa"], rates["not_in_need"], rates["in_need"]],
    )
    u = rng.random((3, len(share)))
    assessed = u[0] < share
    second = events.referral + between(u[1], *rates["again_after"])
    again = np.where((events.kind == IN_NEED) & (u[2] < rates["again"]) & (second < events.closure), second, NO_DATE)
    rows = with_later_assessments(
        events.child[assessed],
        events.assessment_start[assessed],
        events.assessment_end[assessed],
        again[assessed],
        local,
        study,
        rng,
    )
    return dirty_assessments(rows, study, rng)


def la_covariates(las: list[str], path: Path, settings: dict[str, Any]) -> None:
    """Write `la_covariates.csv`: one row per LA and financial year, some cells blank."""
    table = covariate_table(las, Study.from_settings(settings))
    with atomic(path) as temporary:
        table.write_csv(temporary)


def count(folder: Path, output: Path, settings: dict[str, Any]) -> None:
    """Write the counts of an LA's extract that calibration adds up, as JSON."""
    write_json(la_figures(Path(folder), Study.from_settings(settings)), output)


def calibrate(counts: list[Path], output_csv: Path, settings: dict[str, Any]) -> None:
    """Compare the counts of every LA (`count`) with the published figures of `schemas/calibration.yaml`."""
    table = compare([read_json(path) for path in counts], Study.from_settings(settings))
    write_results(table, "calibration", output_csv)
