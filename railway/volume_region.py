"""A service with a volume runs where its data is.

A region that is set through the API moves the service alone, and its volume stays where it is (reported:
terraform-provider-railway issue 29); in the dashboard it moves the volume too, with a downtime (Railway
docs, regions). Refuses both: a region that is declared for a volume that is elsewhere, and settings that
would take a service away from its volume.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from railway.errors import RefusedError
from railway.fields import is_unknown
from railway.graphql.models import Snapshot, VolumeView
from railway.provider import Props

_KEY = "whatsapp-crm:railwayRegion"

MOVE = (
    "in Railway's dashboard change the region of the service (Settings, Regions): Railway moves the volume "
    f"with it, and the service is down so long. Then set {_KEY} to the new region, and run `pulumi up "
    "--refresh`"
)
"""How a person moves a service together with its data."""


def refuse_elsewhere(volume: VolumeView, declared: Props) -> None:
    """Refuse a volume's region, or a service's, that is not where the volume is.

    Args:
        volume: the live volume; one whose region Railway does not say is let pass.
        declared: inputs with `region`, and `multi_region_config` where there is one. What is not known yet
            is let pass.

    Raises:
        RefusedError: it is in another region than a declared one.
    """
    refuse_other(f"{volume.name} ({volume.volume_id})", volume.region, declared)


def refuse_other(volume: str, live: str, declared: Props) -> None:
    """Refuse another region than the one that a volume is in.

    Args:
        volume: the volume as a person knows it.
        live: its region; "" where Railway does not say it: let pass.
        declared: see `refuse_elsewhere`.

    Raises:
        RefusedError: another one is declared.
    """
    others = sorted(_declared(declared) - {live})
    if others and live:
        raise RefusedError(
            f"the Railway volume {volume} is in {live}, and {', '.join(others)} is declared: Railway would "
            "run the service there, away from its data, or move the volume, with a downtime",
            fix=f"to stay where the data is: pulumi config set {_KEY} {live}. To move: {MOVE}",
        )


def staying(view: Snapshot, service_id: str, declared: Props, sent: Mapping[str, Any]) -> dict[str, Any]:
    """The settings to send to a service, so that it stays with its volume.

    A region that is taken back is sent as the volume's, because Railway's default may be another one.

    Args:
        view: what is there.
        service_id: the service.
        declared: its declared settings.
        sent: the ServiceInstanceUpdateInput made of them.

    Raises:
        RefusedError: they would move it.
    """
    volumes = view.environment.volumes if view.environment else ()
    volume = next((one for one in volumes if one.service_id == service_id and not one.deleted), None)
    fields = dict(sent)
    if volume is None or not volume.region:
        return fields
    refuse_elsewhere(volume, declared)
    if fields.get("region") == "":
        fields["region"] = volume.region
    if fields.get("multiRegionConfig") == {}:
        fields["multiRegionConfig"] = {volume.region: {"numReplicas": 1}}
    return fields


def _declared(declared: Props) -> set[str]:
    regions = declared.get("multi_region_config")
    named: set[str] = set()
    if isinstance(regions, Mapping):
        named = {str(name) for name, entry in regions.items() if entry is not None}
    region = declared.get("region")
    # Railway takes the map where there is one, but whoever wrote the other meant it.
    return named | ({str(region)} if region and not is_unknown(region) else set())
