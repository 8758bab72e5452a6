"""What `ops readiness` reads from GitHub: the requests, and that a token goes nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from ops.github import GitHub, GitHubError

pytestmark = pytest.mark.unit

REPO = "company/backend"
TOKEN = "a-token-that-is-shown-nowhere"
SHA = "a" * 40


@dataclass
class Server:
    """Answers by path; `asked` has path and Authorization of each request."""

    url: str = ""
    answers: dict[str, tuple[int, object]] = field(default_factory=dict[str, "tuple[int, object]"])
    asked: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, "str | None"]])


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((self.path, self.headers["Authorization"]))
            found = self.path.removeprefix(f"/repos/{REPO}/")
            status, body = made.answers.get(found, (404, {"message": "Not Found"}))
            text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            if status == 301:
                self.send_header("Location", f"{made.url}/elsewhere")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            """No log."""

    running = HTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{running.server_port}"
    Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    running.shutdown()
    running.server_close()


@pytest.fixture
def github(server: Server) -> GitHub:
    return GitHub({"GITHUB_API_URL": server.url, "GITHUB_TOKEN": TOKEN})


def test_the_head_of_a_branch_is_read_with_the_token(server: Server, github: GitHub) -> None:
    server.answers["commits/release%2F1"] = (200, {"sha": SHA})
    assert github.head(REPO, "release/1") == SHA
    assert server.asked == [(f"/repos/{REPO}/commits/release%2F1", f"Bearer {TOKEN}")]


def test_without_a_token_a_public_repository_can_be_read(server: Server) -> None:
    server.answers["commits/main"] = (200, {"sha": SHA})
    assert GitHub({"GITHUB_API_URL": server.url}).head(REPO, "main") == SHA
    assert server.asked[0][1] is None


def test_a_comparison_and_the_pull_requests_of_a_commit(server: Server, github: GitHub) -> None:
    server.answers[f"compare/{SHA}...main"] = (200, {"status": "ahead", "ahead_by": 3})
    pulls = [{"number": 7, "merged_at": "2026-11-01T00:00:00Z"}, {"number": 8, "merged_at": None}]
    server.answers[f"commits/{SHA}/pulls?per_page=100"] = (200, pulls)
    assert github.ahead(REPO, SHA, "main") == ("ahead", 3)
    assert github.pull_requests(REPO, SHA) == [(7, True), (8, False)]


def test_all_pages_of_checks_and_the_older_statuses_are_read(server: Server, github: GitHub) -> None:
    runs = [{"name": f"c{n}", "status": "completed", "conclusion": "success"} for n in range(100)]
    last = [{"name": "slow", "status": "in_progress", "conclusion": None}]
    server.answers[f"commits/{SHA}/check-runs?per_page=100&page=1"] = (200, {"check_runs": runs})
    server.answers[f"commits/{SHA}/check-runs?per_page=100&page=2"] = (200, {"check_runs": last})
    statuses = {"statuses": [{"context": "ci/old", "state": "failure"}]}
    server.answers[f"commits/{SHA}/status?per_page=100"] = (200, statuses)
    found = github.checks(REPO, SHA)
    assert len(found) == 102
    assert (found["slow"], found["status ci/old"]) == ("in_progress", "failure")


@pytest.mark.parametrize(
    ("answer", "message", "fix"),
    [
        ((404, {"message": "Not Found"}), "GitHub responded 404", "export GITHUB_TOKEN="),
        ((401, {"message": "Bad credentials"}), "GitHub responded 401", "export GITHUB_TOKEN="),
        ((301, ""), "a redirect, which is not followed", "pulumi config set whatsapp-crm:repo"),
        ((502, "<html>"), "GitHub responded 502", "in a few minutes"),
        ((200, "<html>"), "no usable response from GitHub", "the network"),
        ((200, []), "is no object", "again"),
    ],
)
def test_an_answer_that_is_none_has_a_fix_and_no_token(
    server: Server, github: GitHub, answer: tuple[int, object], message: str, fix: str
) -> None:
    server.answers["commits/main"] = answer
    with pytest.raises(GitHubError) as raised:
        github.head(REPO, "main")
    assert message in raised.value.what
    assert fix in raised.value.fix
    assert TOKEN not in raised.value.what + raised.value.fix
    assert [path for path, _ in server.asked] == [f"/repos/{REPO}/commits/main"], "nothing was followed"


@pytest.mark.parametrize(
    "address", ["http://example.com", "ftp://127.0.0.1", "https://u:p@example.com", "https://", "nonsense"]
)
def test_a_token_is_sent_to_https_or_this_machine_only(address: str) -> None:
    with pytest.raises(GitHubError, match="GITHUB_API_URL is neither") as raised:
        GitHub({"GITHUB_API_URL": address, "GITHUB_TOKEN": TOKEN})
    assert raised.value.fix == "unset GITHUB_API_URL"
    assert address not in raised.value.what


def test_an_unreachable_github_is_an_error_with_a_fix() -> None:
    with pytest.raises(GitHubError, match="no usable response"):
        GitHub({"GITHUB_API_URL": "http://127.0.0.1:9"}).head(REPO, "main")
