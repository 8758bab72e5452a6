"""What taking a project over will change: read, compared with the same tables as every later change, and
changed by nobody.

Refuses what `up` would refuse: a project that is not there, in another workspace or another stack's, one
that has services and none of the declared name, or not the declared environment, a service that is not in
the declared environment, a volume that is another service's, lost, larger than declared or in another
region. Refuses to show the value of a variable: names only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from railway import fields as differ
from railway import other_environments, volume_region
from railway.backup_schedule import VolumeBackupScheduleProvider
from railway.custom_domain import CustomDomainProvider
from railway.errors import RefusedError
from railway.graphql.models import Named, ProjectView, Snapshot
from railway.project import ProjectProvider, mark_of
from railway.provider import Props, RailwayProvider, instance_of
from railway.service import not_here
from railway.service_domain import ServiceDomainProvider, choose
from railway.service_limits import ServiceLimitsProvider
from railway.service_settings import ServiceSettingsProvider
from railway.variables import is_railways, refuse_beside_sealed
from railway.volume import VolumeProvider

Kind = TypeVar("Kind", bound=RailwayProvider)

_HIDDEN = {"registry_credentials"}
_NOTHING = "nothing"
_PLAN = "what the plan allows"


class Makes(Protocol):
    """Makes a provider of a kind that has the asker's credentials."""

    def __call__(self, kind: type[Kind], /) -> Kind:
        """Make one."""
        ...


@dataclass(frozen=True)
class Report:
    """What adoption keeps and what it changes.

    Args:
        project: the project as a person knows it.
        kept: what stays the very same object, each with its id.
        changes: property -> "old -> new"; variables by name only.
        warnings: what a person should look at before `up`.
    """

    project: str
    kept: tuple[str, ...]
    changes: Mapping[str, str]
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"adoption of the Railway project {self.project}:"]
        lines += [f"  keeps {one}" for one in self.kept]
        lines += [f"  changes {name}: {change}" for name, change in self.changes.items()]
        lines += [f"  look: {one}" for one in self.warnings]
        # At the end of the `up` that adopts, it is read again: nothing may sound as if nothing was done.
        lines.append("  and deploys once" if self.changes else "  nothing is left to change")
        return "\n".join(lines)


def report(provider: Makes, project_id: str, declared: Mapping[str, Props]) -> Report:
    """Compare what is there with what is declared; reads only.

    Args:
        provider: makes providers.
        project_id: the project that is to be taken over.
        declared: the declared inputs of `project`, `service`, `volume`, `variables`, `settings`, `domain`,
            and, if declared, `custom_domain`, `limits` and `backups`, as far as they are known; ids of
            Railway's in them are not looked at.

    Raises:
        RailwayError: it would be refused, or cannot be read.
    """
    projects = provider(ProjectProvider)
    project = projects.adopted(declared["project"], project_id)
    shown = f"{project.name} ({project.id})"
    changes: dict[str, str] = {}
    if project.name != declared["project"]["project_name"]:
        changes["project.project_name"] = _arrow(project.name, declared["project"]["project_name"])
    if not projects.is_marked(project, declared["project"]):
        mark = mark_of(declared["project"]["stack_marker"])
        changes["project.description"] = f"{mark} is added, by which this stack knows it again"
    name = declared["service"]["service_name"]
    service = next((one for one in project.services if one.name == name), None)
    if (environment := _environment(project, declared, changes)) is None:
        return Report(shown, (), changes, ())
    kept = [f"the environment {environment.name} ({environment.id})"]
    cache = projects.railway.environment(project.id, environment.id)
    view = cache.snapshot()
    if service is None:
        changes["service"] = f"{_NOTHING} -> {name}, with a new and empty volume"
        return Report(shown, tuple(kept), changes, ())
    if view.instance(service.id) is None:
        raise not_here(service, environment.name)
    kept.append(f"the service {service.name} ({service.id})")
    place = {"project_id": project.id, "environment_id": environment.id, "service_id": service.id}
    volume = {**declared["volume"], **place}
    kept += _volume(provider(VolumeProvider), view, volume, declared["settings"], changes)
    _settings(provider(ServiceSettingsProvider), {**declared["settings"], **place}, changes)
    _variables(declared["variables"]["variables"], cache.variables(service.id), changes)
    kept += _domain(provider(ServiceDomainProvider), view, {**declared["domain"], **place}, changes)
    if "limits" in declared:
        _compare(provider(ServiceLimitsProvider), "limits", "", {**declared["limits"], **place}, changes)
    if "custom_domain" in declared:
        props = {**declared["custom_domain"], **place}
        kept += _custom_domain(provider(CustomDomainProvider), view, props, changes)
    if "backups" in declared:
        props = {**declared["backups"], **place, "volume_id": ""}
        _backups(provider(VolumeBackupScheduleProvider), provider(VolumeProvider), view, props, changes)
    beyond = other_environments.settings_reach(projects.railway.api, view, service.id)
    warnings = (
        *((beyond,) if beyond else ()),
        *_config_file(view, service, declared["settings"]),
        *_services_beside(view, service, declared["settings"]),
    )
    return Report(shown, tuple(kept), changes, warnings)


def _environment(
    project: ProjectView, declared: Mapping[str, Props], changes: dict[str, str]
) -> Named | None:
    name = declared["project"].get("environment_name") or "production"
    found = next((one for one in project.environments if one.name == name), None)
    if found is None:
        there = ", ".join(one.name for one in project.environments)
        changes["environment"] = f"{_NOTHING} -> {name}, with nothing in it (the project has {there})"
    return found


def _config_file(view: Snapshot, service: Named, settings: Props) -> tuple[str, ...]:
    """A file whose settings are in force, which goes with the adoption, and its settings with it."""
    file = instance_of(view, service.id).node["railwayConfigFile"]
    if not file or settings.get("railway_config_file"):
        return ()
    look = (
        f"the service follows the file {file} of its repository, and will no longer. To begin with what the "
        f"file says: pulumi config set whatsapp-crm:railwayConfigFile {file}"
    )
    return (look,)


def _services_beside(view: Snapshot, service: Named, settings: Props) -> tuple[str, ...]:
    """Other services that deploy the same repository: perhaps the real backend."""
    repo = settings.get("repo")
    beside = [
        one.name
        for one in (view.project.services if view.project else ())
        if one.id != service.id and any(trigger.repository == repo for trigger in view.triggers(one.id))
    ]
    return tuple(f"the service {name} deploys {repo} too; it is not touched" for name in beside)


def _volume(
    provider: VolumeProvider, view: Snapshot, props: Props, settings: Props, changes: dict[str, str]
) -> list[str]:
    found = provider.find(view, props)
    provider.volume_using_name(view, props, found.volume_id if found else "")
    if found is None:
        provider.refuse_new_over_lost(view, props)
        changes["volume"] = f"{_NOTHING} -> {props['volume_name']}, empty, at {props['mount_path']}"
        return []
    for wishes in (props, settings):
        volume_region.refuse_elsewhere(found, wishes)
    if found.size_mb > int(props["size_mb"]):
        raise RefusedError(
            f"the Railway volume {found.name} ({found.volume_id}) has {found.size_mb / 1000:g} GB, and "
            f"{int(props['size_mb']) / 1000:g} GB are declared; a volume never shrinks",
            fix=f"pulumi config set whatsapp-crm:volumeSizeGb {found.size_mb / 1000:g}",
        )
    _compare(provider, "volume", found.volume_id, props, changes)
    return [f"the volume {found.name} ({found.volume_id}), {found.size_mb} MB, with its files"]


def _settings(provider: ServiceSettingsProvider, props: Props, changes: dict[str, str]) -> None:
    _compare(provider, "settings", "", props, changes)


def _domain(
    provider: ServiceDomainProvider, view: Snapshot, props: Props, changes: dict[str, str]
) -> list[str]:
    found = choose(view, props)
    if found is None:
        changes["domain"] = f"{_NOTHING} -> a new one of Railway's"
        return []
    _compare(provider, "domain", found.id, props, changes)
    return [f"the domain {found.domain}"]


def _custom_domain(
    provider: CustomDomainProvider, view: Snapshot, props: Props, changes: dict[str, str]
) -> list[str]:
    domains = instance_of(view, props["service_id"]).custom_domains
    found = next((one for one in domains if one.domain == props["domain"]), None)
    if found is None:
        changes["custom_domain"] = _arrow(None, props["domain"])
        return []
    _compare(provider, "custom_domain", found.id, props, changes)
    return [f"the domain {found.domain}"]


def _backups(
    provider: VolumeBackupScheduleProvider,
    volumes: VolumeProvider,
    view: Snapshot,
    props: Props,
    changes: dict[str, str],
) -> None:
    volume = volumes.find(view, {**props, "volume_name": ""})
    if volume is None:
        changes["backups.kinds"] = _arrow(None, props["kinds"])
        return
    _compare(provider, "backups", volume.instance_id, {**props, "volume_id": volume.volume_id}, changes)


def _compare(provider: RailwayProvider, title: str, id_: str, props: Props, changes: dict[str, str]) -> None:
    live = provider.read_object(id_, props)
    if live is None:
        raise RefusedError(f"the {title} of the service went away while it was read")
    there: dict[str, Any] = {**props, **live}
    for field in provider.FIELDS:
        old, new = field.normal(there.get(field.name)), props.get(field.name)
        # Written, and equal to what Railway does when nothing is said. False is no news beside nothing.
        if old is None and new and field.default is not None and field.value(props) == field.value({}):
            written = _arrow(None, field.value(props))
            changes[f"{title}.{field.name}"] = f"{written}, as it is when nothing is said"
    for name in differ.compare(provider.FIELDS, there, props).changed:
        field = next(one for one in provider.FIELDS if one.name == name)
        old, new = field.value(there), props.get(name)
        if name in _HIDDEN:
            changes[f"{title}.{name}"] = "set"
        elif differ.is_unknown(new):
            changes[f"{title}.{name}"] = f"{_shown(old)} -> known after up"
        else:
            lifted = title == "limits" and new is None
            after = _PLAN if lifted else _shown(field.value(props))
            changes[f"{title}.{name}"] = f"{_shown(old)} -> {after}"


def _variables(declared: Mapping[str, Any], live: Mapping[str, str | None], changes: dict[str, str]) -> None:
    there = {name: value for name, value in live.items() if name in declared or not is_railways(name)}
    removed = sorted(set(there) - set(declared))
    sealed = sorted(name for name, value in there.items() if value is None and name in declared)
    refuse_beside_sealed(sealed, removed)
    both = [name for name in sorted(declared) if name in there and name not in sealed]
    for title, names in (
        ("added", sorted(set(declared) - set(there))),
        ("changed", [name for name in both if declared[name] != there[name]]),
        ("removed", removed),
    ):
        if names:
            changes[f"variables {title}"] = ", ".join(_with_seal(name, there) for name in names)


def _with_seal(name: str, there: Mapping[str, str | None]) -> str:
    lost = name in there and there[name] is None
    return f"{name} (sealed: nobody can read its value, or bring it back)" if lost else name


def _arrow(old: object, new: object) -> str:
    return f"{_shown(old)} -> {_shown(new)}"


def _shown(value: object) -> str:
    return _NOTHING if value is None else json.dumps(value, ensure_ascii=False)
