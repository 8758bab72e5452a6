"""API enablement: calls to an API that is not enabled in the project fail, as at Google.

A program that does not enable an API, or does not wait for it, therefore fails here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.google.errors import ApiError, error_info

if TYPE_CHECKING:
    from sandbox.google.cloud import Cloud
    from sandbox.google.request import ApiRequest

NOT_ENFORCED = ("firebase", "cloudbilling", "compute")
"""APIs that work without enablement: the Firebase console enables them."""


def check_enabled(request: ApiRequest) -> None:
    """Reject a request to an API that is not enabled in the project.

    Raises:
        ApiError: PERMISSION_DENIED with reason SERVICE_DISABLED.
    """
    host = request.api.product.host
    if not request.project or not request.cloud.switches.enforce_enablement:
        return
    if request.api.product.api in NOT_ENFORCED or request.cloud.enabled(request.project, host):
        return
    raise service_disabled_error(request.cloud, request.project, host)


def service_disabled_error(cloud: Cloud, project: str, host: str) -> ApiError:
    """Return Google's error for an API that is not enabled (Service Usage, SERVICE_DISABLED)."""
    number = cloud.number(project)
    url = f"https://console.developers.google.com/apis/api/{host}/overview?project={number}"
    metadata = {"consumer": f"projects/{number}", "service": host, "activationUrl": url}
    return ApiError(
        "PERMISSION_DENIED",
        f"{host} has not been used in project {number} before or it is disabled. Enable it by visiting {url} "
        "then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our "
        "systems and retry.",
        details=[error_info("SERVICE_DISABLED", "googleapis.com", metadata)],
    )
