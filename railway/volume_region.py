"""A service with a volume must run in the region of the volume.

A region that is set through the API moves only the service, and its volume stays where it is (reported:
terraform-provider-railway issue 29). The dashboard moves the volume too, and stops the service meanwhile
(Railway docs, regions). So a declared region that is not the volume's is an error, and so are settings that
would move the service away from its volume.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from railway.args import Props, how_to_set, key_or_property
from railway.fields import is_unknown
from railway.graphql.errors import RefusedError
from railway.graphql.models import Snapshot


def how_to_move(declared: Props) -> str:
    """How a service is moved together with its data."""
    return (
        "change the region of the service in Railway's dashboard (Settings, Regions): Railway moves the "
        "volume too, and stops the service until it is moved. Then set "
        f"{key_or_property(declared, 'region')} to the new region, and run `pulumi up --refresh "
        "--run-program`"
    )


def check_region(volume: str, actual: str, declared: Props) -> None:
    """Check that a volume is in the declared region.

    Args:
        volume: the volume, for the error message.
        actual: its region; "" if Railway does not return it: not checked.
        declared: properties with `region`; an unknown one is not checked.

    Raises:
        RefusedError: another region is declared.
    """
    region = declared.get("region")
    if actual and region and not is_unknown(region) and region != actual:
        raise RefusedError(
            f"the Railway volume {volume} is in the region {actual}, but {region} is declared: "
            "Railway would run the service there without its data, or stop it until the volume is moved",
            fix="to stay in the region of the data:\n"
            f"{how_to_set(declared, 'region', actual)}\n"
            f"To move: {how_to_move(declared)}",
        )


def keep_with_volume(
    view: Snapshot, service_id: str, declared: Props, sent: Mapping[str, Any]
) -> dict[str, Any]:
    """The settings to write to a service, so that it stays in the region of its volume.

    A region that is reset is written as the volume's region, because Railway's default may be another one.

    Args:
        view: the environment.
        service_id: the service.
        declared: its declared settings.
        sent: the ServiceInstanceUpdateInput made of them.

    Raises:
        RefusedError: the declared settings would move the service.
    """
    volume, fields = view.attached_volume(service_id), dict(sent)
    if volume is None or not volume.region:
        return fields
    check_region(volume.label, volume.region, declared)
    if fields.get("region") == "":
        fields["region"] = volume.region
    return fields
