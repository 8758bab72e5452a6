"""The report of what adopting a project will change. It reads, compares with the tables of the providers, and
writes nothing.

It raises the errors that `up` would raise: about a project that does not exist, is in another workspace or
belongs to another stack, one without the declared environment or service, and a volume that is another
service's, was deleted, is larger than declared or in another region. It shows the names of variables, and
never a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from railway import fields as differ
from railway import other_environments, volume_region
from railway.args import Props, how_to_set
from railway.backup_schedule import VolumeBackupScheduleProvider
from railway.custom_domain import CustomDomainProvider, find_custom_domain
from railway.fields import as_json
from railway.graphql.errors import RefusedError
from railway.graphql.models import CustomDomainView, Named, ProjectView, ServiceDomainView, Snapshot
from railway.project import ProjectProvider, marker_text
from railway.provider import RailwayProvider
from railway.service import not_in_environment
from railway.service_domain import ServiceDomainProvider, find_domain
from railway.service_limits import ServiceLimitsProvider
from railway.service_settings import ServiceSettingsProvider
from railway.snapshot import EnvironmentCache
from railway.validation import is_railways
from railway.variables import check_sealed
from railway.volume import VolumeProvider, check_size

Kind = TypeVar("Kind", bound=RailwayProvider)

_HIDDEN = {"registry_credentials"}
_NONE = "(none)"
_PLAN = "the plan's limit"


class ProviderFactory(Protocol):
    """Creates a provider of a kind, with credentials."""

    def __call__(self, kind: type[Kind], /) -> Kind:
        """Create one."""
        ...


@dataclass(frozen=True)
class Report:
    """What the adoption keeps and changes.

    Args:
        project: name and id of the project.
        kept: the objects that are adopted, each with its id.
        changes: property -> "old -> new"; variables by name only.
        warnings: what to check before `up`.
    """

    project: str
    kept: tuple[str, ...]
    changes: Mapping[str, str]
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"adoption of the Railway project {self.project}:"]
        lines += [f"  keeps {one}" for one in self.kept]
        lines += [f"  changes {name}: {change}" for name, change in self.changes.items()]
        lines += [f"  warning: {one}" for one in self.warnings]
        # Also printed at the end of the `up` that completes the adoption.
        lines.append("  and deploys once" if self.changes else "  nothing is left to change")
        return "\n".join(lines)


def report(provider: ProviderFactory, project_id: str, declared: Mapping[str, Props]) -> Report:
    """Compare the live objects with the declared ones; only reads.

    Args:
        provider: creates providers.
        project_id: the project to adopt.
        declared: the declared inputs of `project`, `service`, `volume`, `variables`, `settings`, `domain`
            and,
            if declared, `custom_domain`, `limits` and `backups`, as far as they are known; Railway's ids in
            them are ignored.

    Raises:
        RailwayError: the adoption would fail, or the project cannot be read.
    """
    projects = provider(ProjectProvider)
    project = projects.adopted(declared["project"], project_id)
    shown = f"{project.name} ({project.id})"
    changes: dict[str, str] = {}
    if project.name != declared["project"]["project_name"]:
        changes["project.project_name"] = _arrow(project.name, declared["project"]["project_name"])
    if not projects.is_marked(project, declared["project"]):
        marker = marker_text(declared["project"]["stack_marker"])
        changes["project.description"] = f"the marker of this stack is added: {marker}"
    name = declared["service"]["service_name"]
    service = next((one for one in project.services if one.name == name), None)
    if (environment := _environment(project, declared, changes)) is None:
        return Report(shown, (), changes, ())
    kept = [f"the environment {environment.name} ({environment.id})"]
    cache = projects.railway.environment(project.id, environment.id)
    view = cache.snapshot()
    if service is None:
        changes["service"] = f"{_NONE} -> {name}, with a new and empty volume"
        return Report(shown, tuple(kept), changes, ())
    if view.instance(service.id) is None:
        raise not_in_environment(service, view, declared["service"])
    kept.append(f"the service {service.name} ({service.id})")
    scope = {"project_id": project.id, "environment_id": environment.id, "service_id": service.id}

    def props(part: str) -> Props:
        return {**declared[part], **scope}

    kept += _volume(provider(VolumeProvider), cache, props("volume"), declared["settings"], changes)
    _compare(provider(ServiceSettingsProvider), "settings", "", props("settings"), changes)
    _variables(declared["variables"]["variables"], cache.variables(service.id), changes)
    generated = find_domain(view, props("domain"))
    kept += _domains(provider(ServiceDomainProvider), "domain", generated, props("domain"), changes)
    if "limits" in declared:
        _compare(provider(ServiceLimitsProvider), "limits", "", props("limits"), changes)
    if "custom_domain" in declared:
        custom = find_custom_domain(view, props("custom_domain"))
        part = "custom_domain"
        kept += _domains(provider(CustomDomainProvider), part, custom, props(part), changes)
    if "backups" in declared:
        schedule = {**props("backups"), "volume_id": ""}
        _backups(provider(VolumeBackupScheduleProvider), provider(VolumeProvider), view, schedule, changes)
    reach = other_environments.settings_reach(cache.api, view, service.id)
    warnings = (
        *((reach,) if reach else ()),
        *_config_file(view, service, declared["settings"]),
        *_other_services(view, service, declared["settings"]),
    )
    return Report(shown, tuple(kept), changes, warnings)


def _environment(
    project: ProjectView, declared: Mapping[str, Props], changes: dict[str, str]
) -> Named | None:
    name = declared["project"].get("environment_name") or "production"
    found = next((one for one in project.environments if one.name == name), None)
    if found is None:
        existing = ", ".join(one.name for one in project.environments)
        changes["environment"] = f"{_NONE} -> {name}, empty (the project has {existing})"
    return found


def _config_file(view: Snapshot, service: Named, settings: Props) -> tuple[str, ...]:
    """A warning about a config file whose settings are in force, and which the adoption removes."""
    file = view.existing_instance(service.id).node["railwayConfigFile"]
    if not file or settings.get("railway_config_file"):
        return ()
    keep = how_to_set(settings, "railway_config_file", file)
    return (f"the service uses the file {file} of its repository, and will no longer. To keep it: {keep}",)


def _other_services(view: Snapshot, service: Named, settings: Props) -> tuple[str, ...]:
    """Warnings about other services that deploy the same repository: production may run in one of them."""
    repo = settings.get("repo")
    others = [
        one.name
        for one in (view.project.services if view.project else ())
        if one.id != service.id and any(trigger.repository == repo for trigger in view.triggers(one.id))
    ]
    return tuple(f"the service {name} deploys {repo} too; it is not changed" for name in others)


def _volume(
    provider: VolumeProvider, cache: EnvironmentCache, props: Props, settings: Props, changes: dict[str, str]
) -> list[str]:
    view = cache.snapshot()
    found = provider.find(view, props)
    provider.check_name(cache, props, found.volume_id if found else "")
    if found is None:
        provider.check_nothing_to_restore(view, props)
        changes["volume"] = f"{_NONE} -> {props['volume_name']}, empty, at {props['mount_path']}"
        return []
    for declared in (props, settings):
        volume_region.check_region(found, declared)
    check_size(found, props)
    _compare(provider, "volume", found.volume_id, props, changes)
    return [f"the volume {found.name} ({found.volume_id}), {found.size_mb} MB, with its files"]


def _domains(
    provider: RailwayProvider,
    title: str,
    found: ServiceDomainView | CustomDomainView | None,
    props: Props,
    changes: dict[str, str],
) -> list[str]:
    if found is None:
        changes[title] = f"{_NONE} -> {props.get('domain') or 'a new one, generated by Railway'}"
        return []
    _compare(provider, title, found.id, props, changes)
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
        raise RefusedError(
            f"the {title} of the service was deleted while it was read", fix="run `pulumi up` again"
        )
    olds: dict[str, Any] = {**props, **live}
    for field in provider.FIELDS:
        old, new = field.normal(olds.get(field.name)), props.get(field.name)
        # Not a difference, but it is written. False instead of null is not worth a line.
        if old is None and new and field.default is not None and field.value(props) == field.value({}):
            changes[f"{title}.{field.name}"] = f"{_arrow(None, field.value(props))}, which is the default"
    for name in differ.compare(provider.FIELDS, olds, props).changed:
        field = next(one for one in provider.FIELDS if one.name == name)
        old, new = field.value(olds), props.get(name)
        if name in _HIDDEN:
            changes[f"{title}.{name}"] = "set"
        elif differ.is_unknown(new):
            changes[f"{title}.{name}"] = f"{as_json(old)} -> known after up"
        else:
            after = _PLAN if title == "limits" and new is None else as_json(field.value(props))
            changes[f"{title}.{name}"] = f"{as_json(old)} -> {after}"


def _variables(declared: Mapping[str, Any], live: Mapping[str, str | None], changes: dict[str, str]) -> None:
    existing = {name: value for name, value in live.items() if name in declared or not is_railways(name)}
    removed = sorted(set(existing) - set(declared))
    sealed = sorted(name for name, value in existing.items() if value is None and name in declared)
    check_sealed(sealed, removed)
    both = [name for name in sorted(declared) if name in existing and name not in sealed]
    for title, names in (
        ("added", sorted(set(declared) - set(existing))),
        ("changed", [name for name in both if declared[name] != existing[name]]),
        ("removed", removed),
    ):
        if names:
            changes[f"variables {title}"] = ", ".join(_with_seal(name, existing) for name in names)


def _with_seal(name: str, existing: Mapping[str, str | None]) -> str:
    sealed = name in existing and existing[name] is None
    return f"{name} (sealed: its value cannot be read or restored)" if sealed else name


def _arrow(old: object, new: object) -> str:
    return f"{as_json(old)} -> {as_json(new)}"
