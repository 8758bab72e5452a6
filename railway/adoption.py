"""A report, in the preview, of what adopting an existing project will change. It changes nothing itself.

In a preview the ids of adopted objects are unknown, and an object that is about to be "created" has nothing
to be compared with. So this resource gets everything that is declared, and reads the project in `check`, the
only call that the engine makes in a preview with all known values. Declare it with the id of the project to
adopt, and let it depend on the deployment: then it is in the state only when the adoption is complete. Until
then every preview reports what is left to change; afterwards it sends no request.

Errors that would stop the adoption are reported in the preview. The values of variables are not kept in the
state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, cast

import pulumi
from pulumi import dynamic
from pulumi.dynamic import CheckFailure, CheckResult

from railway.args import Props, inputs_of
from railway.backup_schedule import VolumeBackupScheduleArgs
from railway.custom_domain import CustomDomainArgs
from railway.fields import Field, is_unknown, mapping
from railway.graphql.errors import RailwayError
from railway.project import ProjectArgs
from railway.provider import PROVIDER_KEY, RailwayProvider
from railway.service import ServiceArgs
from railway.service_domain import ServiceDomainArgs
from railway.service_limits import ServiceLimitsArgs
from railway.settings_table import ServiceSettingsArgs
from railway.variables import VariablesArgs
from railway.volume import VolumeArgs


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
        if _olds.get("project_id") == project_id:
            checked.inputs["changes"] = _olds.get("changes") or {}
            return checked
        # Imported here: a preview without an adoption must not pay for it.
        from railway.adoption_report import report

        try:
            found = report(self.sibling, str(project_id), cast("Mapping[str, Props]", declared))
        except RailwayError as error:
            return CheckResult(checked.inputs, [CheckFailure("project_id", str(error))])
        if found.changes or found.warnings:
            # The engine shows what a provider prints, also in a preview.
            print(found, flush=True)  # noqa: T201
        checked.inputs["changes"] = dict(found.changes)
        return checked

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Record that the adoption is complete."""
        return props["project_id"], {}

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """Sends no request."""
        del id_, props
        return {}

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Does nothing: another project is another adoption."""
        del id_, olds, news, changed
        return {}

    def delete_object(self, id_: str, props: Props) -> None:
        """Does nothing: the adopted objects have resources of their own."""
        del id_, props


class Adoption(dynamic.Resource, module="railway", name="Adoption"):
    """The adoption of a project; the id is the project's. `changes` is what was left to change."""

    changes: pulumi.Output[Mapping[str, str]]

    def __init__(self, name: str, args: AdoptionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        given = {
            field.name: getattr(args, field.name) for field in fields(args) if field.name != "project_id"
        }
        declared = {
            part: {key: value for key, value in inputs_of(made).items() if value is not None}
            for part, made in given.items()
            if made is not None
        }
        props = {"project_id": args.project_id, "declared": declared, "changes": None}
        super().__init__(AdoptionProvider(), name, props, opts)
