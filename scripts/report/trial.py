"""The target trial: the experiment that would answer the question, beside what this study does in its place.

In: the configuration. Out: a row per component of the protocol of a target trial (Hernan and Robins 2016).
"""

from typing import Any

from scripts.report.levels import covariate_in_words
from scripts.report.words import listed, month, words

METHODS = {
    "cem": "coarsened exact matching",
    "exact": "exact matching",
    "nearest": "nearest neighbours on the propensity score",
    "entropy": "entropy balancing",
}
INFERENCE = {
    "WCR": "wild cluster bootstrap",
    "RI": "randomisation over authorities",
    "CR2": "errors clustered by authority (CR2)",
    "CRV3": "errors clustered by authority (CRV3)",
    "CRV1": "errors clustered by authority (CRV1)",
}


def target_trial(config: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Component, target trial, imitation."""
    model, dates = config["study"]["practice_model"], config["dates"]
    primary = [entry["label"] for entry in config["outcomes"].values() if entry["primary"]]
    matched = [covariate_in_words(entry["name"]) for entry in config["covariates"]["child"] if entry["match"]]
    pilots, children = config["las"]["pilots"], config["matching"]["children"]["method"]
    windows = sorted({entry["window_days"] for entry in config["outcomes"].values() if entry.get("window_days")})
    return [
        (
            "Eligibility",
            "Authorities willing to introduce the practice model; all children they assess, receive a referral of, "
            "or take into care",
            f"{len(pilots)} pilots and their comparators; records from {month(dates['data_start'])} to "
            f"{month(dates['data_end'])}; each outcome has its own population (see who is in)",
        ),
        (
            "Strategies",
            f"Introduce {model} at a set date, or go on as before",
            f"The same, as it happened: pilots embedded {model} between "
            f"{month(min(pilot['embedding_start'] for pilot in pilots))} and "
            f"{month(max(pilot['embedding_end'] for pilot in pilots))}; comparators may use parts of it",
        ),
        (
            "Assignment",
            "Authorities drawn by lot",
            "Authorities chose. Each pilot is compared with matched authorities, its children with children matched by "
            f"{METHODS[children]} on {listed(matched)}",
        ),
        (
            "Time zero and follow-up",
            "From the event that makes a child eligible, for as long as the outcome needs",
            f"The same: windows of {listed([str(days) for days in windows])} days; events that cannot be followed to "
            "the end are left out, and so is what happened while the model was being embedded",
        ),
        ("Outcomes", "; ".join(primary), "The same, out of administrative records"),
        (
            "Contrast",
            "Effect of being assigned, on all children",
            "Effect on children in pilots of their authority having introduced the model (the treated; intention to "
            "treat)",
        ),
        (
            "Assumptions",
            "None beyond the lot",
            "Without the model, pilots and comparators would have changed alike; nobody acted on it before; one "
            "authority's choice does not touch another's children",
        ),
        (
            "Analysis",
            "Difference of means by arm, clustered by authority",
            f"Difference in differences, specification {words(config['models']['headline'])}; "
            f"{INFERENCE[config['inference']['headline']]}, with {INFERENCE[config['inference']['beside']]} beside it; "
            f"missing covariates imputed {config['imputation']['m']} times",
        ),
    ]
