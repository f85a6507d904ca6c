"""From the modules of a CIN census to the rows the National Pupil Database would hold.

In: the modules of `scripts.ingest.xml_return` as text. Out: a frame of strings per canonical table, under the field
names of the census. As in the pupil database, a referral has one row per child protection plan, or one row if it led to
none (data-formats section 3.1); what hangs below a referral (assessments, section 47 enquiries) loses that link. A
conference is recorded either with the referral or with the enquiry, and stays where it was recorded (trap T-20).
"""

import polars as pl

Modules = dict[str, pl.DataFrame]
NO_DISABILITY = "NONE"
# The pupil database derives this flag; the census has only the codes.
DERIVED = "disability"


def rows(modules: Modules) -> dict[str, pl.DataFrame]:
    """Canonical table -> its rows, in the order of the file."""
    child = modules["Child"].join(_has_disability(modules["Disabilities"]), on="child", how="left")
    plans = modules["ChildProtectionPlans"].drop("child", "plan")
    referrals = modules["CINdetails"].join(child, on="child", how="left", maintain_order="left")
    of_child = modules["Child"].select("child", "LAchildID")
    below = {"assessments": "Assessments", "disabilities": "Disabilities", "section47": "Section47"}
    return {
        "referrals": referrals.join(plans, on="details", how="left", maintain_order="left"),
        **{
            table: modules[name].join(of_child, on="child", how="left", maintain_order="left")
            for table, name in below.items()
        },
    }


def _has_disability(codes: pl.DataFrame) -> pl.DataFrame:
    """Any code but NONE is a disability; without a code it is unknown, and the child has no row here."""
    stated = codes.filter(pl.col("Disability").fill_null("") != "")
    other = pl.col("Disability").str.to_uppercase() != NO_DISABILITY
    return stated.group_by("child").agg(other.any().cast(pl.Int8).cast(pl.String).alias(DERIVED))
