"""The regions of Google and Railway that this version knows; another one is a warning, not an error.

Sources: Cloud Functions docs, locations (2nd gen); Firestore docs, locations; Railway docs, regions, plans
and scaling.
"""

from __future__ import annotations

from dataclasses import dataclass

FUNCTION_REGIONS = frozenset(
    {
        "africa-south1",
        "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3",
        "asia-south1", "asia-south2",
        "asia-southeast1", "asia-southeast2",
        "australia-southeast1", "australia-southeast2",
        "europe-central2", "europe-north1", "europe-north2", "europe-southwest1", "europe-west1",
        "europe-west2", "europe-west3",
        "europe-west4", "europe-west6", "europe-west8", "europe-west9", "europe-west10", "europe-west12",
        "me-central1", "me-central2", "me-west1",
        "northamerica-northeast1", "northamerica-northeast2", "northamerica-south1",
        "southamerica-east1", "southamerica-west1",
        "us-central1", "us-east1", "us-east4", "us-east5", "us-south1", "us-west1", "us-west2",
        "us-west3", "us-west4",
    }
)  # fmt: skip

# Multi-regions first; every region that runs functions can hold a database too.
FIRESTORE_LOCATIONS = frozenset({"nam5", "nam7", "eur3"}) | FUNCTION_REGIONS

RAILWAY_REGIONS = ("us-west2", "us-east4-eqdc4a", "europe-west4-drams3a", "asia-southeast1-eqsg3a")

# The largest volume of each plan, in GB as Railway counts them (1 GB = 1000 MB).
RAILWAY_PLAN_VOLUME_GB = {"hobby": 5.0, "pro": 1000.0, "enterprise": 5000.0}


@dataclass(frozen=True)
class PlanLimits:
    """What a service of a plan can use, in vCPUs and in GB of memory: the numbers are the same.

    `of_one` is what one instance can use, `of_all` what all instances together can.
    """

    of_one: float
    of_all: float


# Railway docs, plans: "maximum values and include replica multiplication"; the numbers of replicas are there.
RAILWAY_PLANS = {"hobby": PlanLimits(8, 48), "pro": PlanLimits(24, 1000), "enterprise": PlanLimits(48, 2400)}
