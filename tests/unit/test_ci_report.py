"""The report of a workflow on a pull request: complete, in one comment, and without secrets."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ops.ci_report import LIMITS, CommentError, PullRequest, PulumiRun, fit, main, marker, render
from sandbox.local_server import LocalServer

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
BOT = "github-actions[bot]"
GOOD = "workflow-token"
PRINTED = """\
Previewing update (prod):
 ~  pulumi-python:dynamic/railway:ServiceSettings backend update [diff: ~branch]
 +  gcp:firestore/index:Index messages create

Resources:
    + 1 to create
    ~ 1 to update
    51 unchanged
"""


class GitHub:
    """The three routes of GitHub's REST API that a comment needs, with paging."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.app = Starlette(
            routes=[
                Route("/repos/acme/crm/issues/7/comments", self._list, methods=["GET"]),
                Route("/repos/acme/crm/issues/7/comments", self._create, methods=["POST"]),
                Route("/repos/acme/crm/issues/comments/{id:int}", self._update, methods=["PATCH"]),
            ]
        )

    def add(self, body: str | None, login: str | None) -> dict[str, Any]:
        number = len(self.comments) + 1
        user = None if login is None else {"login": login}  # a deleted account is null
        self.comments.append(
            {"id": number, "body": body, "user": user, "html_url": f"https://comment/{number}"}
        )
        return self.comments[-1]

    async def _list(self, request: Request) -> JSONResponse:
        self.calls.append("GET")
        page, size = int(request.query_params["page"]), int(request.query_params["per_page"])
        return JSONResponse(self.comments[(page - 1) * size : page * size])

    async def _create(self, request: Request) -> JSONResponse:
        self.calls.append("POST")
        if request.headers["authorization"] != "Bearer workflow-token":
            return JSONResponse({"message": "Bad credentials"}, status_code=401)
        return JSONResponse(self.add((await request.json())["body"], BOT), status_code=201)

    async def _update(self, request: Request) -> JSONResponse:
        self.calls.append("PATCH")
        comment = self.comments[request.path_params["id"] - 1]
        comment["body"] = (await request.json())["body"]
        return JSONResponse(comment)


@pytest.fixture
def github() -> Iterator[tuple[GitHub, str]]:
    fake = GitHub()
    with LocalServer(fake.app) as server:
        yield fake, server.url


def _pull_request(url: str, token: str = GOOD) -> PullRequest:
    return PullRequest(api_url=url, repository="acme/crm", number=7, token=token)


def _rendered(
    text: str = PRINTED, *, operation: str = "preview", code: int = 0, limit: int = 65_000, **secrets: str
) -> str:
    return render(
        PulumiRun(operation=operation, stack="prod", code=code, text=text), limit=limit, environ=secrets
    )


def test_the_summary_is_outside_of_the_fold() -> None:
    shown, folded = _rendered().split("<details>")
    assert "~ 1 to update" in shown
    assert "ServiceSettings" not in shown
    assert "ServiceSettings" in folded


@pytest.mark.parametrize(
    ("operation", "code", "meaning"),
    [
        ("preview", 0, "what would change"),
        ("up", 0, "done"),
        ("drift", 0, "none"),
        ("drift", 7, "production differs from main"),
        ("drift", 3, "failed, exit code 3 (not signed in, or not allowed)"),
        ("up", 4, "failed, exit code 4 (a resource failed)"),
        ("up", 10, "failed, exit code 10 (a provider still waits for an operation; run it again)"),
        ("up", 255, "failed, exit code 255 (internal error of Pulumi)"),
        ("preview", 42, "failed, exit code 42 (unknown)"),
    ],
)
def test_the_heading_has_the_meaning_of_the_exit_code(operation: str, code: int, meaning: str) -> None:
    assert f"### {operation} prod: {meaning}\n" in _rendered(operation=operation, code=code)


def test_a_failure_is_unfolded() -> None:
    assert "<details open>" in _rendered(code=1)


def test_output_cannot_close_its_code_block() -> None:
    body = _rendered("````\n@everyone <img src=x>\n```\n")
    assert body.count("`````") == 2


def test_colours_are_removed() -> None:
    assert "\x1b" not in _rendered("\x1b[1m\x1b[38;5;3m~ update\x1b[0m\n")


def test_a_printed_token_is_masked() -> None:
    body = _rendered(
        "railway: token tok-abcdef refused\n", RAILWAY_API_TOKEN="tok-abcdef\n", PULUMI_ACCESS_TOKEN=""
    )
    assert "tok-abcdef" not in body
    assert "token [secret] refused" in body


def test_a_secret_that_contains_another_is_masked_entirely() -> None:
    body = _rendered("key-123456-long", RAILWAY_TOKEN="key-123456", RAILWAY_API_TOKEN="key-123456-long")
    assert "-long" not in body


@given(st.text(alphabet=st.sampled_from("ab`\n\x1b[m "), max_size=4000), st.integers(1000, 3000))
def test_a_body_is_never_longer_than_the_limit(text: str, limit: int) -> None:
    assert len(_rendered(text, limit=limit)) <= limit


def test_a_long_report_keeps_its_end_and_counts_the_missing_lines() -> None:
    lines = [f"line {number}" for number in range(1000)]
    cut = fit("\n".join(lines), 2000)
    kept = [line for line in cut.splitlines() if line.startswith("line ")]
    assert kept[0] == "line 0"
    assert kept[-1] == "line 999"
    assert f"… {1000 - len(kept)} lines are left out" in cut


def test_the_first_report_is_a_new_comment(github: tuple[GitHub, str]) -> None:
    fake, url = github
    fake.add(None, "somebody")
    assert _pull_request(url).comment(_rendered()) == "https://comment/2"
    assert fake.calls == ["GET", "POST"]
    assert fake.comments[1]["body"] == _rendered()


def test_the_second_report_replaces_the_first(github: tuple[GitHub, str]) -> None:
    """On the second page of a long discussion too."""
    fake, url = github
    for _ in range(100):
        fake.add("hello", "somebody")
    _pull_request(url).comment(_rendered())
    _pull_request(url).comment(_rendered(code=1))
    assert fake.calls == ["GET", "GET", "POST", "GET", "GET", "PATCH"]
    assert len(fake.comments) == 101
    assert fake.comments[100]["body"] == _rendered(code=1)


def test_the_comment_of_another_stack_is_not_replaced(github: tuple[GitHub, str]) -> None:
    fake, url = github
    fake.add(marker("preview", "staging") + "\n", BOT)
    _pull_request(url).comment(_rendered())
    assert len(fake.comments) == 2


@pytest.mark.parametrize("login", ["mallory", None])
def test_the_comment_of_another_author_is_not_replaced(github: tuple[GitHub, str], login: str | None) -> None:
    fake, url = github
    theirs = marker("preview", "prod") + "\nlooks like ours"
    fake.add(theirs, login)
    _pull_request(url).comment(_rendered())
    assert fake.comments[0]["body"] == theirs
    assert len(fake.comments) == 2


def test_a_rejected_request_is_an_error_with_githubs_message(github: tuple[GitHub, str]) -> None:
    _, url = github
    with pytest.raises(
        CommentError, match=r"responded 401 to POST issues/7/comments: .*Bad credentials"
    ) as caught:
        _pull_request(url, token="wrong-token").comment(_rendered())
    assert "wrong-token" not in str(caught.value)


def test_no_connection_is_a_report_error() -> None:
    with LocalServer(Starlette()) as server:
        gone = server.url
    with pytest.raises(CommentError, match="no usable response"):
        _pull_request(gone).comment("x")


def test_the_command_line_renders_and_comments(github: tuple[GitHub, str]) -> None:
    fake, url = github
    rendered, printed = io.StringIO(), io.StringIO()
    options = ["--operation", "drift", "--stack", "prod", "--code", "7", "--for", "comment"]
    assert main(["render", *options], {}, io.StringIO(PRINTED), rendered) == 0
    environ = {"GITHUB_API_URL": url, "GITHUB_REPOSITORY": "acme/crm", "GITHUB_TOKEN": "workflow-token"}
    assert main(["comment", "--pull-request", "7"], environ, io.StringIO(rendered.getvalue()), printed) == 0
    assert printed.getvalue() == "https://comment/1\n"
    assert fake.comments[0]["body"] == rendered.getvalue()
    assert len(rendered.getvalue()) <= LIMITS["comment"]


@pytest.mark.parametrize("code_and_environ", [{}, {"GITHUB_REPOSITORY": "acme/crm", "GITHUB_TOKEN": ""}])
def test_a_missing_variable_is_named(
    code_and_environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["comment", "--pull-request", "7"], code_and_environ, io.StringIO("x"), io.StringIO()) == 1
    assert "GITHUB_TOKEN" in capsys.readouterr().err


def test_it_needs_no_installed_package() -> None:
    """The commenting job has Python and a checkout."""
    options = ["--operation", "up", "--stack", "prod", "--code", "0", "--for", "summary"]
    run = subprocess.run(
        [sys.executable, "-S", "-m", "ops.ci_report", "render", *options],
        input=PRINTED,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr
    assert "### up prod: done" in run.stdout


def test_the_body_is_sent_as_json(github: tuple[GitHub, str]) -> None:
    """So its content cannot change the request."""
    fake, url = github
    body = marker("up", "prod") + "\n" + json.dumps({"quote": '"', "emoji": "✔", "newline": "\n"})
    _pull_request(url).comment(body)
    assert fake.comments[0]["body"] == body
