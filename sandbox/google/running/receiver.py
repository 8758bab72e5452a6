"""Where the Firestore emulator sends its events: a server whose port is known before the emulator starts.

`POST /functions/projects/PROJECT/triggers/KEY`, answered at once: the emulator sends each event only once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route

from sandbox.local_only import LocalOnly
from sandbox.local_server import LocalServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

PATH = "/functions/projects/{project}/triggers/{key}"


def create_receiver(receive: Callable[[str, str, Mapping[str, str], bytes], None]) -> LocalServer:
    """Return the server, which has a port and is not started.

    Args:
        receive: gets project, trigger, headers and body of each event; in the server's thread.
    """

    async def accept(request: Request) -> Response:
        parts = request.path_params
        receive(parts["project"], parts["key"], dict(request.headers), await request.body())
        return Response(status_code=204)

    app = Starlette(routes=[Route(PATH, accept, methods=["POST"])], middleware=[Middleware(LocalOnly)])
    return LocalServer(app)
