"""Says in the preview what taking a running project over will change. It changes nothing itself.

The ids of what is adopted are unknown in a preview, and an object that is only about to be "created" has
nothing to be compared with. So this resource, which a program declares only with a project's id in its
config, is handed all that is declared, and reads the project in `check`: the one call that the engine
makes in a preview with every known value. It belongs behind the deployment, so that it enters the state
only when the adoption is complete: until then each preview says what is still left, and from then on none
sends a request.

Refuses, in the preview, what the adoption would refuse. Refuses to keep what it was handed: the values of
variables leave no trace in its state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import pulumi
from pulumi import dynamic
from pulumi.dynamic import CheckFailure, CheckResult

from railway.backup_schedule import VolumeBackupScheduleArgs
from railway.custom_domain import CustomDomainArgs
from railway.errors import RailwayError
from railway.fields import Field, is_unknown, mapping
from railway.project import ProjectArgs
from railway.provider import PROVIDER_KEY, Props, RailwayProvider, inputs_of
from railway.service import ServiceArgs
from railway.service_domain import ServiceDomainArgs
from railway.service_limits import ServiceLimitsArgs
from railway.service_settings import ServiceSettingsArgs
from railway.variables import VariablesArgs
from railway.volume import VolumeArgs


@dataclass(frozen=True, kw_only=True)
class AdoptionArgs:
    """Inputs: the project's id, and what the program declares for it, as handed to each resource.

    What is None is not declared.
    """

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


_PARTS = (
    "project", "service", "volume", "variables", "settings", "domain", "custom_domain", "limits", "backups",
)  # fmt: skip


class AdoptionProvider(RailwayProvider):
    """Reads and compares in `check`, and does nothing else."""

    FIELDS = (
        Field(name="project_id", required=True, replace=True),
        Field(name="changes", normal=mapping, derived=True),
    )

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Report what adoption will change, unless it is complete already."""
        declared = news.get("declared")
        plain = {name: value for name, value in news.items() if name not in {PROVIDER_KEY, "declared"}}
        checked = super().check(_olds, plain)
        project_id = checked.inputs.get("project_id")
        if checked.failures or is_unknown(project_id) or not isinstance(declared, Mapping):
            return checked
        if _olds.get("project_id") == project_id:
            checked.inputs["changes"] = _olds.get("changes") or {}
            return checked
        # Here and not above: a preview that has nothing to report must not pay for it.
        from railway.adoption_report import report

        try:
            found = report(self.sibling, str(project_id), cast("Mapping[str, Props]", declared))
        except RailwayError as error:
            return CheckResult(checked.inputs, [CheckFailure("project_id", str(error))])
        if found.changes or found.warnings:
            # The engine shows what a provider prints, in the preview too.
            print(found, flush=True)  # noqa: T201
        checked.inputs["changes"] = dict(found.changes)
        return checked

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Remember that the adoption is complete."""
        return props["project_id"], {}

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """What is remembered; nothing is asked."""
        del id_, props
        return {}

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Nothing: another project is another adoption."""
        del id_, olds, news, changed
        return {}

    def delete_object(self, id_: str, props: Props) -> None:
        """Nothing: what was adopted stays what it is."""
        del id_, props


class Adoption(dynamic.Resource, module="railway", name="Adoption"):
    """The adoption of a project; its id is the project's. `changes` says what was left to change."""

    changes: pulumi.Output[Mapping[str, str]]

    def __init__(self, name: str, args: AdoptionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        given = {part: getattr(args, part) for part in _PARTS}
        parts = {part: inputs_of(made) for part, made in given.items() if made is not None}
        declared = {
            part: {key: value for key, value in bag.items() if value is not None}
            for part, bag in parts.items()
        }
        props = {"project_id": args.project_id, "declared": declared, "changes": None}
        super().__init__(AdoptionProvider(), name, props, opts)
