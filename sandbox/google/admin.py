"""The admin routes of the Google sandbox besides those of `RequestMonitor`: switches and state.

They never return payloads of secrets or the content of objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.google.hooks import firestore_backups

if TYPE_CHECKING:
    from starlette.requests import Request

    from sandbox.google.cloud import Cloud

HIDDEN = ("storage/data",)


def routes(cloud: Cloud) -> list[Route]:
    """`GET/POST /admin/switches`, `GET /admin/state`, `POST /admin/firestore/backups`."""

    async def show(_: Request) -> Response:
        return JSONResponse(cloud.switches.as_dict())

    async def change(request: Request) -> Response:
        try:
            cloud.set_switches(await request.json())
        except (ValueError, AttributeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(cloud.switches.as_dict())

    async def state(_: Request) -> Response:
        cloud.operations.finish_due()
        cloud.commit()
        return JSONResponse(
            {name: content for name, content in cloud.store.dump().items() if name not in HIDDEN}
        )

    async def back_up(_: Request) -> Response:
        return JSONResponse({"backups": firestore_backups.make_backups(cloud)})

    return [
        Route("/admin/firestore/backups", back_up, methods=["POST"]),
        Route("/admin/switches", show, methods=["GET"]),
        Route("/admin/switches", change, methods=["POST"]),
        Route("/admin/state", state, methods=["GET"]),
    ]
