"""A report, in the preview, of what adopting an existing project will change. It changes nothing itself.

In a preview the ids of adopted objects are unknown, and an object that is about to be "created" has nothing
to be compared with. So this resource gets everything that is declared, and reads the project in `check`, the
only call that the engine makes in a preview with all known values. Declare it with the id of the project to
adopt, and let it depend on the deployment: then it is in the state only when the adoption is complete. Until
then every preview reports what is left to change; afterwards it sends no request.

The live objects are compared with the tables of their providers. Errors that would stop the adoption are
reported in the preview: a project that does not exist, is in another workspace or belongs to another stack,
one without the declared environment or service, and a volume that is attached to another service, was
deleted, is larger than declared or in another region. The report shows the names of variables, and never a
value; their values are not kept in the state.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, cast

import pulumi
from pulumi import dynamic
from pulumi.dynamic import CheckFailure, CheckResult

from railway import other_environments, volume_region
from railway.args import Props, how_to_set, inputs_of
from railway.backup_schedule import VolumeBackupScheduleArgs, VolumeBackupScheduleProvider
from railway.custom_domain import CustomDomainArgs, CustomDomainProvider, find_custom_domain
from railway.fields import Field, as_json, compare, is_unknown, mapping
from railway.graphql.errors import NotAuthorizedError, RailwayError, RefusedError
from railway.graphql.models import CustomDomainView, Named, ProjectView, ServiceDomainView, Snapshot
from railway.project import ProjectArgs, ProjectProvider, marker_text
from railway.provider import PROVIDER_KEY, RailwayProvider
from railway.service import ServiceArgs, not_in_environment
from railway.service_domain import ServiceDomainArgs, ServiceDomainProvider, find_domain
from railway.service_limits import ServiceLimitsArgs, ServiceLimitsProvider
from railway.service_settings import ServiceSettingsProvider
from railway.settings_table import ServiceSettingsArgs
from railway.snapshot import EnvironmentCache
from railway.validation import is_railways
from railway.variables import VariablesArgs, check_sealed
from railway.volume import VolumeArgs, VolumeProvider
from user_errors import printable

REPORT = "RAILWAY_ADOPTION_REPORT"
"""An environment variable. "false": no report, for a tool that compares itself (`RailwayProvider.find`)."""

_NONE = "(none)"
_PLAN = "the plan's limit"


@dataclass(frozen=True, kw_only=True)
class AdoptionArgs:
    """Inputs: the id of the project to adopt, and the Args of the declared resources; None: not declared."""

    project_id: pulumi.Input[str]
    project: ProjectArgs
    service: ServiceArgs
    volume: VolumeArgs
    variables: VariablesArgs
    settings: ServiceSettingsArgs
    domain: ServiceDomainArgs
    custom_domain: CustomDomainArgs | None = None
    limits: ServiceLimitsArgs | None = None
    backups: VolumeBackupScheduleArgs | None = None


class AdoptionProvider(RailwayProvider):
    """Provider of `Adoption`: reads and compares in `check`, and does nothing else."""

    FIELDS = (
        Field(name="project_id", required=True, replace=True),
        Field(name="changes", normal=mapping, compared=False),
    )

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Print the report, unless the adoption is complete."""
        declared = news.get("declared")
        own = {name: value for name, value in news.items() if name not in {PROVIDER_KEY, "declared"}}
        checked = super().check(_olds, own)
        project_id = checked.inputs.get("project_id")
        if checked.failures or is_unknown(project_id) or not isinstance(declared, Mapping):
            return checked
        if os.environ.get(REPORT, "").strip().lower() == "false":
            return checked
        if _olds.get("project_id") == project_id:
            checked.inputs["changes"] = _olds.get("changes") or {}
            return checked
        try:
            found = self._report(str(project_id), cast("Mapping[str, Props]", declared))
        except RailwayError as error:
            return CheckResult(checked.inputs, [CheckFailure("project_id", str(error))])
        if found.changes or found.warnings:
            # The engine shows what a provider prints, also in a preview.
            print(printable(str(found)), flush=True)  # noqa: T201
        checked.inputs["changes"] = found.changes
        return checked

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Record that the adoption is complete."""
        return props["project_id"], {}

    def find_object(self, _props: Props) -> str | None:
        """None: it exists only in the state."""

    def read_object(self, _id: str, _props: Props) -> dict[str, Any] | None:
        """Sends no request."""
        return {}

    def update_object(
        self, _id: str, _olds: Props, _news: Props, _changed: tuple[str, ...]
    ) -> dict[str, Any]:
        """Does nothing: another project is another adoption."""
        return {}

    def delete_object(self, _id: str, _props: Props) -> None:
        """Does nothing: the adopted objects have resources of their own."""

    def _report(self, project_id: str, declared: Mapping[str, Props]) -> Report:
        """Compare the live objects with the declared ones, as far as they are known; only reads."""
        projects = self.with_same_access(ProjectProvider)
        project = projects.adopted(declared["project"], project_id)
        found = Report(f"{project.name} ({project.id})")
        if project.name != declared["project"]["project_name"]:
            found.add("project.project_name", project.name, declared["project"]["project_name"])
        if not projects.is_marked(project, declared["project"]):
            marker = marker_text(declared["project"]["stack_marker"])
            found.changes["project.description"] = f"the marker of this stack is added: {marker}"
        environment = _environment(project, declared["project"], found)
        if environment is None:
            return found
        found.kept.append(f"the environment {environment.name} ({environment.id})")
        cache = self.railway.environment(project.id, environment.id)
        view, name = cache.snapshot(), declared["service"]["service_name"]
        service = next((one for one in project.services if one.name == name), None)
        if service is None:
            found.changes["service"] = f"{_NONE} -> {name}, with a new and empty volume"
            return found
        if view.instance(service.id) is None:
            raise not_in_environment(service, view, declared["service"])
        found.kept.append(f"the service {service.name} ({service.id})")
        scope = {"project_id": project.id, "environment_id": environment.id, "service_id": service.id}
        self._report_service(cache, {part: {**props, **scope} for part, props in declared.items()}, found)
        shared = other_environments.shared_settings_warning(cache.api, view, service.id)
        found.warnings += [shared] if shared else []
        found.warnings += _service_warnings(view, service, declared["settings"])
        return found

    def _report_service(self, cache: EnvironmentCache, declared: Mapping[str, Props], found: Report) -> None:
        """Compare everything that belongs to the service; `declared` has the live ids."""
        view, service_id = cache.snapshot(), declared["service"]["service_id"]
        _volume(self.with_same_access(VolumeProvider), cache, declared["volume"], declared["settings"], found)
        found.compare(self.with_same_access(ServiceSettingsProvider), "settings", "", declared["settings"])
        try:
            live = cache.variables(service_id)
        except NotAuthorizedError:
            # The environment could be read, so this is not a wrong token.
            found.warnings.append("the token may not read variables: which of them change is not known")
        else:
            _variables(declared["variables"], live, found)
        domain = find_domain(view, declared["domain"])
        _domain(self.with_same_access(ServiceDomainProvider), "domain", domain, declared["domain"], found)
        if "limits" in declared:
            found.compare(self.with_same_access(ServiceLimitsProvider), "limits", "", declared["limits"])
        if "custom_domain" in declared:
            props = declared["custom_domain"]
            custom = find_custom_domain(view, props)
            _domain(self.with_same_access(CustomDomainProvider), "custom_domain", custom, props, found)
        if "backups" in declared:
            props = declared["backups"]
            volume = view.attached_volume(service_id)
            if volume is None:
                found.add("backups.kinds", None, props["kinds"])
            else:
                props = {**props, "volume_id": volume.volume_id}
                schedules = self.with_same_access(VolumeBackupScheduleProvider)
                found.compare(schedules, "backups", volume.instance_id, props)


class Adoption(dynamic.Resource, module="railway", name="Adoption"):
    """The adoption of a project; the id is the project's. `changes` is what was left to change.

    Example:
        args = railway.AdoptionArgs(
            project_id="b7d1c0de-1234-4abc-8def-000000000001",
            project=project.declared,
            service=service.declared,
            volume=volume.declared,
            variables=variables.declared,
            settings=settings.declared,
            domain=domain.declared,
        )
        railway.Adoption("adoption", args, pulumi.ResourceOptions(depends_on=[deployment]))
    """

    changes: pulumi.Output[Mapping[str, str]]

    def __init__(self, name: str, args: AdoptionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        given = {one.name: getattr(args, one.name) for one in fields(args) if one.name != "project_id"}
        declared = {
            part: {key: value for key, value in inputs_of(made).items() if value is not None}
            for part, made in given.items()
            if made is not None
        }
        props = {"project_id": args.project_id, "declared": declared, "changes": None}
        super().__init__(AdoptionProvider(), name, props, opts)


@dataclass
class Report:
    """What the adoption keeps and changes.

    Args:
        project: name and id of the project.
        kept: the objects that are adopted, each with its id.
        changes: property -> "old -> new"; variables by name only.
        warnings: what to check before `up`.
    """

    project: str
    kept: list[str] = field(default_factory=list[str])
    changes: dict[str, str] = field(default_factory=dict[str, str])
    warnings: list[str] = field(default_factory=list[str])

    def __str__(self) -> str:
        lines = [f"adoption of the Railway project {self.project}:"]
        lines += [f"  keeps {one}" for one in self.kept]
        lines += [f"  changes {name}: {change}" for name, change in self.changes.items()]
        lines += [f"  warning: {one}" for one in self.warnings]
        # Also printed at the end of the `up` that completes the adoption.
        lines.append("  and deploys once" if self.changes else "  nothing is left to change")
        return "\n".join(lines)

    def add(self, name: str, old: object, new: object) -> None:
        """Add a change."""
        self.changes[name] = f"{as_json(old)} -> {as_json(new)}"

    def compare(self, provider: RailwayProvider, title: str, id_: str, props: Props) -> None:
        """Read a live object and add everything that differs from its declared properties."""
        live = provider.read_object(id_, props)
        if live is None:
            raise RefusedError(
                f"the {title} of the service was deleted during the comparison", fix="run `pulumi up` again"
            )
        olds: dict[str, Any] = {**props, **live}
        changed = compare(provider.FIELDS, olds, props).changed
        for row in provider.FIELDS:
            key, old, new = f"{title}.{row.name}", row.value(olds), props.get(row.name)
            if row.name not in changed:
                # Not a difference, but it is written. False instead of null is not worth a line.
                unset = new and row.normal(olds.get(row.name)) is None and row.default is not None
                if unset and row.value(props) == row.value({}):
                    self.changes[key] = (
                        f"{as_json(None)} -> {as_json(row.value(props))}, which is the default"
                    )
            elif is_unknown(new):
                self.changes[key] = f"{as_json(old)} -> known after up"
            elif title == "limits" and new is None:
                self.changes[key] = f"{as_json(old)} -> {_PLAN}"
            else:
                self.add(key, old, row.value(props))


def _environment(project: ProjectView, declared: Props, found: Report) -> Named | None:
    name = declared.get("environment_name") or "production"
    environment = next((one for one in project.environments if one.name == name), None)
    if environment is None:
        existing = ", ".join(one.name for one in project.environments)
        found.changes["environment"] = f"{_NONE} -> {name}, empty (the project has {existing})"
    return environment


def _service_warnings(view: Snapshot, service: Named, settings: Props) -> list[str]:
    warnings: list[str] = []
    file = view.existing_instance(service.id).node["railwayConfigFile"]
    if file and not settings.get("railway_config_file"):
        keep = how_to_set(settings, "railway_config_file", file)
        warnings.append(
            f"the service uses the file {file} of its repository, and will no longer. To keep it: {keep}"
        )
    # Production may run in another service that deploys the same repository.
    repo = settings.get("repo")
    return warnings + [
        f"the service {one.name} deploys {repo} too; it is not changed"
        for one in view.services
        if one.id != service.id and any(trigger.repository == repo for trigger in view.triggers(one.id))
    ]


def _volume(
    provider: VolumeProvider, cache: EnvironmentCache, props: Props, settings: Props, found: Report
) -> None:
    id_ = provider.find_object(props)
    volume = cache.snapshot().volume(id_) if id_ else None
    if volume is None:
        found.changes["volume"] = f"{_NONE} -> {props['volume_name']}, empty, at {props['mount_path']}"
        return
    volume_region.check_region(volume.label, volume.region, settings)
    found.kept.append(f"the volume {volume.label}, {volume.size_mb} MB, with its files")
    found.compare(provider, "volume", volume.volume_id, props)


def _domain(
    provider: RailwayProvider,
    title: str,
    domain: ServiceDomainView | CustomDomainView | None,
    props: Props,
    found: Report,
) -> None:
    if domain is None:
        found.changes[title] = f"{_NONE} -> {props.get('domain') or 'a new one, generated by Railway'}"
        return
    found.kept.append(f"the domain {domain.domain}")
    found.compare(provider, title, domain.id, props)


def _variables(props: Props, live: Mapping[str, str | None], found: Report) -> None:
    declared: Mapping[str, Any] = props["variables"]
    existing = {name: value for name, value in live.items() if name in declared or not is_railways(name)}
    removed = sorted(set(existing) - set(declared))
    sealed = sorted(name for name, value in existing.items() if value is None and name in declared)
    check_sealed(sealed, removed, props)
    both = [name for name in sorted(declared) if name in existing and name not in sealed]
    for title, names in (
        ("added", sorted(set(declared) - set(existing))),
        ("changed", [name for name in both if declared[name] != existing[name]]),
        ("removed", removed),
    ):
        if names:
            found.changes[f"variables {title}"] = ", ".join(_with_seal(name, existing) for name in names)


def _with_seal(name: str, existing: Mapping[str, str | None]) -> str:
    sealed = name in existing and existing[name] is None
    return f"{name} (sealed: its value cannot be read or restored)" if sealed else name
