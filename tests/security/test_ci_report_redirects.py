"""The job that comments: its token is sent to GitHub's API only, and its notes contain no secret."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

from ops.ci_report import CommentError, PullRequest, PulumiRun, render
from sandbox.local_server import LocalServer

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    tokens: list[str | None] = []

    async def elsewhere(request: Request) -> JSONResponse:
        tokens.append(request.headers.get("authorization"))
        return JSONResponse([])

    other = Starlette(routes=[Route("/{path:path}", elsewhere, methods=["GET", "POST", "PATCH"])])
    with LocalServer(other) as listener:

        async def redirect(_: Request) -> RedirectResponse:
            return RedirectResponse(f"{listener.url}/taken", status_code=status)

        github = Starlette(routes=[Route("/{path:path}", redirect, methods=["GET", "POST", "PATCH"])])
        with LocalServer(github) as server:
            pull_request = PullRequest(api_url=server.url, repository="acme/crm", number=7, token="token-1")
            with pytest.raises(CommentError, match=f"responded {status} to GET .* not followed") as caught:
                pull_request.comment("<!-- x -->\n")
    assert tokens == []
    assert "fix: run the workflow in the repository under its present name" in str(caught.value)
    assert "token-1" not in str(caught.value)


def test_notes_are_shown_above_the_output_without_secrets() -> None:
    run = PulumiRun(operation="preview", stack="prod", code=0, text="out", notes="```\nkey tok-abcdef\n")
    body = render(run, limit=65_000, environ={"RAILWAY_API_TOKEN": "tok-abcdef"})
    shown, _, folded = body.partition("<details>")
    assert "````\n```\nkey [secret]\n````" in shown
    assert "out" in folded
