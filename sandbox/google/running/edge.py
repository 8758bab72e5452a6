"""Google's front end before a function: ingress, the invoker role, the time limit, the request log.

The check is Cloud Run's: `allUsers` as invoker lets everybody pass and leaves the Authorization header to the
code; else the request needs an identity token of an account with the role (Cloud Run docs, "IAM roles",
permission run.routes.invoke). Requests without a token get 403, with an unusable one 401.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import httpx
from starlette.responses import HTMLResponse, PlainTextResponse

from sandbox.google import iam
from sandbox.google.hooks import run
from sandbox.google.running import tokens
from sandbox.google.running.instance import InstanceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.responses import Response

    from sandbox.google.cloud import Cloud
    from sandbox.google.running.instances import Instances
    from sandbox.google.running.log import Log
    from sandbox.google.running.revisions import Revision
    from sandbox.google.store import Json

Headers = list[tuple[bytes, bytes]]
INVOKERS = ("roles/run.invoker", "roles/run.servicesInvoker", "roles/run.admin", "roles/owner")
"""Roles with the permission run.routes.invoke."""

REMOVED = b"SIGNATURE_REMOVED_BY_GOOGLE"
HOP_BY_HOP = (b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer")
LOST = "upstream connect error or disconnect/reset before headers. reset reason: connection termination"
_AUTHORIZATION, _SERVERLESS = b"authorization", b"x-serverless-authorization"
_PAGE = (
    "<html><head>\n<title>{0}</title>\n</head>\n<body>\n<h1>Error: {1}</h1>\n<h2>{2}</h2>\n</body></html>\n"
)


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request to a function.

    Args:
        path: path and query as the code sees them, percent-encoded.
        url: the whole address, for the log and as a token's audience.
        internal: it comes from Eventarc, Cloud Scheduler or Cloud Tasks, which pass every ingress setting.
    """

    method: str
    path: str
    url: str
    headers: Headers
    body: bytes
    internal: bool = False


@dataclass
class Reply:
    """A response: the whole of it, or for `Edge.pass_on` where it is sent to."""

    status: int = 0
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""


class Edge:
    """Passes requests to functions.

    Args:
        cloud: services and their policies.
        instances: the processes.
        log: gets one entry for each request.
    """

    def __init__(self, cloud: Cloud, instances: Instances, log: Log) -> None:
        self._cloud = cloud
        self._instances = instances
        self._log = log

    async def call(self, revision: Revision, call: Call) -> Reply:
        """Return the whole response of a function."""
        reply = Reply()

        async def begin(status: int, headers: Headers) -> None:
            reply.status, reply.headers = status, headers

        async def chunk(data: bytes) -> None:
            reply.body += data

        await self.pass_on(revision, call, begin, chunk)
        return reply

    async def pass_on(
        self,
        revision: Revision,
        call: Call,
        begin: Callable[[int, Headers], Awaitable[None]],
        chunk: Callable[[bytes], Awaitable[None]],
    ) -> None:
        """Pass a request on, and the response back while it arrives.

        Args:
            begin: gets status and headers, once.
            chunk: gets the parts of the body.
        """
        started = time.monotonic()
        statuses: list[int] = []

        async def begin_once(status: int, headers: Headers) -> None:
            statuses.append(status)
            await begin(status, headers)

        async def answer(response: Response) -> None:
            if not statuses:  # else the response has begun: the connection ends early
                await begin_once(response.status_code, list(response.raw_headers))
                await chunk(bytes(response.body))

        try:
            headers = self._authorized(revision, call)
            if isinstance(headers, list):
                async with asyncio.timeout(revision.timeout):
                    await self._send(revision, call, headers, begin_once, chunk)
            else:
                await answer(headers)
        except TimeoutError:
            await answer(PlainTextResponse("upstream request timeout", 504))
        except InstanceError as error:
            self._log.system(revision, "ERROR", f"The container failed to start: {error}")
            await answer(PlainTextResponse("Service Unavailable", 503))
        except httpx.HTTPError:
            await answer(PlainTextResponse(LOST, 503))
        finally:
            self._log.request(
                revision,
                method=call.method,
                url=call.url,
                status=statuses[0] if statuses else 499,
                seconds=time.monotonic() - started,
            )

    async def _send(
        self,
        revision: Revision,
        call: Call,
        headers: Headers,
        begin: Callable[[int, Headers], Awaitable[None]],
        chunk: Callable[[bytes], Awaitable[None]],
    ) -> None:
        async with self._instances.use(revision) as instance:
            try:
                response = await instance.send(call.method, call.path, headers, call.body)
                try:
                    kept = [(k.lower(), v) for k, v in response.headers.raw if k.lower() not in HOP_BY_HOP]
                    await begin(response.status_code, kept)
                    async for data in response.aiter_raw():
                        await chunk(data)
                finally:
                    await response.aclose()
            except httpx.HTTPError:
                # The process is ending: its last lines say why.
                for _ in range(100):
                    if instance.has_ended:
                        break
                    await asyncio.sleep(0.02)
                if instance.ran_out_of_memory:
                    limit = f"Memory limit of {revision.memory:.0f} MiB exceeded."
                    self._log.system(revision, "ERROR", f"{limit} Consider increasing the memory limit.")
                raise

    def _authorized(self, revision: Revision, call: Call) -> Headers | Response:
        """Return the headers that the code gets, or the front end's own response."""
        if not call.internal and revision.ingress != "INGRESS_TRAFFIC_ALL":
            return HTMLResponse(_PAGE.format("404 Page not found", "Page not found", ""), 404)
        headers = [
            (name.lower(), value) for name, value in call.headers if name.lower() not in HOP_BY_HOP
        ] + [(b"x-forwarded-proto", b"https")]
        policies = [
            iam.read_policy(self._cloud, "run", revision.service),
            iam.read_policy(self._cloud, "projects", revision.project),
        ]
        if _granted(policies, "allUsers"):
            return headers
        path = call.path.partition("?")[0]
        given = dict(headers)
        source = _SERVERLESS if _SERVERLESS in given else _AUTHORIZATION
        scheme, _, token = given.get(source, b"").partition(b" ")
        if not token or scheme.lower() != b"bearer":
            what = f"Your client does not have permission to get URL <code>{path}</code> from this server."
            return HTMLResponse(_PAGE.format("403 Forbidden", "Forbidden", what), 403)
        try:
            email = tokens.account_of(self._cloud, token.decode("latin-1"), self._audiences(revision))
        except tokens.TokenError as error:
            what = f"Your client does not have permission to the requested URL <code>{path}</code>."
            detail = f'Bearer error="invalid_token" error_description="{error}"'
            page = _PAGE.format("401 Unauthorized", "Unauthorized", what)
            return HTMLResponse(page, 401, {"WWW-Authenticate": detail})
        if not _granted(policies, "allAuthenticatedUsers") and not _granted(
            policies, f"serviceAccount:{email}"
        ):
            what = f"Your client does not have permission to get URL <code>{path}</code> from this server."
            return HTMLResponse(_PAGE.format("403 Forbidden", "Forbidden", what), 403)
        signed = token.rpartition(b".")[0] + b"." + REMOVED
        return [(name, b"Bearer " + signed if name == source else value) for name, value in headers]

    def _audiences(self, revision: Revision) -> list[str]:
        service = cast(
            "Json", self._cloud.store.get(run.table(revision.project, revision.region), revision.service_id)
        )
        host = f"https://{revision.region}-{revision.project}.cloudfunctions.net/{revision.function}"
        known = [*cast("list[str]", service.get("urls", [])), host]
        return [*known, *(f"{url}/" for url in known), *cast("list[str]", service.get("customAudiences", []))]


def _granted(policies: Sequence[Json], member: str) -> bool:
    return any(iam.grants(policy, member, INVOKERS) for policy in policies)
