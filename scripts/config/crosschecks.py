"""What one key of the configuration demands of another; the schema cannot say it.

Enters: a study that satisfies the schema. Leaves: every contradiction as a Mistake. Each check is a generator over the
study, so that all of them report at once.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

import holidays

from scripts.config.schema import KeyPath, Mistake, suggestion
from scripts.config.variants import variant_mistakes
from scripts.dates import financial_year_of
from scripts.errors import StudyError
from scripts.models.evidence import read_rules
from scripts.outcomes.own import Registered, registered
from scripts.published.ees import layout
from scripts.release.contract import disclosed
from scripts.synthetic.parameters import OUTCOMES as GENERATED

Study = dict[str, Any]
PROFILE_OF_OUTCOME = {"outcome_level", "outcome_trend"}


class Reference(NamedTuple):
    """A key (or a key's value) that names something defined elsewhere."""

    path: KeyPath
    name: str
    what: str
    known: set[str]


def cross_mistakes(study: Study, populations: set[str], measures: set[str]) -> list[Mistake]:
    """Every contradiction between keys, sorted by path."""
    unknown = [
        Mistake(
            reference.path, f'"{reference.name}" is not {reference.what}{suggestion(reference.name, reference.known)}'
        )
        for reference in [*_la_references(study), *_name_references(study, populations, measures)]
        if reference.name not in reference.known
    ]
    checks = (
        _repeats,
        _comparators,
        _la_matching,
        _data_window,
        _embedding,
        _outcome_dates,
        _ranges,
        _event_studies,
        _models,
        _extracts,
        _members,
        _reorganisations,
        variant_mistakes,
        _evidence,
    )
    return sorted([*unknown, *(mistake for check in checks for mistake in check(study))])


def _comparator_lists(study: Study) -> Iterator[tuple[KeyPath, str, str, list[str]]]:
    """Path, pilot, outcome and LAs of every explicit comparator list."""
    for position, pilot in enumerate(study["las"]["pilots"]):
        for outcome, codes in pilot.get("comparators", {}).items():
            yield ("las", "pilots", position, "comparators", outcome), pilot["code"], outcome, codes


def _la_references(study: Study) -> Iterator[Reference]:
    """Every place that names an LA or a pilot."""
    codes = {la["code"] for la in study["las"]["codes"]}
    pilots = {pilot["code"] for pilot in study["las"]["pilots"]}
    known = "one of las.codes"
    for position, pilot in enumerate(study["las"]["pilots"]):
        yield Reference(("las", "pilots", position, "code"), pilot["code"], known, codes)
    for path, _, _, comparators in _comparator_lists(study):
        yield from (Reference((*path, position), code, known, codes) for position, code in enumerate(comparators))
    for key, outcome in study["outcomes"].items():
        for position, code in enumerate(outcome["exclude_groups"]):
            yield Reference(("outcomes", key, "exclude_groups", position), code, "a pilot", pilots)
    for position, change in enumerate(study["synthetic"]["recording_breaks"]):
        yield Reference(("synthetic", "recording_breaks", position, "la"), change["la"], known, codes)


def _name_references(study: Study, populations: set[str], measures: set[str]) -> Iterator[Reference]:
    """Every place that names an outcome, a definition, a specification, a covariate or a bank-holiday calendar."""
    outcomes = set(study["outcomes"])
    for path, _, outcome, _ in _comparator_lists(study):
        yield Reference(path, outcome, "an outcome or `default`", outcomes | {"default"})
    for key in study["synthetic"]["effects"]:
        yield Reference(("synthetic", "effects", key), key, "an outcome", outcomes | set(GENERATED))
    for position, covariate in enumerate(study["covariates"]["child"]):
        for place, name in enumerate(covariate.get("outcomes", [])):
            yield Reference(("covariates", "child", position, "outcomes", place), name, "an outcome", outcomes)
    for position, name in enumerate(study["study"].get("outcomes") or []):
        yield Reference(("study", "outcomes", position), name, "an outcome", outcomes)
    for key in study["evidence"]["smallest_effect"]:
        yield Reference(("evidence", "smallest_effect", key), key, "an outcome", outcomes)
    for position, variant in enumerate(study["variants"]["choices"]):
        for place, name in enumerate(variant["outcomes"]):
            yield Reference(("variants", "choices", position, "outcomes", place), name, "an outcome", outcomes)
    specifications = study["models"]["specifications"]
    for key, specification in specifications.items():
        for place, name in enumerate(_chosen(specification, [])):
            yield Reference(("models", "specifications", key, "outcomes", place), name, "an outcome", outcomes)
    yield Reference(("models", "headline"), study["models"]["headline"], "a specification", set(specifications))
    yield from _inference_references(study)
    yield from _release_references(study)
    releases = set(layout()["releases"])
    yield Reference(("completeness", "release"), study["completeness"]["release"], "a known release", releases)

    if declared := study["extracts"].get("date_formats"):
        # The models of tables take half a second to load, which every preview would wait for.
        from schemas.tables import date_columns

        for name in declared:
            place = ("extracts", "date_formats", name)
            yield Reference(place, name, "a date column of the canonical tables", date_columns())

    categories = set(study["privacy"]["categories"])
    for part in ("register", "validation_only"):
        for position, entry in enumerate(study["privacy"][part]):
            path = ("privacy", part, position, "category")
            yield Reference(path, entry["category"], "one of privacy.categories", categories)
    for name in study["privacy"]["exempt"]:
        yield Reference(("privacy", "exempt", name), name, "a detector", set(study["privacy"]["detectors"]))

    definitions = set(study["kinship_definitions"])
    for key, outcome in study["outcomes"].items():
        own = registered(outcome["module"]) if outcome.get("module") else Registered({}, {})
        known_populations, known_measures = populations | set(own.populations), measures | set(own.measures)
        yield Reference(("outcomes", key, "population"), outcome["population"], "a known population", known_populations)
        yield Reference(("outcomes", key, "measure"), outcome["measure"], "a known measure", known_measures)
        if name := outcome.get("kinship_definition"):
            yield Reference(("outcomes", key, "kinship_definition"), name, "one of kinship_definitions", definitions)

    yield from _matching_references(study)
    calendar, countries = study["dates"]["bank_holidays"], holidays.list_supported_countries()
    path = ("dates", "bank_holidays")
    yield Reference((*path, "country"), calendar["country"], "a country of the holidays package", set(countries))
    parts = set(countries.get(calendar["country"], [calendar["subdivision"]]))
    yield Reference((*path, "subdivision"), calendar["subdivision"], f"a part of {calendar['country']}", parts)


def _matching_references(study: Study) -> Iterator[Reference]:
    """Variables of the distance between LAs, and covariates on which pairs of children must agree."""
    profile = PROFILE_OF_OUTCOME | {covariate["name"] for covariate in study["covariates"]["la"]}
    for position, name in enumerate(study["matching"]["las"]["profile"]):
        what = "outcome_level, outcome_trend or one of covariates.la"
        yield Reference(("matching", "las", "profile", position), name, what, profile)
    for name in study["matching"]["las"]["variable_calipers"]:
        what = "outcome_level, outcome_trend or one of covariates.la"
        yield Reference(("matching", "las", "variable_calipers", name), name, what, profile)
    names = {covariate["name"] for covariate in study["covariates"]["child"]}
    for position, name in enumerate(study["matching"]["children"]["nearest"]["exact"]):
        yield Reference(("matching", "children", "nearest", "exact", position), name, "a child covariate", names)


def _release_references(study: Study) -> Iterator[Reference]:
    """Tables that can leave, and outcomes."""
    release, outcomes, tables = study["release"], set(study["outcomes"]), set(disclosed())
    for name in release["outputs"]:
        yield Reference(("release", "outputs", name), name, "a results table that can leave", tables)
    for position, entry in enumerate(release["rows"]):
        yield Reference(
            ("release", "rows", position, "table"), entry["table"], "a results table that can leave", tables
        )
    for position, name in enumerate(release["outcomes"] if release["outcomes"] != "all" else ()):
        yield Reference(("release", "outcomes", position), name, "an outcome", outcomes)
    for position, name in enumerate(release["cross_products"]["outcomes"]):
        yield Reference(("release", "cross_products", "outcomes", position), name, "an outcome", outcomes)


def _inference_references(study: Study) -> Iterator[Reference]:
    """Methods that must be among those shown, and covariates of subgroups and placebo outcomes."""
    methods = set(study["inference"]["methods"])
    for key in ("headline", "beside"):
        yield Reference(("inference", key), study["inference"][key], "one of inference.methods", methods)
    covariates = study["covariates"]["child"]
    divided = {each["name"] for each in covariates if each["kind"] != "numeric" or "cuts" in each}
    for place, name in enumerate(study["models"]["subgroups"]):
        yield Reference(("models", "subgroups", place), name, "a child covariate with levels or cuts", divided)
    levelled = {each["name"] for each in covariates if each["kind"] != "numeric"}
    for key, specification in study["models"]["specifications"].items():
        if placebo := specification.get("placebo_outcome"):
            path = ("models", "specifications", key, "placebo_outcome", "covariate")
            yield Reference(path, placebo["covariate"], "a categorical or binary child covariate", levelled)


def _chosen(specification: Study, every: list[str]) -> list[str]:
    """The outcomes a specification is run for; `every` stands for `all`."""
    return every if specification["outcomes"] == "all" else specification["outcomes"]


def _evidence(study: Study) -> Iterator[Mistake]:
    """Rules of evidence that cannot be read, and outcomes without a smallest effect of interest."""
    for key in study["outcomes"]:
        if key not in study["evidence"]["smallest_effect"]:
            yield Mistake(("evidence", "smallest_effect", key), "missing")
    try:
        read_rules(study["evidence"])
    except StudyError as error:
        yield Mistake(tuple(error.place.split(".")), error.problem)


def _repeats(study: Study) -> Iterator[Mistake]:
    """Lists in which nothing may stand twice."""
    las, covariates = study["las"], study["covariates"]
    lists: list[tuple[KeyPath, list[str]]] = [
        (("las", "codes"), [la["code"] for la in las["codes"]]),
        (("las", "pilots"), [pilot["code"] for pilot in las["pilots"]]),
        (("covariates",), [covariate["name"] for kind in ("child", "la") for covariate in covariates[kind]]),
        (("variants", "choices"), [variant["name"] for variant in study["variants"]["choices"]]),
        *((path, codes) for path, _, _, codes in _comparator_lists(study)),
        *(
            (("outcomes", key, "exclude_groups"), outcome["exclude_groups"])
            for key, outcome in study["outcomes"].items()
        ),
    ]
    for path, names in lists:
        yield from (Mistake(path, f'"{name}" stands here {n} times') for name, n in Counter(names).items() if n > 1)


def _comparators(study: Study) -> Iterator[Mistake]:
    """A comparator must not have introduced the practice model itself."""
    pilots = {pilot["code"] for pilot in study["las"]["pilots"]}
    for path, pilot, _, codes in _comparator_lists(study):
        for position, code in enumerate(codes):
            if code == pilot:
                yield Mistake((*path, position), f'"{code}" is the pilot itself')
            elif code in pilots:
                yield Mistake((*path, position), f'"{code}" is a pilot too; a comparator must not be one')


def _la_matching(study: Study) -> Iterator[Mistake]:
    """Statistical neighbours come from a file; the thresholds of balance ascend."""
    las = study["matching"]["las"]
    if las["method"] == "neighbours" and not las["neighbours_file"]:
        yield Mistake(("matching", "las", "neighbours_file"), "needed because matching.las.method is neighbours")
    if las["balance_thresholds"] != sorted(set(las["balance_thresholds"])):
        path = ("matching", "las", "balance_thresholds")
        yield Mistake(path, f"{las['balance_thresholds']} is not in strictly ascending order")


def _data_window(study: Study) -> Iterator[Mistake]:
    """Dates of the data, and the years that must lie within them."""
    start, end = study["dates"]["data_start"], study["dates"]["data_end"]
    if start >= end:
        yield Mistake(("dates", "data_end"), f"{end} is not after dates.data_start, {start}")
    if (earliest := study["cleaning"]["earliest_date"]) >= start:
        yield Mistake(("cleaning", "earliest_date"), f"{earliest} is not before dates.data_start, {start}")
    first, last = (financial_year_of(date.fromisoformat(day)) for day in (start, end))
    for position, change in enumerate(study["synthetic"]["recording_breaks"]):
        if not first <= change["from_year"] <= last:
            path = ("synthetic", "recording_breaks", position, "from_year")
            yield Mistake(path, f"{change['from_year']} is no financial year of the data ({first} to {last})")


def _embedding(study: Study) -> Iterator[Mistake]:
    """Each pilot embeds within the data, so that there is a before and an after."""
    data_start, data_end = study["dates"]["data_start"], study["dates"]["data_end"]
    for position, pilot in enumerate(study["las"]["pilots"]):
        path, start, end = ("las", "pilots", position), pilot["embedding_start"], pilot["embedding_end"]
        if start > end:
            yield Mistake((*path, "embedding_end"), f"{end} is before embedding_start, {start}")
        if start <= data_start:
            yield Mistake(
                (*path, "embedding_start"), f"{start} leaves no data before it (dates.data_start {data_start})"
            )
        if end >= data_end:
            yield Mistake((*path, "embedding_end"), f"{end} leaves no data after it (dates.data_end {data_end})")


def _outcome_dates(study: Study) -> Iterator[Mistake]:
    """Dates by which an outcome limits its population leave somebody in it; so do its excluded groups."""
    pilots, data_end = study["las"]["pilots"], study["dates"]["data_end"]
    for key, outcome in study["outcomes"].items():
        path = ("outcomes", key)
        if (start := outcome.get("period_start_from") or "") >= data_end:
            yield Mistake((*path, "period_start_from"), f"{start} is not before dates.data_end, {data_end}")
        before = outcome.get("embedded_before") or "9999-12-31"
        if all(pilot["embedding_end"] >= before for pilot in pilots):
            yield Mistake((*path, "embedded_before"), f"no pilot has embedded before {before}")
        if {pilot["code"] for pilot in pilots} <= set(outcome["exclude_groups"]):
            yield Mistake((*path, "exclude_groups"), "no pilot is left")


def _ranges(study: Study) -> Iterator[Mistake]:
    """Pairs and lists that must ascend, and codes that cannot mean two things."""
    ages = [(("covariates", "school_age"), study["covariates"]["school_age"])]
    ages += [(("outcomes", key, "age_range"), outcome.get("age_range")) for key, outcome in study["outcomes"].items()]
    for path, pair in ages:
        if pair and pair[0] > pair[1]:
            yield Mistake(path, f"{pair} is not in ascending order")
    for position, covariate in enumerate(study["covariates"]["child"]):
        path, cuts = ("covariates", "child", position, "cuts"), covariate.get("cuts")
        if cuts and cuts != sorted(set(cuts)):
            yield Mistake(path, f"{cuts} is not in strictly ascending order")
        if cuts and covariate["kind"] != "numeric":
            yield Mistake(
                path, f"only a numeric covariate is cut into bands; {covariate['name']} is {covariate['kind']}"
            )
    both = set(study["cleaning"]["cin_closure_reasons"]) & set(study["cleaning"]["nfa_closure_reasons"])
    if both:
        yield Mistake(("cleaning", "nfa_closure_reasons"), f"{', '.join(sorted(both))} also in cin_closure_reasons")


def _event_studies(study: Study) -> Iterator[Mistake]:
    """The reference year lies before embedding, among the years with an effect."""
    for key, specification in study["models"]["specifications"].items():
        if specification["estimator"] != "event_study":
            continue
        path, reference = ("models", "specifications", key), specification["reference"]
        first, last = specification["first"], specification["last"]
        if reference >= 0:
            yield Mistake((*path, "reference"), f"{reference} is not before embedding; years before it are negative")
        if not first <= reference <= last:
            yield Mistake((*path, "reference"), f"{reference} is outside first to last, {first} to {last}")


def _models(study: Study) -> Iterator[Mistake]:
    """The headline serves every outcome, one outcome is primary, and a logit needs 0/1 outcomes."""
    outcomes, specifications = study["outcomes"], study["models"]["specifications"]
    headline = study["models"]["headline"]
    if headline in specifications:
        unserved = [key for key in outcomes if key not in _chosen(specifications[headline], list(outcomes))]
        if unserved:
            yield Mistake(
                ("models", "headline"), f'"{headline}" is not run for {", ".join(unserved)}; it must be for all'
            )
    if not any(outcome["primary"] for outcome in outcomes.values()):
        yield Mistake(("outcomes",), "no outcome has primary: true; at least one must")
    durations = {key for key, outcome in outcomes.items() if outcome["unit"] != "percentage points"}
    for key, specification in specifications.items():
        wrong = durations.intersection(_chosen(specification, list(outcomes)))
        if specification["estimator"] == "logit_ame" and wrong:
            path = ("models", "specifications", key, "outcomes")
            yield Mistake(
                path, f"logit_ame needs 0/1 outcomes (unit percentage points), not {', '.join(sorted(wrong))}"
            )


def _extracts(study: Study) -> Iterator[Mistake]:
    """Extracts that are not generated need a folder; those that are have one format."""
    extracts = study["extracts"]
    if extracts["source"] == "synthetic" and extracts["format"] != "npd":
        yield Mistake(("extracts", "format"), "synthetic extracts are npd; name another extracts.source")
    if extracts["source"] == "database" and "database" not in extracts:
        yield Mistake(("extracts", "database"), "needed because extracts.source is database")
    if extracts["source"] in ("per_la", "national") and not extracts["folder"]:
        yield Mistake(("extracts", "folder"), f"needed because extracts.source is {extracts['source']}")
    if extracts.get("checksums") and extracts["source"] not in ("per_la", "national"):
        yield Mistake(("extracts", "checksums"), f"extracts.source {extracts['source']} comes without a list")


def _members(study: Study) -> Iterator[Mistake]:
    """A source LA belongs to one analysis LA; synthetic extracts are made per analysis LA, so those have no others."""
    codes, synthetic = study["las"]["codes"], study["extracts"]["source"] == "synthetic"
    owner: dict[str, str] = {}
    for position, entry in enumerate(codes):
        path, la = ("las", "codes", position, "members"), entry["code"]
        members = entry.get("members", [la])
        if synthetic and members != [la]:
            yield Mistake(path, f'extracts.source synthetic makes one extract per LA, so only "{la}" can stand here')
        for code in members:
            if owner.setdefault(code, la) != la:
                yield Mistake(path, f'"{code}" belongs to LA {owner[code]} already')


def _reorganisations(study: Study) -> Iterator[Mistake]:
    """A code that stays is not reorganised."""
    for position, change in enumerate(study["las"]["reorganisations"]):
        if both := sorted(set(change["old_codes"]) & set(change["successors"])):
            yield Mistake(("las", "reorganisations", position, "successors"), f"{', '.join(both)} also in old_codes")
