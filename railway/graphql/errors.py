"""The errors of this package.

    RailwayError                 base class; the message is complete and free of secrets
    ├── CredentialsError         no token, or two tokens
    ├── RefusedError             an operation that could lose data, or change an object of another owner
    ├── MissingError             an object is missing, and nothing proves that it was deleted
    ├── WaitTimeoutError         a wait ended at its deadline
    ├── BackupError              a backup of a volume was not made; nothing was changed after it
    ├── DeploymentError          a deployment did not become healthy
    ├── StatusUnknownError       the status of a deployment could not be followed; it may be healthy
    └── RequestError             a request failed; has operation, trace id and code
        ├── UnreachableError     no connection: the request had no effect
        ├── AmbiguousError       the connection broke, or a proxy responded: it may have had an effect
        ├── RateLimitedError     too many requests: it had no effect
        ├── ThrottledError       "you are creating ... too quickly": it had no effect
        ├── BusyError            another operation on the object is in progress: it had no effect
        ├── NotAuthorizedError   the token has no access to the object; never means "deleted"
        ├── NotFoundError        Railway reports that the object does not exist
        ├── RejectedError        Railway rejected the request
        └── ServerFaultError     an error of Railway itself: it may have had an effect

No error carries variables, bodies or headers of a request: they may contain a secret, and the provider
process prints whole tracebacks. Raise these errors `from None`, so that no exception of a library is printed
with them.
"""

from __future__ import annotations

import re

from user_errors import UserError, add_fix, printable

_TAKEN = re.compile(r"is not available\W*$|already (exists|taken|in use)|is taken", re.IGNORECASE)


REPORT = "open an issue with the operation name and the Pulumi log"
"""The fix of an error that a defect of this package causes."""


def remove_from_state(kind: str) -> str:
    """The command that removes a resource from the state, and how to find its URN.

    It changes nothing on Railway. Without the options, the CLI keeps a protected resource, and one on which
    others depend. `--target-dependents` removes those others too; the next `up` adopts them again. The quotes
    are needed because a URN contains `$`.

    Args:
        kind: what is removed, such as "service".
    """
    return (
        f"pulumi state delete --force --target-dependents '<urn of the {kind}>'"
        "  # pulumi stack --show-urns lists the URNs"
    )


class RailwayError(UserError):
    """Base class.

    Args:
        what: what happened and where, free of secrets.
        fix: an exact command or edit. A test requires it of every error that this package constructs.
    """

    def __init__(self, what: str, *, fix: str = "") -> None:
        self.what = printable(what)
        self.fix = fix
        super().__init__(add_fix(what, fix) if fix else what)


class CredentialsError(RailwayError):
    """There is no token, or there are two."""


class NoTokenError(CredentialsError):
    """There is no token for Railway."""


class RefusedError(RailwayError):
    """The operation could lose data, or change an object of another owner; nothing was changed."""


class MissingError(RailwayError):
    """An object is missing, and no response proves that it was deleted."""


class WaitTimeoutError(RailwayError):
    """A wait ended at its deadline."""


class BackupError(RailwayError):
    """A backup of a volume was not made, or it is not known whether it was; nothing was changed after it."""


class DeploymentError(RailwayError):
    """A deployment did not become healthy."""


class StatusUnknownError(RailwayError):
    """A request failed during the wait for a deployment; nothing is rolled back.

    Args:
        deployment_id: its id.
        failure: the error of the request.
    """

    def __init__(self, deployment_id: str, failure: RequestError) -> None:
        continues = (
            "The deployment continues on Railway; the next up reads its result before it starts another one"
        )
        fix = f"run pulumi up again. {continues}"
        # Advice that only repeats this is left out; a time after which to run it is kept.
        repeats = failure.fix.startswith("run `pulumi up` again") and " after " not in failure.fix
        if failure.fix and not repeats:
            again = "" if "`pulumi up` again" in failure.fix else "Then run pulumi up again. "
            fix = f"{failure.fix}\n{again}{continues}."
        super().__init__(
            f"the deployment {deployment_id} was started, but its status could not be followed: "
            f"{failure.what}",
            fix=fix,
        )


class RequestError(RailwayError):
    """A request failed.

    Args:
        operation: the name of the GraphQL operation.
        reason: Railway's message, or a description where there was none.
        trace_id: Railway's trace id, for its support; "" if the response had none.
        path: `path` of the GraphQL error.
        fix: what to do.
    """

    def __init__(
        self, operation: str, reason: str, *, trace_id: str = "", path: tuple[str, ...] = (), fix: str = ""
    ) -> None:
        self.operation = operation
        self.reason = printable(reason)
        self.trace_id = printable(trace_id)
        self.path = path
        super().__init__(f"Railway request {operation} failed: {self.traced_reason}", fix=fix)

    @property
    def traced_reason(self) -> str:
        """The reason and the trace id, for another message."""
        return f"{self.reason} (trace id {self.trace_id})" if self.trace_id else self.reason


class UnreachableError(RequestError):
    """No connection: the request had no effect."""


class AmbiguousError(RequestError):
    """The connection broke or timed out, or a proxy responded: the request may have had an effect."""


class RateLimitedError(RequestError):
    """Too many requests: this one had no effect.

    Args:
        retry_after: seconds until a repetition can succeed, None if unknown.
    """

    def __init__(
        self,
        operation: str,
        reason: str,
        *,
        retry_after: float | None = None,
        trace_id: str = "",
        fix: str = "",
    ) -> None:
        self.retry_after = retry_after
        super().__init__(operation, reason, trace_id=trace_id, fix=fix)


class ThrottledError(RequestError):
    """The limit of one creation in 30 seconds, which comes with HTTP 200: the request had no effect."""


class BusyError(RequestError):
    """Railway is still working on an earlier operation, such as a build: the request had no effect.

    Railway's texts, reported from its live API: "Cannot redeploy yet, please wait for the original deployment
    to finish building", "operation is already in progress".
    """


class NotAuthorizedError(RequestError):
    """The token is invalid or has no access to the object. It never means "deleted"."""


class NotFoundError(RequestError):
    """Railway reports that the object does not exist."""


class RejectedError(RequestError):
    """Railway rejected the request."""

    @property
    def taken(self) -> bool:
        """Whether it was rejected because the name is in use."""
        return _TAKEN.search(self.reason) is not None


class ServerFaultError(RequestError):
    """An error of Railway itself: a mutation may have had an effect."""
