"""What Railway has of the declared resources, for an adoption. It only reads.

From the project down, each object is found by the lookup of its own provider (`find` in `railway.provider`),
which is also that of `pulumi up`. What a preview does not know yet, the ids of objects that are not in the
state, follows from what was found above. Each found object gets the state that its provider would have
recorded: the live properties, so that the next preview shows what really differs, and a revision that
requires no deployment. One request reads an environment, whatever the number of its objects.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast

from pulumi.dynamic import ReadResult

from firebase.errors import JsonObject
from ops.adopt import proposals, railway_undeclared
from ops.adopt.model import Change, Declared, Found, Row, Verdict, secret, text
from ops.adopt.proposals import Proposal
from railway import other_environments, revision
from railway.backup_schedule import VolumeBackupScheduleProvider
from railway.custom_domain import CustomDomainProvider
from railway.deployment import DeploymentProvider
from railway.environment import EnvironmentProvider
from railway.fields import compare, is_unknown
from railway.graphql.credentials import Access
from railway.graphql.errors import MissingError, NotAuthorizedError, NotFoundError, RefusedError
from railway.graphql.models import ProjectView, Snapshot
from railway.project import ProjectProvider
from railway.provider import PROVIDER_KEY, RailwayProvider
from railway.service import ServiceProvider
from railway.service_domain import ServiceDomainProvider
from railway.service_limits import ServiceLimitsProvider
from railway.service_settings import ServiceSettingsProvider
from railway.shared_variables import SharedVariablesProvider
from railway.tcp_proxy import TcpProxyProvider
from railway.variables import VariableMapProvider, VariablesProvider, sealed_names
from railway.volume import VolumeProvider
from settings.reader import set_command

TYPE = "pulumi-python:dynamic/railway:"
TOKEN_TYPE = "pulumi-python:dynamic/components:GeneratedToken"  # noqa: S105  (a type, not a token)
KEY_VARIABLE = "FIREBASE_SERVICE_ACCOUNT_JSON"
TOKEN_VARIABLE = "ADMIN_TOKEN"  # noqa: S105  (a variable's name, not its value)
_SEALED = "it is sealed on Railway, so its value cannot be read: a generated one replaces it"
_KEEP_TOKEN = f"{set_command('adminToken', secret=True)}  # keeps it: asks for the value"
_CLOSED = "the token may not read variables"
_OPEN = "set RAILWAY_API_TOKEN to a token of somebody who sees the variables in Railway's dashboard"
_PROVIDERS: Mapping[str, type[RailwayProvider]] = {
    "Project": ProjectProvider,
    "Environment": EnvironmentProvider,
    "SharedVariables": SharedVariablesProvider,
    "Service": ServiceProvider,
    "Volume": VolumeProvider,
    "VolumeBackupSchedule": VolumeBackupScheduleProvider,
    "Variables": VariablesProvider,
    "ServiceSettings": ServiceSettingsProvider,
    "ServiceLimits": ServiceLimitsProvider,
    "ServiceDomain": ServiceDomainProvider,
    "CustomDomain": CustomDomainProvider,
    "TcpProxy": TcpProxyProvider,
    "Deployment": DeploymentProvider,
}
"""In the order in which each finds the ids that the next ones need."""
_PLACES = {
    "project_id": "Project",
    "environment_id": "Environment",
    "service_id": "Service",
    "volume_id": "Volume",
}
"""Property -> the resource whose id it is."""
_IDS = {resource: name for name, resource in _PLACES.items()}
_NAMES = {
    "Project": "project_name",
    "Environment": "environment_name",
    "Service": "service_name",
    "Volume": "volume_name",
    "ServiceDomain": "domain",
    "CustomDomain": "domain",
}
"""Resource -> the property with its name."""
_CREATED = {"Volume": "it is new and empty", "Deployment": "the backend is deployed once"}
_SECRETS = {"variables"}
_REDEPLOYS = {
    "Volume": {"service_id", "mount_path"},
    "Variables": {"variables"},
    "SharedVariables": {"variables"},
}
"""The changes of a resource that require a deployment, where not all do."""


@dataclass
class RailwayLook:
    """What was found.

    Args:
        rows: the lines of the report.
        found: the entries of the import file.
        proposals: config that keeps what Railway has.
        backend_account: the e-mail of the account whose key the backend has; "" if it is not known.
        unread: what the token may not read.
    """

    rows: list[Row] = field(default_factory=list[Row])
    found: list[Found] = field(default_factory=list[Found])
    proposals: list[Proposal] = field(default_factory=list[Proposal])
    backend_account: str = ""
    unread: list[str] = field(default_factory=list[str])


def look(
    declared: Sequence[Declared],
    access: Access,
    config: Callable[[str], object],
    *,
    drop_undeclared: bool = False,
) -> RailwayLook:
    """Look for every declared resource of Railway that is not in the state, and for what is not declared.

    Args:
        declared: what the program declares; other resources are ignored.
        access: Railway's address and the token.
        config: reads a key of the stack's config, such as "whatsapp-crm:allowNewVolume"; None if not set.
        drop_undeclared: whether the next `up` may remove variables that are not declared.

    Raises:
        RailwayError: Railway could not be read.

    Example:
        found = look(plan.declared, access_from(os.environ, config.get), config.get)
    """
    return _Search(declared, access, config, drop_undeclared).run()


class _Search:
    def __init__(
        self,
        declared: Sequence[Declared],
        access: Access,
        config: Callable[[str], object],
        drop_undeclared: bool,
    ) -> None:
        self._declared = [one for one in declared if one.type.startswith(TYPE)]
        self._tokens = [one for one in declared if one.type == TOKEN_TYPE]
        self._base = RailwayProvider()
        self._base.use(access, config)
        self._drop_undeclared = drop_undeclared
        self._look = RailwayLook()
        self._known: dict[str, Any] = {}  # property -> the value that the preview did not know
        self._refused: set[str] = set()  # the resources that cannot be adopted
        self._deploys: list[str] = []  # the kinds of resources whose change requires a deployment
        self._ids = set[str]()  # of the found objects
        for one in self._declared:
            places = {name: one.inputs.get(name) for name in _PLACES}
            self._known |= {name: id_ for name, id_ in places.items() if id_ and not is_unknown(id_)}

    def run(self) -> RailwayLook:
        for resource in _PROVIDERS:
            if resource == "Variables":
                self._find_token()
            for one in self._of(resource):
                if one.op == "create":
                    self._find(resource, one)
                elif one.op == "update":
                    self._propose(resource, one)
        self._complete_report()
        view = self._view()
        if view is not None:
            self._look.backend_account = self._backend_account(view)
            self._add_undeclared(view)
        elif self._refused:
            self._propose_names()
        return self._look

    def _of(self, resource: str) -> list[Declared]:
        return [one for one in self._declared if one.type == TYPE + resource]

    def _provider(self, resource: str) -> RailwayProvider:
        return self._base.with_same_access(_PROVIDERS[resource])

    def _view(self) -> Snapshot | None:
        """The environment; None if it was not found."""
        if not {"project_id", "environment_id"} <= set(self._known):
            return None
        return self._base.environment(self._known).snapshot()

    def _find(self, resource: str, one: Declared) -> None:
        props = self._resolved(one)
        missing = [kind for name, kind in _PLACES.items() if name in props and is_unknown(props[name])]
        if missing:
            self._without_place(resource, one, missing)
            return
        if not isinstance(props.get("variables", {}), Mapping):
            fix = "declare them as a mapping, whose values may be outputs"
            self._refuse(resource, one, "the names of its variables are not known in a preview", fix)
            return
        provider = self._provider(resource)
        try:
            result = provider.find(props)
        except (RefusedError, MissingError) as error:
            self._refuse(resource, one, error.what, error.fix)
            self._propose_for_refused(resource, props)
            return
        except NotAuthorizedError:
            if not issubclass(_PROVIDERS[resource], VariableMapProvider):
                raise
            self._refuse(resource, one, _CLOSED, _OPEN)
            return
        if result is None:
            self._create(resource, one)
            return
        outs = _known_only(result)
        state = ReadResult(str(result.id), outs, result.inputs)
        self._ids.add(str(state.id))
        if resource in _IDS:
            self._known[_IDS[resource]] = state.id
        if resource == "ServiceDomain":
            self._known["domain"] = outs["domain"]
        self._look.found.append(self._found(one, state))
        self._compare(resource, one, state, props)

    def _propose(self, resource: str, one: Declared) -> None:
        """Propose config for what the state has and the `up` changes; the engine names the changes itself."""
        provider = self._provider(resource)
        props = self._resolved(one)
        if any(is_unknown(props.get(name)) for name in _PLACES):
            return
        if not isinstance(props.get("variables", {}), Mapping):  # masked, because none is changed
            return
        try:
            result = provider.find(props)
        except (RefusedError, MissingError):
            self._propose_for_refused(resource, props)
            return
        except NotAuthorizedError:
            if not isinstance(provider, VariableMapProvider):
                raise
            return
        if result is not None:
            self._changes(resource, _known_only(result), props)

    def _resolved(self, one: Declared) -> dict[str, Any]:
        """The declared properties, with what was found in place of what the preview did not know."""
        props = {
            name: value for name, value in one.inputs.items() if name != PROVIDER_KEY and value is not None
        }
        for name, value in props.items():
            if name == "revisions" and isinstance(value, list):
                items = cast("list[object]", value)
                props[name] = [revision.NOTHING_WRITTEN if is_unknown(item) else item for item in items]
            elif name == "variables" and isinstance(value, Mapping):
                variables, token = cast("Mapping[str, object]", value), self._known.get(TOKEN_VARIABLE)
                if token is not None and is_unknown(variables.get(TOKEN_VARIABLE)):
                    props[name] = {**variables, TOKEN_VARIABLE: token}
            elif is_unknown(value):
                props[name] = self._known.get(name, value)
        return props

    def _found(self, one: Declared, state: ReadResult) -> Found:
        outs: Mapping[str, Any] = state.outs or {}
        outputs = {name: secret(value) if name in _SECRETS else value for name, value in outs.items()}
        inputs = {name: outputs[name] for name in state.inputs or {} if name in outputs}
        return Found(
            urn=one.urn,
            id=str(state.id),
            inputs={**inputs, **_provider(one)},
            outputs={**outputs, **_provider(one)},
            protect=one.type == TYPE + "Volume",
        )

    # ---- Rows

    def _compare(self, resource: str, one: Declared, state: ReadResult, props: Mapping[str, Any]) -> None:
        provider, live = self._provider(resource), state.outs or {}
        changed = compare(provider.FIELDS, live, props).changed
        changes = self._changes(resource, live, props)
        reason = self._reason(resource, state, props, changes)
        if set(changed) & _REDEPLOYS.get(resource, set(changed)) and provider.REVISED:
            self._deploys.append(_kind(resource))
        if resource == "Deployment" and self._deploys:
            changes.append(
                Change(property="deployment", old=text(live.get("deployment_id")), new='"a new one"')
            )
        verdict = Verdict.CHANGES if changes else Verdict.SAME
        self._add(resource, one, live, verdict, changes=changes, reason=reason)

    def _changes(self, resource: str, live: Mapping[str, Any], props: Mapping[str, Any]) -> list[Change]:
        """The properties that the next `up` changes; config that keeps them is proposed."""
        fields = self._provider(resource).FIELDS
        changed = compare(fields, live, props).changed
        changes: list[Change] = []
        for row in fields:
            if row.name not in changed:
                continue
            if row.name == "variables":
                changes += self._variables(resource, live, props)
                continue
            new = props.get(row.name)
            changes.append(
                Change(
                    property=row.name,
                    old=text(row.value(live)),
                    new=text(new) if is_unknown(new) else text(row.value(props)),
                )
            )
            self._look.proposals += proposals.of_property(resource, row.name, row.value(live))
        return changes

    def _variables(self, resource: str, live: Mapping[str, Any], props: Mapping[str, Any]) -> list[Change]:
        declared: Mapping[str, Any] = props["variables"]
        values: Mapping[str, str] = live["variables"]
        sealed = set(sealed_names(live))
        changes: list[Change] = []
        for name in sorted({*declared, *values} - sealed):
            old, new = values.get(name), declared.get(name)
            if old == new:
                continue
            shown = text(new) if new is None or is_unknown(new) else text(new, is_secret=True)
            changes.append(Change(property=name, old=text(old, is_secret=old is not None), new=shown))
            if old and name in declared and resource == "Variables":  # no setting declares shared ones
                self._look.proposals += proposals.of_variable(name, old)
        return changes

    def _reason(
        self, resource: str, state: ReadResult, props: Mapping[str, Any], changes: Sequence[Change]
    ) -> str:
        if resource == "Volume":
            grows = any(one.property == "size_mb" for one in changes)
            return "its files are kept" + ("; growing it may stop the backend for a moment" if grows else "")
        if issubclass(_PROVIDERS[resource], VariableMapProvider):
            sealed = sealed_names(state.outs or {})
            return f"sealed, cannot be compared and stay as they are: {', '.join(sealed)}" if sealed else ""
        view = self._view()
        if resource == "ServiceSettings" and view is not None and changes:
            cache = self._base.environment(props)
            warning = other_environments.shared_settings_warning(cache.api, view, props["service_id"])
            return (warning or "").partition("\n")[0]
        again = {"running", "rolled_back"} & {one.property for one in changes}
        if resource == "Deployment" and (self._deploys or again):
            why = f", because of {', '.join(self._deploys)}" if self._deploys else ""
            stops = self._offline(view, props["service_id"]) if view is not None else ""
            return f"the backend is deployed once{why}{stops}"
        return ""

    def _offline(self, view: Snapshot, service_id: str) -> str:
        """How long the volume keeps the backend down; "" without a volume."""
        instance = view.instance(service_id)
        if instance is None or view.attached_volume(service_id) is None:
            return ""
        running = next((one for one in instance.active if one.successful), None)
        seconds = None
        if running is not None:
            with suppress(NotFoundError, NotAuthorizedError):  # Railway does not keep the events of every one
                seconds = self._base.railway.api.seconds_to_start(running.id)
        shown = (
            "how long that took last time, Railway does not say"
            if seconds is None
            else f"the last start took {seconds:.0f} s, and WhatsApp accounts reconnect after it"
        )
        return (
            "; Railway stops the running one before the new one starts, because both use the volume, so the "
            f"backend is offline while the new one starts: {shown}"
        )

    def _create(self, resource: str, one: Declared) -> None:
        reason = _CREATED.get(resource, "")
        if _PROVIDERS[resource].REVISED:
            self._deploys.append(_kind(resource))
        self._add(resource, one, one.inputs, Verdict.CREATED, reason=reason)

    def _refuse(self, resource: str, one: Declared, reason: str, fix: str) -> None:
        self._refused.add(resource)
        self._add(resource, one, one.inputs, Verdict.REFUSED, reason=reason, fix=fix)

    def _add(
        self,
        resource: str,
        one: Declared,
        props: Mapping[str, Any],
        verdict: Verdict,
        *,
        changes: Sequence[Change] = (),
        reason: str = "",
        fix: str = "",
    ) -> None:
        """Add a row; `props` has the name."""
        row = Row(
            kind=_kind(resource),
            name=str(props.get(_NAMES.get(resource, "")) or one.name),
            verdict=verdict,
            urn=one.urn,
            changes=tuple(changes),
            reason=reason,
            fix=fix,
        )
        self._look.rows.append(row)

    def _without_place(self, resource: str, one: Declared, missing: Sequence[str]) -> None:
        refused = [kind for kind in missing if kind in self._refused]
        if not refused:
            self._create(resource, one)
            return
        reason = f"it belongs to the {_kind(refused[0])}, which cannot be adopted"
        self._refuse(resource, one, reason, f"first adopt the {_kind(refused[0])}")

    # ---- The generated token, and the report of the preview

    def _find_token(self) -> None:
        """Keep the token that the backend has, instead of generating another one."""
        for one in self._tokens:
            if one.op != "create":
                continue
            row = Row(kind="token", name=TOKEN_VARIABLE, verdict=Verdict.SAME, urn=one.urn)
            try:
                live = self._live_token()
            except NotAuthorizedError:
                refused = replace(row, verdict=Verdict.REFUSED, reason=_CLOSED, fix=_OPEN)
                self._look.rows.append(refused)
                continue
            if live:
                self._known[TOKEN_VARIABLE] = live
                # An id cannot be secret, so it is not derived from the token.
                id_, outputs = f"token-{secrets.token_hex(6)}", {**one.inputs, "token": secret(live)}
                self._look.found.append(Found(urn=one.urn, id=id_, inputs=one.inputs, outputs=outputs))
            else:
                row = replace(row, verdict=Verdict.CREATED)
                if live is None:
                    row = replace(row, reason=_SEALED, fix=_KEEP_TOKEN)
            self._look.rows.append(row)

    def _backend_account(self, view: Snapshot) -> str:
        service_id = str(self._known.get("service_id"))
        if view.instance(service_id) is None:
            return ""
        try:
            key = self._base.environment(self._known).variables(service_id).get(KEY_VARIABLE)
        except NotAuthorizedError:
            self._look.unread.append("the variables on Railway (a role above Viewer has this right)")
            return ""
        try:
            document: Any = json.loads(key or "null")
        except ValueError:
            return ""
        return str(document.get("client_email") or "") if isinstance(document, dict) else ""

    def _live_token(self) -> str | None:
        """The backend's token; "" if it has none, None if it is sealed."""
        view, service_id = self._view(), str(self._known.get("service_id"))
        if view is None or view.instance(service_id) is None:
            return ""
        return self._base.environment(self._known).variables(service_id).get(TOKEN_VARIABLE, "")

    def _complete_report(self) -> None:
        """Record that nothing is left to report in previews: the adopted objects are in the state."""
        for one in self._of("Adoption"):
            if one.op == "create" and "project_id" in self._known and not self._refused:
                id_ = str(self._known["project_id"])
                props: JsonObject = {"project_id": id_, "changes": {}, **_provider(one)}
                self._look.found.append(Found(urn=one.urn, id=id_, inputs=props, outputs=props))

    # ---- Proposals for what cannot be adopted, and what is not declared

    def _propose_for_refused(self, resource: str, props: Mapping[str, Any]) -> None:
        view = self._view()
        if resource not in ("Volume", "ServiceSettings") or view is None:
            return
        volume = view.attached_volume(str(props.get("service_id")))
        if volume is None:
            return
        if resource == "Volume" and volume.size_mb > int(props["size_mb"]):
            self._look.proposals += proposals.of_property(resource, "size_mb", volume.size_mb)
        region = props.get("region")
        if region and volume.region and region != volume.region:
            proposal = proposals.of_name("railwayRegion", volume.region, "the region of the volume")
            if proposal not in self._look.proposals:
                self._look.proposals.append(proposal)

    def _propose_names(self) -> None:
        """The names of the only environment and the only service of a project that cannot be adopted."""
        adopted = next((one.inputs.get("adopt_project_id") for one in self._of("Project")), None)
        project = self._base.railway.project(str(adopted)) if adopted else None
        if project is None:
            return
        props = self._of("Project")[0].inputs
        self._propose_only(project, "railwayEnvironment", "environment", props.get("environment_name"))
        self._propose_only(project, "railwayServiceName", "service", props.get("service_name"))

    def _propose_only(self, project: ProjectView, key: str, what: str, declared: object) -> None:
        objects = project.environments if what == "environment" else project.services
        names = [one.name for one in objects]
        if len(names) == 1 and declared and declared not in names:
            self._look.proposals.append(proposals.of_name(key, names[0], f"the {what} of the project"))

    def _add_undeclared(self, view: Snapshot) -> None:
        found = railway_undeclared.Undeclared(
            self._base.environment(self._known),
            view,
            str(self._known.get("service_id", "")),
            self._ids,
            {resource: self._of(resource) for resource in _PROVIDERS},
            drop=self._drop_undeclared,
        )
        self._look.rows += found.rows()
        self._look.proposals += found.proposals


def _known_only(result: ReadResult) -> dict[str, Any]:
    """The live properties, without those that only the `up` makes known."""
    return {name: value for name, value in (result.outs or {}).items() if not is_unknown(value)}


def _provider(one: Declared) -> JsonObject:
    """The pickled provider, which the SDK keeps among inputs and outputs."""
    return {PROVIDER_KEY: one.inputs[PROVIDER_KEY]} if PROVIDER_KEY in one.inputs else {}


def _kind(resource: str) -> str:
    """The group of a resource in the report: `ServiceSettings` is "railway service settings"."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in resource)
    return f"railway{words}"
