"""Settings that are read from the clouds: placeholders of a stack's file, and what Google has otherwise.

With a placeholder, there is no preview, from which everything else is known (`ops.adopt.proposals`). One that
no cloud can fill stays, and the preview names it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from components.backend import MEGABYTES_PER_GIGABYTE
from firebase.errors import JsonObject
from ops.adopt.google import FUNCTION
from ops.adopt.live import Live
from ops.adopt.model import Declared
from ops.adopt.proposals import Proposal
from ops.adopt.stack_config import StackFile
from railway.graphql.credentials import Access
from railway.graphql.models import Snapshot
from railway.provider import RailwayProvider
from settings.keys import NAMESPACE
from settings.model import KEYS

_GOOGLE = {"region", "firestoreLocation"}
_RAILWAY = {
    "railwayRegion",
    "repo",
    "rootDirectory",
    "volumeSizeGb",
    "railwayEnvironment",
    "railwayServiceName",
}
WORKSPACE = "railwayWorkspaceId"


def of_google(file: StackFile, live: Live) -> Iterator[Proposal]:
    """The functions' region and the database's location, where the file has placeholders for them.

    Raises:
        GoogleError: Google could not be read.
    """
    wanted = _GOOGLE & {*file.placeholders()}
    if "region" in wanted:
        regions = Counter(region for region, _ in live.functions)
        for region, _ in regions.most_common(1):
            yield Proposal(key="region", value=region, reason="most functions run there")
    if "firestoreLocation" in wanted:
        name = str(file.value("firestoreDatabase") or KEYS["firestoreDatabase"].default)
        database = live.database(name)
        if database is not None:
            value = str(database["locationId"])
            yield Proposal(key="firestoreLocation", value=value, reason="the database is there")


def of_railway(
    file: StackFile, access: Callable[[], Access], config: Callable[[str], object]
) -> Iterator[Proposal]:
    """What the service and its volume have, where the file has placeholders for it.

    Args:
        file: the stack's file; without `railwayProjectId`, there is nothing to read.
        access: Railway's address and the token.
        config: reads a key of the stack's config.

    Raises:
        RailwayError: Railway could not be read.
    """
    placeholders = {*file.placeholders()}
    project_id = file.value("railwayProjectId")
    if not isinstance(project_id, str):
        return
    if WORKSPACE in placeholders:
        yield Proposal(key=WORKSPACE, value="", reason="railwayProjectId takes its place")
    wanted = _RAILWAY & placeholders
    if not wanted:
        return
    base = RailwayProvider()
    base.use(access(), config)
    project = base.railway.project(project_id)
    if project is None:
        return
    environment = _named(project.environments, file, "railwayEnvironment")
    service = _named(project.services, file, "railwayServiceName")
    if environment is None or service is None:
        return
    view = base.environment({"project_id": project_id, "environment_id": environment.id}).snapshot()
    found = {
        **_of_service(view, service.id),
        "railwayEnvironment": environment.name,
        "railwayServiceName": service.name,
    }
    for key in sorted(wanted & found.keys()):
        yield Proposal(key=key, value=found[key], reason="as it is on Railway")


def of_preview(
    declared: Sequence[Declared], live: Live, config: Callable[[str], object]
) -> Iterator[Proposal]:
    """The settings that differ from what the functions and the database have today.

    Args:
        declared: every resource of the program.
        live: the Google project.
        config: reads a key of the stack's config, such as "whatsapp-crm:region"; None if it is not set.

    Raises:
        GoogleError: Google could not be read.
    """
    region = str(config(f"{NAMESPACE}:region") or KEYS["region"].default)
    functions = [one for one in declared if one.type == FUNCTION]
    # Also those in the state, which another region would replace.
    names = {str(one.inputs["name"]) for one in functions if one.inputs["location"] == region}
    here = {name for place, name in live.functions if place == region}
    others = Counter(place for place, name in live.functions if name in names - here)
    if len(others) == 1 and not names & here:
        (found,) = others
        yield Proposal(key="region", value=found, reason="the functions run there")
    database = live.database(
        str(config(f"{NAMESPACE}:firestoreDatabase") or KEYS["firestoreDatabase"].default)
    )
    location = None if database is None else database.get("locationId")
    if location and location != config(f"{NAMESPACE}:firestoreLocation"):
        yield Proposal(key="firestoreLocation", value=str(location), reason="the database is there")
    changed = [one for one in functions if one.op in ("create", "update")]
    yield from _of_firebase_config(changed, live, config)


def _of_firebase_config(
    declared: Sequence[Declared], live: Live, config: Callable[[str], object]
) -> Iterator[Proposal]:
    """The storage bucket and the Realtime Database that the functions have in FIREBASE_CONFIG today.

    firebase-tools puts both there, if the project has them; this program does with the settings only.
    """
    places = {(str(one.inputs["location"]), str(one.inputs["name"])) for one in declared}
    today = [
        _firebase_config(function) for place, function in sorted(live.functions.items()) if place in places
    ]
    for key, name in (("storageBucket", "storageBucket"), ("databaseUrl", "databaseURL")):
        found = next((str(one[name]) for one in today if one.get(name)), None)
        if found is not None and found != config(f"{NAMESPACE}:{key}"):
            yield Proposal(key=key, value=found, reason=f"FIREBASE_CONFIG of the functions has this {name}")


def _firebase_config(function: JsonObject) -> JsonObject:
    variables = (function.get("serviceConfig") or {}).get("environmentVariables") or {}
    try:
        found: object = json.loads(str(variables.get("FIREBASE_CONFIG") or "{}"))
    except ValueError:
        return {}
    return cast("JsonObject", found) if isinstance(found, dict) else {}


def _of_service(view: Snapshot, service_id: str) -> dict[str, str]:
    found: dict[str, str] = {}
    volume = view.attached_volume(service_id)
    if volume is not None:
        found["volumeSizeGb"] = f"{volume.size_mb / MEGABYTES_PER_GIGABYTE:.9g}"
        if volume.region:
            found["railwayRegion"] = volume.region
    for trigger in view.triggers(service_id)[:1]:
        found["repo"] = trigger.repository
    instance = view.instance(service_id)
    if instance is not None:
        # Without the setting, it is the root of the repository.
        found["rootDirectory"] = str(instance.node.get("rootDirectory") or "").strip("/")
    return found


def _named(objects: tuple[Any, ...], file: StackFile, key: str) -> Any:
    """The object with the configured name, else the only one."""
    name = file.value(key) or KEYS[key].default
    found = [one for one in objects if one.name == name] or (objects if len(objects) == 1 else ())
    return found[0] if found else None
