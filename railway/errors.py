"""What can go wrong between us and Railway, as types.

    RailwayError                 all below; the message is complete and can be shown to a person
    ├── CredentialsError         no token, or two
    ├── RefusedError             we will not do it: it could lose data or take what is not ours
    ├── MissingError             absent but should be there, and nobody proved that it was deleted
    ├── WaitTimeoutError         a bounded wait came to its end
    ├── DeploymentError          the deployment did not become healthy
    ├── LostSightError           we could not watch the deployment to its end: it may be well
    └── RequestError             one request failed; carries operation, trace id, code
        ├── UnreachableError     no connection was made: nothing happened
        ├── AmbiguousError       the connection broke or a proxy answered: it may have happened
        ├── RateLimitedError     Railway or its edge said "too many": nothing happened
        ├── ThrottledError       "you are creating ... too quickly": nothing happened
        ├── NotAuthorizedError   dead token, foreign object, too small a token; never means "gone"
        ├── NotFoundError        Railway says that this object does not exist
        ├── RejectedError        Railway understood the request and said no
        └── ServerFaultError     Railway says that it failed itself: a write may have happened

Refuses to carry request variables, response bodies or headers: any of them may hold a secret, and the
dynamic provider process prints whole tracebacks. Raise these `from None`, so that no library exception
with a URL, a header or a body is printed with them.
"""

from __future__ import annotations

import re

from user_errors import UserError

_TAKEN = re.compile(r"is not available\W*$|already (exists|taken|in use)|is taken", re.IGNORECASE)


class RailwayError(UserError):
    """Base of all errors of this package.

    Args:
        what: what happened, one sentence or more, free of secrets.
        next_step: what a person should do now.
    """

    def __init__(self, what: str, *, fix: str = "") -> None:
        self.what = what
        self.fix = fix
        super().__init__(f"{what}\n  fix: {fix}" if fix else what)


class CredentialsError(RailwayError):
    """No token, or two of them."""


class RefusedError(RailwayError):
    """We will not do it; the message says why and how to really do it."""


class MissingError(RailwayError):
    """Something is absent that should be there, and no answer proves that it was deleted."""


class WaitTimeoutError(RailwayError):
    """A bounded wait came to its end."""


class DeploymentError(RailwayError):
    """The deployment did not become healthy.

    Args:
        deployment_id: Railway's id of the deployment, "" if there is none.
        status: the last status seen.
    """

    def __init__(self, what: str, *, fix: str = "", deployment_id: str = "", status: str = "") -> None:
        self.deployment_id = deployment_id
        self.status = status
        super().__init__(what, fix=fix)


class StatusUnknownError(RailwayError):
    """A request failed while we watched a deployment: what became of it is not known, so nothing is undone.

    Args:
        deployment_id: Railway's id of the deployment.
        failure: why we could not go on watching.
    """

    def __init__(self, deployment_id: str, failure: RequestError) -> None:
        self.deployment_id = deployment_id
        self.failure = failure
        advice = f"{failure.fix}; " if failure.fix else ""
        super().__init__(
            f"the deployment {deployment_id} was started, but we could not watch it to its end: "
            f"{failure.what}",
            fix=f"{advice}the deployment goes on by itself, and the next `pulumi up` looks what became "
            "of it before it deploys again",
        )


class RequestError(RailwayError):
    """One request failed.

    Args:
        operation: the GraphQL operation name.
        reason: Railway's own message, or ours where there was none.
        trace_id: what Railway's support asks for, "" if the answer had none.
        code: `extensions.code` of the GraphQL error, "" if there was none.
        path: `path` of the GraphQL error.
        next_step: what a person should do now.
    """

    def __init__(
        self,
        operation: str,
        reason: str,
        *,
        trace_id: str = "",
        code: str = "",
        path: tuple[str, ...] = (),
        fix: str = "",
    ) -> None:
        self.operation = operation
        self.reason = reason
        self.trace_id = trace_id
        self.code = code
        self.path = path
        super().__init__(f"Railway {operation}: {self.traced_reason}", fix=fix)

    @property
    def traced_reason(self) -> str:
        """The reason with the trace id: what is quoted inside another message."""
        return f"{self.reason} (trace id {self.trace_id})" if self.trace_id else self.reason


class UnreachableError(RequestError):
    """No connection was made: nothing happened."""


class AmbiguousError(RequestError):
    """The connection broke, timed out, or a proxy answered in Railway's place: it may have happened."""


class RateLimitedError(RequestError):
    """Too many requests: nothing happened.

    Args:
        retry_after: seconds until the next try is worth it, None when unknown.
        edge: True when Railway's edge (error 1015) refused, not its API.
    """

    def __init__(
        self,
        operation: str,
        reason: str,
        *,
        retry_after: float | None = None,
        edge: bool = False,
        trace_id: str = "",
        fix: str = "",
    ) -> None:
        self.retry_after = retry_after
        self.edge = edge
        super().__init__(operation, reason, trace_id=trace_id, fix=fix)


class ThrottledError(RequestError):
    """A creation throttle (one per 30 seconds), told with HTTP 200: nothing happened."""


class NotAuthorizedError(RequestError):
    """The token may not do this, or is dead, or the object belongs to somebody else. Never means "gone"."""


class NotFoundError(RequestError):
    """Railway says that the object does not exist."""


class RejectedError(RequestError):
    """Railway understood the request and said no."""

    @property
    def taken(self) -> bool:
        """Whether it said so because somebody else has the name."""
        return _TAKEN.search(self.reason) is not None


class ServerFaultError(RequestError):
    """Railway says that it failed itself. For a write: it may have happened."""
