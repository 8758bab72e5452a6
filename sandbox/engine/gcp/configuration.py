"""The provider's configuration, from the program and from the environment.

Credentials and impersonation are errors: the sandbox supports access tokens only.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.engine.gcp.model import Settings
from sandbox.engine.gcp.rest import PRODUCTS, Access

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROJECT = ("GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT")
_REGION = ("GOOGLE_REGION", "GCLOUD_REGION", "CLOUDSDK_COMPUTE_REGION")
_USE_TOKEN = "not supported by the sandbox. fix: set gcp:accessToken or GOOGLE_OAUTH_ACCESS_TOKEN"  # noqa: S105
_REJECTED = {
    "defaultLabels": "the sandbox's gcp plugin cannot detect changes. fix: set labels on the resources",
    "credentials": _USE_TOKEN,
    "externalCredentials": _USE_TOKEN,
    "impersonateServiceAccount": "not supported by the sandbox. fix: remove it",
}
_IGNORED = {
    "batching",
    "disablePartnerName",
    "disableGooglePartnerName",
    "partnerName",
    "pluginDownloadURL",
    "pollInterval",
    "requestReason",
    "requestTimeout",
    "scopes",
    "skipRegionValidation",
    "version",
    "zone",
}
_KNOWN = {
    "accessToken",
    "addPulumiAttributionLabel",
    "billingProject",
    "project",
    "region",
    "userProjectOverride",
}


def failures(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the parts of a configuration that the sandbox does not support, as pairs of key and reason."""
    found: list[tuple[str, str]] = []
    for key, value in sorted(config.items()):
        if value in {None, ""}:
            continue
        if key in _REJECTED:
            found.append((key, _REJECTED[key]))
        elif key not in _KNOWN and key not in _IGNORED and not key.endswith("CustomEndpoint"):
            found.append((key, "unknown to the sandbox's gcp plugin. fix: remove it"))
    return found


def settings(config: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Return the settings of a provider.

    Args:
        config: its properties; structured ones may be JSON strings, as the engine sends them.
        environ: the environment variables.
    """
    return Settings(
        project=str(config.get("project") or _first(environ, _PROJECT)),
        region=str(config.get("region") or _first(environ, _REGION)),
        billing_project=str(config.get("billingProject") or environ.get("GOOGLE_BILLING_PROJECT", "")),
        attribution_label=_parsed(config.get("addPulumiAttributionLabel")) is not False,
    )


def access(config: Mapping[str, Any], environ: Mapping[str, str]) -> Access:
    """Return endpoints and token of a provider. Arguments as in `settings`."""
    endpoints: dict[str, str] = {}
    for product, name in PRODUCTS.items():
        words = name.lower().split("_")
        key = words[0] + "".join(word.capitalize() for word in words[1:]) + "CustomEndpoint"
        base = str(config.get(key) or environ.get(f"GOOGLE_{name}_CUSTOM_ENDPOINT", ""))
        if base:
            endpoints[product] = base if base.endswith("/") else f"{base}/"
    billing = settings(config, environ).billing_project
    override = (
        _parsed(config.get("userProjectOverride")) is True or environ.get("USER_PROJECT_OVERRIDE") == "true"
    )
    token = str(config.get("accessToken") or environ.get("GOOGLE_OAUTH_ACCESS_TOKEN", ""))
    headers = {"X-Goog-User-Project": billing} if override and billing else {}
    return Access(endpoints=endpoints, token=token, headers=headers)


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((environ[name] for name in names if environ.get(name)), "")


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
