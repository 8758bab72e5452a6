"""All variables of one service, written in one request. `SharedVariables` uses the same code.

The map is exclusive: a variable that is not declared is drift and is removed. It is a secret as a whole. So
that a diff can still show which variable changed, the property `names`, which is not secret, has the version
of each declared value ("version 3") and, after a refresh, what was done to it on Railway ("version 3, changed
on Railway", "added on Railway", "version 1, removed on Railway"). It contains no digests: the digest of a
short value can be guessed.

Values are compared as they were authored, so `${{service.NAME}}` is not resolved. The RAILWAY_ variables that
Railway provides are ignored; those that a user may set, such as RAILWAY_RUN_UID, are like any other. The
value of a sealed variable cannot be read: it is not compared, which each refresh reports with its name, and
it is written only when its declared value changes. While there are sealed ones, an undeclared variable is not
removed, because the only removal that deploys nothing rewrites all variables.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pulumi
from pulumi.dynamic import ReadResult

from railway import revision
from railway.args import Props, ServiceScopeArgs, how_to_set_part
from railway.deleted_volume import check_volume_exists
from railway.fields import Field, FieldProblem, column, fields_of, is_unknown, mapping, string_map
from railway.graphql.errors import MissingError, RefusedError, remove_from_state
from railway.graphql.models import Snapshot
from railway.provider import RailwayProvider, RailwayResource
from railway.snapshot import EnvironmentCache
from railway.validation import is_railways
from user_errors import OR, add_fix, printable

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VERSION = re.compile(r"version (\d+)(.*)")
_SEALED = ", sealed: cannot be compared"

VARIABLES = column(normal=string_map)
NAMES = Field(name="names", normal=mapping, compared=False)


@dataclass(frozen=True, kw_only=True)
class VariablesArgs(ServiceScopeArgs):
    """Inputs of the variables of a service.

    Args:
        variables: name -> value, all of them; a secret as a whole.
    """

    KEYS = ("allow_new_volume", "variables")

    variables: pulumi.Input[Mapping[str, pulumi.Input[str]]] = field(metadata=VARIABLES)


class VariableMapProvider(RailwayProvider):
    """Base class of the providers of `Variables` and `SharedVariables`."""

    REVISED = True

    def owner(self, props: Props, /) -> str | None:
        """The id of the service that has the variables; None for the shared ones of the environment."""
        raise NotImplementedError

    def validate(self, _olds: Props, news: Props) -> list[FieldProblem]:
        """Invalid names and values; no reason contains a value."""
        variables = news.get("variables")
        if not isinstance(variables, Mapping):
            return []
        found: list[FieldProblem] = []
        for name, value in sorted(variables.items()):
            if not _NAME.fullmatch(name):
                found.append(
                    FieldProblem(
                        "variables",
                        add_fix(
                            f"{name!r} is not a variable name", "use letters, digits and _, no digit first"
                        ),
                    )
                )
            elif is_railways(name):
                found.append(
                    FieldProblem(
                        "variables",
                        add_fix(
                            f"{name} is reserved: Railway sets it itself", "remove it from the variables"
                        ),
                    )
                )
            if is_unknown(value):
                continue
            if not isinstance(value, str):
                found.append(
                    FieldProblem(
                        "variables",
                        add_fix(f"{name} is a {type(value).__name__}, not a string", "set it to a string"),
                    )
                )
            elif not value:
                found.append(
                    FieldProblem("variables", add_fix(f"{name} is empty", "remove it from the variables"))
                )
        return found

    def computed_inputs(self, olds: Props, news: Props) -> dict[str, Any]:
        """The version of each value, one higher for each value that changed."""
        variables = news.get("variables")
        before = olds.get("names")
        labels: Mapping[str, object] = before if isinstance(before, Mapping) else {}
        if not isinstance(variables, Mapping) or is_unknown(variables):
            return {"names": dict(labels)}
        last = olds.get("variables")
        values: Mapping[str, object] = last if isinstance(last, Mapping) else {}
        return {
            "names": {
                name: _label(str(labels.get(name) or ""), same=values.get(name) == value)
                for name, value in sorted(variables.items())
            }
        }

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Write the map; writing is idempotent."""
        return self._id(props), self._write(props, {})

    def find_object(self, props: Props) -> str | None:
        """The map of the service, or of the environment; it may be empty.

        Raises:
            RefusedError: undeclared variables could not be removed, because declared ones are sealed.
        """
        cache, owner = self.environment(props), self.owner(props)
        if _is_deleted(cache.snapshot(), owner):
            return None
        declared: Mapping[str, str] = props.get("variables") or {}
        # A sealed variable is written once its value is known, and not kept.
        kept = {name: "" if is_unknown(value) else value for name, value in declared.items()}
        check_sealed(*_sealed_and_extra(declared, cache.variables(owner), kept), props)
        return self._id(props)

    def read_object(self, _id: str, props: Props) -> dict[str, Any] | None:
        """The live map, as authored."""
        cache, owner = self.environment(props), self.owner(props)
        if _is_deleted(cache.snapshot(), owner):
            return None
        declared: Mapping[str, str] = props.get("variables") or {}
        labels: Mapping[str, str] = props.get("names") or {}
        values: dict[str, str] = {}
        names: dict[str, str] = {}
        for name, value in cache.variables(owner).items():
            if is_railways(name) and name not in declared:
                continue
            label = labels.get(name, "version 1").removesuffix(_SEALED)
            if name not in declared:
                values[name] = value if value is not None else ""
                names[name] = "added on Railway" if value is not None else "added on Railway, sealed"
            elif value is None and is_unknown(declared[name]):
                # Written once its value is known: nothing proves that the sealed one is the same.
                values[name], names[name] = "", f"{_version(label)}, sealed on Railway"
            elif value is None:
                values[name], names[name] = declared[name], label + _SEALED
            elif value == declared[name]:
                values[name], names[name] = declared[name], label
            else:
                values[name], names[name] = value, f"{_version(label)}, changed on Railway"
        for name in declared:
            if name not in values:
                names[name] = f"{_version(labels.get(name, 'version 1'))}, removed on Railway"
        return {"variables": values, "names": names}

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Read the map, and name the variables that cannot be compared."""
        result = super().read(id_, props)
        sealed = sealed_names(result.outs or {})
        if sealed:
            # Not a difference, so the engine shows nothing; it does show what a provider prints.
            print(printable(f"sealed on Railway, cannot be compared: {', '.join(sealed)}"), flush=True)  # noqa: T201
        return result

    def update_object(self, _id: str, olds: Props, news: Props, _changed: tuple[str, ...]) -> dict[str, Any]:
        """Write the whole map."""
        return self._write(news, olds.get("variables") or {})

    def delete_object(self, _id: str, props: Props) -> None:
        """Remove the declared variables; the others are kept."""
        cache, owner = self.environment(props), self.owner(props)
        with cache.lock:
            if _is_deleted(cache.snapshot(), owner):
                return
            live = cache.variables(owner)
            declared = props.get("variables") or {}
            others = {
                name: value for name, value in live.items() if name not in declared and not is_railways(name)
            }
            if any(value is None for value in others.values()):
                raise RefusedError(
                    "the service has sealed variables that this stack does not declare; removing the "
                    "declared ones would remove them too",
                    fix="remove the declared variables in Railway's dashboard, then run:\n"
                    f"{remove_from_state('variables')}",
                )
            if not set(live) & set(declared):
                return
            kept = {name: value for name, value in others.items() if value is not None}
            _upsert(cache, owner, kept, replace=True)
            cache.update_variables(owner, kept)

    def _id(self, props: Props) -> str:
        return f"{props['environment_id']}/{self.owner(props) or 'shared'}"

    def _write(self, props: Props, recorded: Mapping[str, str]) -> dict[str, Any]:
        cache, owner = self.environment(props), self.owner(props)
        with cache.lock:
            view = cache.snapshot()
            if _is_deleted(view, owner):
                where = f"service {owner}" if owner else f"environment {props['environment_id']}"
                raise MissingError(
                    f"the Railway {where} is deleted", fix="run `pulumi up --refresh --run-program`"
                )
            if owner is not None:
                check_volume_exists(view, owner, props, allow_new_volume=self.allows_new_volume(props))
            live = cache.variables(owner)
            latest = view.latest_deployment(owner) if owner else None
            written = self._send(cache, props, live, recorded)
        return {"revision": revision.new(written, latest)}

    def _send(
        self,
        cache: EnvironmentCache,
        props: Props,
        live: Mapping[str, str | None],
        recorded: Mapping[str, str],
    ) -> datetime | None:
        owner, declared = self.owner(props), dict(props.get("variables") or {})
        sealed, extra = _sealed_and_extra(declared, live, recorded)
        check_sealed(sealed, extra, props)
        writes = {name: value for name, value in declared.items() if name not in sealed}
        written = _upsert(cache, owner, writes, replace=not sealed)
        now: dict[str, str | None] = {**writes, **dict.fromkeys(sealed)}
        now |= {name: value for name, value in live.items() if is_railways(name) and name not in now}
        cache.update_variables(owner, now)
        return written


class VariablesProvider(VariableMapProvider):
    """Provider of `Variables`."""

    FIELDS = (*fields_of(VariablesArgs), NAMES)

    def owner(self, props: Props) -> str:
        """The service."""
        return props["service_id"]


class Variables(RailwayResource[VariablesArgs], module="railway", name="Variables"):
    """All variables of one service; the id is "<environment id>/<service id>".

    `names` has the version of each value; `revision` changes with every write.

    Example:
        values = {"PORT": "8080", "DATABASE_URL": "${{postgres.DATABASE_URL}}"}
        railway.Variables("api", railway.VariablesArgs(**ids, variables=values))
    """

    PROVIDER = VariablesProvider
    SECRETS = ("variables",)
    names: pulumi.Output[Mapping[str, str]]
    revision: pulumi.Output[str]


def sealed_names(props: Props) -> list[str]:
    """The declared variables that are sealed on Railway and cannot be compared, by the live `names`."""
    names: Mapping[str, str] = props.get("names") or {}
    return sorted(name for name, label in names.items() if label.endswith(_SEALED))


def _is_deleted(view: Snapshot, owner: str | None) -> bool:
    return view.is_deleted or (owner is not None and view.instance(owner) is None)


def _sealed_and_extra(
    declared: Mapping[str, str], live: Mapping[str, str | None], recorded: Mapping[str, str]
) -> tuple[set[str], list[str]]:
    """The declared variables that are sealed and not to be written, and the undeclared ones; see
    `check_sealed`."""
    sealed = {
        name
        for name, value in live.items()
        if value is None and name in declared and recorded.get(name, declared[name]) == declared[name]
    }
    return sealed, sorted(name for name in live if name not in declared and not is_railways(name))


def check_sealed(sealed: Collection[str], extra: Collection[str], props: Props) -> None:
    """Check that no undeclared variable must be removed while sealed ones must be kept.

    Args:
        sealed: declared variables that are sealed, and whose declared value did not change.
        extra: undeclared variables.
        props: the properties of the resource, for its config keys.

    Raises:
        RefusedError: there are both.
    """
    if sealed and extra:
        names = ", ".join(extra)
        declare = [how_to_set_part(props, "variables", f".{name}", "<string>") for name in extra]
        if not all(map(_NAME.fullmatch, extra)):  # a dot in a name is a step of the path in a command
            declare = []
        raise RefusedError(
            f"undeclared variables cannot be removed while sealed ones exist (undeclared: {names}; sealed: "
            f"{', '.join(sorted(sealed))}): the sealed values cannot be read, and Railway can only replace "
            "all variables",
            fix=f"in Railway's dashboard, delete {names}"
            + "".join([f"\n{OR}declare:", *(f"\n{one}" for one in declare)] if declare else []),
        )


def _upsert(
    cache: EnvironmentCache, owner: str | None, variables: Mapping[str, str], *, replace: bool
) -> datetime | None:
    """Write variables, without deploying; `replace`: remove all others."""
    fields = {**cache.ids, "variables": dict(variables), "replace": replace, "skipDeploys": True}
    if owner is not None:
        fields["serviceId"] = owner
    return cache.api.write("VariablesWrite", input=fields)


def _version(label: str) -> str:
    found = _VERSION.match(label)
    return f"version {found[1]}" if found else "version 1"


def _label(before: str, *, same: bool) -> str:
    found = _VERSION.fullmatch(before.removesuffix(_SEALED))
    if found is None:
        return "version 1"
    return before if same and not found[2] else f"version {int(found[1]) + 1}"
