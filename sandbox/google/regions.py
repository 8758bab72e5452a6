"""Google's regions, where names depend on them."""

from __future__ import annotations

import hashlib

REGIONS: dict[str, str] = {
    "us-central1": "uc",
    "us-east1": "ue",
    "us-east4": "uk",
    "us-west1": "uw",
    "us-west2": "wl",
    "us-west3": "wm",
    "us-west4": "wn",
    "northamerica-northeast1": "nn",
    "southamerica-east1": "rj",
    "europe-west1": "ew",
    "europe-west2": "nw",
    "europe-west3": "ey",
    "europe-west4": "ez",
    "europe-west6": "oa",
    "europe-west8": "oc",
    "europe-west9": "od",
    "europe-central2": "lm",
    "europe-north1": "lz",
    "asia-east1": "de",
    "asia-east2": "df",
    "asia-northeast1": "an",
    "asia-northeast2": "dt",
    "asia-northeast3": "du",
    "asia-south1": "el",
    "asia-southeast1": "as",
    "asia-southeast2": "et",
    "australia-southeast1": "ts",
    "me-west1": "zf",
    "africa-south1": "bq",
}
"""Regions for functions and Cloud Run services, with the code at the end of Cloud Run's host names."""

MULTI_REGIONS = ("nam5", "nam7", "eur3")
"""Firestore's multi-region locations, which are also Eventarc locations for its triggers."""
BUCKET_REGIONS = ("us", "eu", "asia", "nam4", "eur4", "asia1")
"""Cloud Storage's multi-regions and predefined dual-regions, the same for its triggers."""


def run_host(service: str, project_number: str, region: str) -> str:
    """Return a Cloud Run host name, `SERVICE-HASH-REGION.a.run.app`; the hash depends on the project."""
    digest = hashlib.sha256(project_number.encode()).digest()
    letters = "".join("abcdefghijklmnopqrstuvwxyz234567"[byte % 32] for byte in digest[:10])
    return f"{service}-{letters}-{REGIONS.get(region, 'xx')}.a.run.app"
