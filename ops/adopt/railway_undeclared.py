"""What a Railway project has and the program does not declare.

Only undeclared variables of the service are removed by `pulumi up`; everything else stays as it is. So an
undeclared variable stops the adoption, until it is declared or may be dropped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import cast

from ops.adopt import proposals
from ops.adopt.model import Declared, Row, Verdict
from ops.adopt.proposals import Proposal
from railway.graphql.errors import NotAuthorizedError
from railway.graphql.models import InstanceView, Snapshot, VolumeView
from railway.snapshot import EnvironmentCache
from railway.validation import is_railways
from settings.railway_rules import MANAGED_VARIABLES
from settings.reader import set_command
from settings.variables import VARIABLE_NAME
from user_errors import OR, shell_word

_STAYS = "it stays as it is"
_REMOVED = "`pulumi up` removes it"
_SEALED = "its value is sealed"


class Undeclared:
    """What is not declared, in the environment that is adopted.

    Args:
        cache: the environment.
        view: its snapshot.
        service_id: the adopted service; "" if it was not found.
        found: the ids of all objects that were found.
        declared: resource -> its declarations.
        drop: whether undeclared variables may be removed: then none is proposed as config, and none stops the
            adoption.

    `proposals` is complete once `rows` was called.
    """

    def __init__(
        self,
        cache: EnvironmentCache,
        view: Snapshot,
        service_id: str,
        found: Collection[str],
        declared: Mapping[str, Sequence[Declared]],
        *,
        drop: bool,
    ) -> None:
        self._cache = cache
        self._view = view
        self._service_id = service_id
        self._found = found
        self._declared = declared
        self._drop = drop
        self.proposals: list[Proposal] = []

    def rows(self) -> list[Row]:
        """A row for each object.

        Raises:
            RailwayError: Railway could not be read.
        """
        return [*self._places(), *self._shared_variables(), *self._service()]

    def _places(self) -> Iterator[Row]:
        """Environments, services and volumes."""
        project = self._view.project
        for environment in project.environments if project else ():
            if environment.id != self._cache.environment_id:
                yield _row("environment", environment.name, _STAYS)
        repos = {one.inputs.get("repo") for one in self._declared["ServiceSettings"]}
        names = {one.inputs.get("service_name") for one in self._declared["Service"]}
        for service in self._view.services:
            if service.name in names or service.id == self._service_id:
                continue
            sources = {one.repository for one in self._view.triggers(service.id)} & repos
            also = f"; it deploys {sources.pop()} too" if sources else ""
            yield _row("service", service.name, f"{_STAYS}{also}")
        for volume in self._view.volumes:
            own = volume.service_id == self._service_id or volume.volume_id in self._found
            if not volume.deleted and not own:
                yield _row("volume", volume.label_with_size, _STAYS)

    def _in_state(self, resource: str) -> bool:
        """Whether it is in the state, so that its id was not looked for."""
        return any(one.op != "create" for one in self._declared[resource])

    def _live_variables(self, service_id: str | None) -> Mapping[str, str | None]:
        """Those of a service, or the shared ones; empty if the token may not read them."""
        try:
            return self._cache.variables(service_id)
        except NotAuthorizedError:
            return {}

    def _shared_variables(self) -> Iterator[Row]:
        if self._declared["SharedVariables"]:
            return
        for name in sorted(self._live_variables(None)):
            if not is_railways(name):
                yield _row("shared variable", name, _STAYS)

    def _service(self) -> Iterator[Row]:
        instance = self._view.instance(self._service_id)
        if instance is None:
            return
        yield from self._variables(instance.service_id)
        yield from self._domains(instance)
        if not self._in_state("TcpProxy"):
            for proxy in self._cache.api.tcp_proxies(self._cache.environment_id, instance.service_id):
                if proxy.id not in self._found:
                    yield _row("tcp proxy", f"{proxy.domain}:{proxy.proxy_port}", _STAYS)
        volume = self._view.attached_volume(instance.service_id)
        if volume is not None and not self._declared["VolumeBackupSchedule"]:
            yield from self._backups(volume)

    def _variables(self, service_id: str) -> Iterator[Row]:
        maps = self._declared["Variables"]
        if not maps:
            return
        declared: set[str] = set()
        for one in maps:
            # After the import, until the `up` has written them, the preview shows an update.
            if one.op not in ("create", "update"):
                return
            values = one.inputs.get("variables")
            if not isinstance(values, Mapping):
                return
            declared |= set(cast("Mapping[str, object]", values))
        for name, value in sorted(self._live_variables(service_id).items()):
            if name in declared or is_railways(name):
                continue
            kept = [] if value is None or self._drop else list(proposals.of_variable(name, value))
            self.proposals += kept
            if self._drop or self._in_state("Variables"):
                also = f"; {_SEALED} and cannot be restored" if value is None else ""
                yield _row("variable", name, f"{_REMOVED}{also}")
            else:
                yield _refused(name, kept, maps[0].stack, sealed=value is None)

    def _domains(self, instance: InstanceView) -> Iterator[Row]:
        if not self._in_state("CustomDomain"):
            for domain in instance.custom_domains:
                if domain.id not in self._found:
                    yield _row("custom domain", domain.domain, _STAYS)
        if len(instance.custom_domains) == 1 and not self._declared["CustomDomain"]:
            name = instance.custom_domains[0].domain
            self.proposals.append(proposals.of_name("customDomain", name, "the domain of the service"))
        if not self._in_state("ServiceDomain"):
            for domain in instance.service_domains:
                if domain.id not in self._found:
                    yield _row("service domain", domain.domain, _STAYS)

    def _backups(self, volume: VolumeView) -> Iterator[Row]:
        kinds = self._cache.api.backup_kinds(volume.instance_id)
        if kinds:
            self.proposals += proposals.of_property("VolumeBackupSchedule", "kinds", kinds)
            yield _row("volume backup schedule", ", ".join(kinds), _STAYS)


def _row(kind: str, name: str, reason: str) -> Row:
    return Row(kind=f"railway {kind}", name=name, verdict=Verdict.UNDECLARED, reason=reason)


def _refused(name: str, kept: Sequence[Proposal], stack: str, *, sealed: bool) -> Row:
    """A variable that the first `up` would remove.

    Args:
        name: the variable.
        kept: the config that keeps it; empty if there is none.
        stack: the stack's name.
        sealed: whether its value cannot be read.
    """
    adopt = f".venv/bin/python -m ops adopt --stack {shell_word(stack)}"
    reason = "it is not declared, so the next `up` would remove it"
    ways = [f"{one.command}{'  # asks for the value' if one.secret else ''}" for one in kept]
    if kept:
        ways.insert(0, f"{adopt} --write-config  # declares it as it is")
    elif sealed:
        reason += f", and {_SEALED}: nobody can copy or restore it"
        if name not in MANAGED_VARIABLES and VARIABLE_NAME.fullmatch(name):
            declare = set_command("backendVariables", part=f".{name}", secret=True)
            ways.append(f"{declare}  # asks for the value")
    else:
        reason += f", and no setting can declare it: {_not_declarable(name)}"
    if not kept:
        ways.append("delete it in Railway's dashboard")
    ways.append(f"{adopt} --drop-undeclared-variables  # the next `up` may remove it")
    fix = f"\n{OR}".join(ways)
    return Row(kind="railway variable", name=name, verdict=Verdict.REFUSED, reason=reason, fix=fix)


def _not_declarable(name: str) -> str:
    if name in MANAGED_VARIABLES:
        return f"its value is none that {MANAGED_VARIABLES[name]} can have"
    if not VARIABLE_NAME.fullmatch(name):
        return "a name has letters, digits and _, and no digit first"
    return "its value is empty"
