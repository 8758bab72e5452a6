"""The base of all resources and their providers: credentials, validation, comparison, the calls of the SDK.

A provider instance is pickled into the stack's state by reference to its module and class. Its module and
class name must therefore never change, and it has no `__init__` and no attributes before `configure`.

Only `RailwayError`s leave a provider, without their cause: the provider process prints whole tracebacks, and
the request in a library's exception may contain a secret.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from inspect import get_annotations
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)

from railway import fields as differ
from railway.args import Props, ResourceArgs, config_key, how_to_set, inputs_of
from railway.fields import Field
from railway.graphql.credentials import Access, access_from, previews_without_token
from railway.graphql.errors import REPORT, CredentialsError, NoTokenError, RailwayError
from user_errors import Provider, add_fix

if TYPE_CHECKING:
    from railway.clock import Clock
    from railway.snapshot import AccountCache, EnvironmentCache

PROVIDER_KEY = "__provider"

T = TypeVar("T")
Kind = TypeVar("Kind", bound="RailwayProvider")

A = TypeVar("A", bound=ResourceArgs)


class RailwayProvider(Provider):
    """Base class. A subclass has FIELDS and the methods `create_object`, `read_object`, `update_object` and
    `delete_object`."""

    FIELDS: ClassVar[tuple[Field, ...]] = ()

    # On the class, so that an instance has no attributes before `configure`: they would be in the state.
    _access: Access | CredentialsError | None = None
    _config: Callable[[str], object] | None = None

    # ---- Methods of a subclass

    def create_object(self, props: Props, /) -> tuple[str, dict[str, Any]]:
        """Find the object or create it, and update it; returns its id and its outputs."""
        raise NotImplementedError

    def read_object(self, id_: str, props: Props, /) -> dict[str, Any] | None:
        """The live properties and the outputs; None if Railway reports that the object is deleted."""
        raise NotImplementedError

    def update_object(
        self, id_: str, olds: Props, news: Props, changed: tuple[str, ...], /
    ) -> dict[str, Any]:
        """Update the object; returns its outputs."""
        raise NotImplementedError

    def delete_object(self, id_: str, props: Props, /) -> None:
        """Delete the object; one that is already deleted is not an error."""
        raise NotImplementedError

    def validate(self, _olds: Props, _news: Props, /) -> list[differ.FieldProblem]:
        """Problems between several properties, each of which may be unknown."""
        return []

    def computed_inputs(self, _olds: Props, _news: Props, /) -> dict[str, Any]:
        """Inputs that are computed from others and shown in a diff."""
        return {}

    # ---- Methods that the SDK calls

    def configure(self, req: ConfigureRequest) -> None:
        """Read the address and the token. `check` reports an error in them, without a traceback."""
        super().configure(req)
        self._config = req.config.get
        try:
            self._access = access_from(os.environ, req.config.get)
        except CredentialsError as error:
            self._access = error

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Validate the declared inputs, in the preview and before anything is sent."""
        olds = non_null(_olds)
        declared = non_null(news)
        found = differ.problems(self.FIELDS, olds, declared) + self.validate(olds, declared)
        if isinstance(self._access, CredentialsError) and not (
            isinstance(self._access, NoTokenError) and previews_without_token(os.environ)
        ):
            found.append(differ.FieldProblem("", str(self._access)))
        inputs = dict(declared)
        for field in self.FIELDS:
            if field.name in declared and not differ.is_unknown(declared[field.name]):
                inputs[field.name] = field.normal(declared[field.name])
        if not found:
            inputs |= self.computed_inputs(olds, inputs)
        failures = [CheckFailure(problem.name, with_fix(problem, declared)) for problem in found]
        return CheckResult(non_null(inputs), failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compare the recorded properties (after a refresh: the live ones) with the declared ones."""
        found = differ.compare(self.FIELDS, _olds, _news)
        return DiffResult(
            changes=bool(found), replaces=list(found.replaces), delete_before_replace=bool(found.replaces)
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Find or create the object."""
        declared = non_null(props)
        id_, outs = without_causes(lambda: self.create_object(declared))
        return CreateResult(id_, non_null(declared | outs))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Read the live state; the id is "" only if Railway reports that the object is deleted."""
        known = non_null(props)
        live = without_causes(lambda: self.read_object(id_, known))
        if live is None:
            return ReadResult("", {})
        outs = non_null(known | live)
        names = {field.name for field in self.FIELDS}
        return ReadResult(id_, outs, {name: value for name, value in outs.items() if name in names})

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Update the object."""
        olds, news = non_null(_olds), non_null(_news)
        changed = differ.compare(self.FIELDS, olds, news).changed
        names = {field.name for field in self.FIELDS}
        kept = {name: value for name, value in olds.items() if name not in names}
        outs = without_causes(lambda: self.update_object(_id, olds, news, changed))
        return UpdateResult(non_null(kept | news | outs))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete the object."""
        without_causes(lambda: self.delete_object(_id, non_null(_props)))

    # ---- Shared by the subclasses

    @property
    def access(self) -> Access:
        """The address and the token.

        Raises:
            CredentialsError: there is no token, or more than one.
        """
        if isinstance(self._access, CredentialsError):
            raise self._access
        if self._access is None:
            raise CredentialsError(
                "the Pulumi engine called the Railway provider before it configured it",
                fix=REPORT,
            )
        return self._access

    def with_same_access(self, kind: type[Kind], /) -> Kind:
        """A provider of another kind with the same credentials and config."""
        made = kind()
        made.use(self._access, self._config)
        return made

    def use(self, access: Access | CredentialsError | None, config: Callable[[str], object] | None) -> None:
        """Use these credentials and this config instead of calling `configure`."""
        self._access, self._config = access, config

    @property
    def railway(self) -> AccountCache:
        """The cache and the connection that all providers share."""
        # Imported here: `check` and `diff` send nothing and must not load an HTTP library.
        from railway.snapshot import account_cache

        return account_cache(self.access)

    @property
    def clock(self) -> Clock:
        """The clock of the shared connection."""
        return self.railway.api.clock

    def environment(self, props: Props) -> EnvironmentCache:
        """The cache of the resource's environment."""
        return self.railway.environment(props["project_id"], props["environment_id"])

    def declared_only(self, props: Props, live: Mapping[str, object]) -> dict[str, Any]:
        """The live values of those optional properties that are declared; Railway chooses the others."""
        return {name: value for name, value in live.items() if props.get(name) is not None}

    def allows_new_volume(self, props: Props) -> bool:
        """Whether a volume that was deleted in the dashboard may be replaced by an empty one.

        Args:
            props: the declared properties, or in a refresh the recorded ones; the program's config key is
                read as well, because it may have been set since they were recorded.
        """
        key = config_key(props, "allow_new_volume")
        configured = self._config(key) if self._config and key else None
        return props.get("allow_new_volume") is True or str(configured or "").lower() == "true"


class RailwayResource(Resource, Generic[A]):
    """Base class of the resources. A subclass has PROVIDER, and its outputs as annotations.

    `declared` are its Args, which an `Adoption` compares.
    """

    PROVIDER: ClassVar[type[RailwayProvider]]
    SECRETS: ClassVar[tuple[str, ...]] = ()
    """The properties that are secrets as a whole."""
    declared: A

    def __init__(
        self, name: str, args: A, opts: pulumi.ResourceOptions | None = None, **constants: object
    ) -> None:
        self.declared = args
        kinds = (kind for kind in type(self).__mro__ if issubclass(kind, RailwayResource))
        outputs = {name for kind in kinds if kind is not RailwayResource for name in get_annotations(kind)}
        props = {**dict.fromkeys(outputs), **inputs_of(args), **constants}
        for secret in self.SECRETS:
            if props[secret] is not None:
                props[secret] = pulumi.Output.secret(props[secret])
        secrets = pulumi.ResourceOptions(additional_secret_outputs=list(self.SECRETS))
        super().__init__(self.PROVIDER(), name, props, pulumi.ResourceOptions.merge(opts, secrets))


def with_fix(problem: differ.FieldProblem, declared: Props) -> str:
    """The reason of a problem with its fix; the default is to correct the property or its config key."""
    if "fix: " in problem.reason:
        return problem.reason
    return add_fix(problem.reason, how_to_set(declared, problem.name, "<value>"))


def non_null(props: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that are not None, without the pickled provider."""
    return {name: value for name, value in props.items() if name != PROVIDER_KEY and value is not None}


def without_causes(work: Callable[[], T]) -> T:
    """Call `work`, and raise its `RailwayError` again without cause and traceback."""
    try:
        return work()
    except RailwayError as error:
        failure = error.with_traceback(None)
    raise failure from None
