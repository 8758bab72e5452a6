"""What all our dynamic providers share: credentials, check, diff, and the plumbing between the SDK and
plain dicts.

A provider instance is pickled into the stack's state by reference to its module and class. So a provider
has no `__init__`, keeps nothing but what `configure` gives it, and its module and class name never
change.

Refuses to let a library's exception out with its context: the provider process prints whole tracebacks,
and a request in one of them may carry a secret. What is raised is a `RailwayError` without a cause, or a
defect of ours.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from railway import fields as differ
from railway.errors import (
    AmbiguousError,
    CredentialsError,
    MissingError,
    NotFoundError,
    RailwayError,
    RejectedError,
    RequestError,
    ServerFaultError,
    WaitTimeoutError,
)
from railway.graphql.credentials import Access, access_from
from user_errors import report_user_errors_without_traceback

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from railway.graphql.models import InstanceView, Snapshot
    from railway.snapshot import AccountCache, EnvironmentCache

PROVIDER_KEY = "__provider"

Props = Mapping[str, Any]
T = TypeVar("T")
Kind = TypeVar("Kind", bound="RailwayProvider")


def inputs_of(args: DataclassInstance, *outputs: str) -> dict[str, Any]:
    """A resource's property bag: every field of its Args, and the names of the outputs it will have."""
    bag: dict[str, Any] = {field.name: getattr(args, field.name) for field in dataclass_fields(args)}
    return bag | dict.fromkeys(outputs)


class RailwayProvider(ResourceProvider):
    """Base of every provider here. A subclass has FIELDS and says what to do in `make`, `see`, `change`,
    `drop`."""

    # The pickle holds a module path and a class name: nothing to hide.
    serialize_as_secret_always = False

    FIELDS: ClassVar[tuple[differ.Field, ...]] = ()

    # On the class, so that an instance is empty until `configure`: what it holds would be in the state.
    _access: Access | CredentialsError | None = None

    # ---- What a subclass says

    def create_object(self, props: Props) -> tuple[str, dict[str, Any]]:
        """Find the object or make it, bring it to what is declared, and return its id and its own outputs."""
        raise NotImplementedError

    def read_object(self, id_: str, props: Props) -> dict[str, Any] | None:
        """The live values of the declared fields and the outputs; None if Railway says that it is deleted."""
        raise NotImplementedError

    def update_object(self, id_: str, olds: Props, news: Props, changed: tuple[str, ...]) -> dict[str, Any]:
        """Bring the object to what is declared, and return its own outputs."""
        raise NotImplementedError

    def delete_object(self, id_: str, props: Props) -> None:
        """Delete the object; one that is gone already is no error."""
        raise NotImplementedError

    def validate(self, olds: Props, news: Props) -> list[differ.FieldProblem]:
        """What is wrong between fields; each may be unknown."""
        del olds, news
        return []

    def computed_inputs(self, olds: Props, news: Props) -> dict[str, Any]:
        """Inputs that are computed from the others, for people to read."""
        del olds, news
        return {}

    # ---- What the SDK calls

    def configure(self, req: ConfigureRequest) -> None:
        """Read address and token. A wrong one is told by `check`, where it is an error without a
        traceback."""
        report_user_errors_without_traceback()
        try:
            self._access = access_from(os.environ, req.config.get)
        except CredentialsError as error:
            self._access = error

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse wrong settings in the preview, before anything is sent."""
        olds = without_provider_key(_olds)
        declared = without_provider_key(news)
        found = differ.problems(self.FIELDS, olds, declared) + self.validate(olds, declared)
        if isinstance(self._access, CredentialsError):
            found.append(differ.FieldProblem("", str(self._access)))
        inputs = dict(declared)
        for field in self.FIELDS:
            if field.name in declared and not differ.is_unknown(declared[field.name]):
                inputs[field.name] = field.normal(declared[field.name])
        if not found:
            inputs |= self.computed_inputs(olds, inputs)
        return CheckResult(
            {name: value for name, value in inputs.items() if value is not None},
            [CheckFailure(problem.name, problem.reason) for problem in found],
        )

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compare what is recorded (after a refresh: what is live) with what is declared."""
        found = differ.compare(self.FIELDS, _olds, _news)
        return DiffResult(
            changes=bool(found), replaces=list(found.replaces), delete_before_replace=bool(found.replaces)
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Find or make the object."""
        declared = without_provider_key(props)
        id_, outs = without_causes(lambda: self.create_object(declared))
        return CreateResult(id_, without_none(declared | outs))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """The live state; a blank id only if Railway says that the object is deleted."""
        known = without_provider_key(props)
        live = without_causes(lambda: self.read_object(id_, known))
        if live is None:
            return ReadResult("", {})
        outs = without_none(known | live)
        names = {field.name for field in self.FIELDS}
        return ReadResult(id_, outs, {name: value for name, value in outs.items() if name in names})

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Bring the object to what is declared."""
        olds, news = without_provider_key(_olds), without_provider_key(_news)
        changed = differ.compare(self.FIELDS, olds, news).changed
        names = {field.name for field in self.FIELDS}
        kept = {name: value for name, value in olds.items() if name not in names}
        outs = without_causes(lambda: self.update_object(_id, olds, news, changed))
        return UpdateResult(without_none(kept | news | outs))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete the object."""
        without_causes(lambda: self.delete_object(_id, without_provider_key(_props)))

    # ---- What subclasses share

    @property
    def access(self) -> Access:
        """Address and token.

        Raises:
            CredentialsError: there is none, or more than one.
        """
        if isinstance(self._access, CredentialsError):
            raise self._access
        if self._access is None:
            raise CredentialsError("the provider was not configured")
        return self._access

    def sibling(self, kind: type[Kind], /) -> Kind:
        """A provider of another kind with the same credentials."""
        made = kind()
        made.use_access(self._access)
        return made

    def use_access(self, access: Access | CredentialsError | None) -> None:
        """Take these credentials instead of those that `configure` would read."""
        self._access = access

    @property
    def railway(self) -> AccountCache:
        """The shared connection."""
        # Here and not above: check and diff send nothing and must not load an HTTP library.
        from railway.connection import railway_for

        return railway_for(self.access)

    def environment(self, props: Props) -> EnvironmentCache:
        """The shared reading of the resource's environment."""
        return self.railway.environment(props["project_id"], props["environment_id"])

    def declared_only(self, props: Props, live: Mapping[str, object]) -> dict[str, Any]:
        """Live values of those optional fields only that are declared: the others are Railway's business."""
        return {name: value for name, value in live.items() if props.get(name) is not None}

    def create_once(self, create: Callable[[], T], find: Callable[[], T | None], *, late: bool = False) -> T:
        """Make something that must not be made twice.

        After an answer that leaves open whether it happened, look for it, three times with a growing
        pause, and only then try again. What "already exists" is looked for as long.

        Args:
            make: sends the one request.
            find: looks anew; None if it is not there.
            late: whether Railway may say "not found" of a parent that was just made; wait for it then.
        """
        clock = self.railway.api.client.clock
        deadline = clock.deadline(180)
        attempt = 0
        while True:
            attempt += 1
            try:
                return create()
            except (AmbiguousError, ServerFaultError) as error:
                last: RequestError = error
                pauses: tuple[float, ...] = (1.0, 3.0, 6.0)
            except NotFoundError as error:
                if not late or deadline.passed:
                    raise
                clock.sleep(5.0)
                last, pauses = error, ()
            except RejectedError as error:
                # "already exists" among others: then it is there, if not to be seen yet.
                there = "already" in error.reason.lower()
                last, pauses, attempt = error, (0.0, 1.0, 3.0, 6.0) if there else (0.0,), 99
            for pause in pauses:
                clock.sleep(pause)
                found = find()
                if found is not None:
                    return found
            if (attempt >= 3 and pauses) or deadline.passed:
                raise last

    def wait_for(self, what: str, poll: Callable[[], T | None], *, seconds: float, every: float = 1.0) -> T:
        """Look until there is something.

        Raises:
            WaitTimeoutError: there was nothing in time.
        """
        deadline = self.railway.api.client.clock.deadline(seconds)
        pause = every / 4
        while True:
            found = poll()
            if found is not None:
                return found
            if deadline.passed:
                raise WaitTimeoutError(
                    f"{what} did not appear on Railway within {seconds:.0f} s",
                    fix="run `pulumi up` again; it continues where this one stopped",
                )
            deadline.sleep(pause)
            pause = min(every, pause * 2)


def is_deleted(view: Snapshot) -> bool:
    """Whether the whole environment, or its project, is deleted."""
    return view.project is None or view.environment is None


def instance_of(view: Snapshot, service_id: str) -> InstanceView:
    """A service's instance in this environment.

    Raises:
        MissingError: it is not there.
    """
    instance = view.instance(service_id)
    if instance is None:
        raise MissingError(
            f"the service {service_id} is not in this environment",
            fix="run `pulumi up --refresh`: it notices what was deleted by hand and makes it again",
        )
    return instance


def without_provider_key(props: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in props.items() if name != PROVIDER_KEY and value is not None}


def without_none(outs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in outs.items() if value is not None}


def without_causes(work: Callable[[], T]) -> T:
    """Let our own errors out without their causes, and without the frames that led to them."""
    try:
        return work()
    except RailwayError as error:
        failure = error.with_traceback(None)
    raise failure from None
