"""What Pulumi printed, as Markdown for a job's summary or for the one comment on a pull request.

Two commands for the workflows, both filters: `render` turns a report on stdin into Markdown on stdout,
`comment` puts Markdown from stdin on a pull request, in the comment that it left there before if there is
one. They are apart so that the job which may write to the pull request holds no secret of production.

What it refuses to do:

- need anything but Python's standard library: the job that comments installs nothing;
- write on a comment that somebody else wrote, whatever it contains;
- let a secret of its own environment through. Pulumi masks the secrets it knows and GitHub masks its own
  in the log, but nobody masks a comment, and a tool may print the token it was given;
- cut a report without saying so, or cut its end: that is where Pulumi says what failed and counts.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO, cast

# GitHub refuses a comment of more than 65536 characters, and a step's summary of more than 1 MiB.
LIMITS = {"comment": 65_000, "summary": 900_000}

SECRET_VARIABLES = (
    "GOOGLE_OAUTH_ACCESS_TOKEN",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE",
    "RAILWAY_API_TOKEN",
    "RAILWAY_TOKEN",
)
_SHORTEST_SECRET = 6  # shorter, and it would be found in ordinary words

# Pulumi 3.274, cmd/pulumi/exit_codes.go.
EXIT_CODES = {
    1: "error",
    2: "configuration error",
    3: "not signed in, or not allowed",
    4: "a resource failed",
    5: "policy violation",
    6: "no such stack",
    7: "changes where none were expected",
    8: "cancelled",
    9: "timed out",
}
_NO_CHANGES_EXPECTED = 7

_AUTHOR = "github-actions[bot]"  # who a workflow's own token writes as
_PAGE = 100
_TIMEOUT_SECONDS = 30

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class ReportError(Exception):
    """GitHub did not take the comment; the message names the request and the answer."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """One run of Pulumi: what it was asked (preview, up or drift), its exit code, and what it printed."""

    operation: str
    stack: str
    code: int
    text: str


def marker(operation: str, stack: str) -> str:
    """The first line of a report, invisible on the page, by which its comment is found again."""
    return f"<!-- whatsapp-crm {operation} {stack} -->"


def verdict(operation: str, code: int) -> str:
    """What the exit code says, in a few words for a heading."""
    if code == 0:
        return {"preview": "what would change", "up": "done", "drift": "none"}[operation]
    if operation == "drift" and code == _NO_CHANGES_EXPECTED:
        return "production is not what main says"
    return f"failed, exit code {code} ({EXIT_CODES.get(code, 'unknown')})"


def mask(text: str, environ: Mapping[str, str]) -> str:
    """`text` without the values of the secrets that this process was given."""
    secrets = (environ.get(name, "").strip() for name in SECRET_VARIABLES)
    for secret in sorted((s for s in secrets if len(s) >= _SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return text


def counts(text: str) -> str:
    """Pulumi's own last words on how many resources stay and change; empty if it did not get that far."""
    _, found, tail = text.rpartition("\nResources:\n")
    return tail.split("\n\n")[0].rstrip() if found else ""


def fence(text: str) -> str:
    """A code fence that nothing in `text` can close."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    return "`" * (longest + 1)


def fit(text: str, limit: int) -> str:
    """`text` in at most `limit` characters: a third from its start, the rest from its end, whole lines."""
    if len(text) <= limit:
        return text
    room = limit - 100  # for the line that says so
    head, tail = text[: room // 3], text[len(text) - (room - room // 3) :]
    head = head[: head.rfind("\n") + 1] or head
    tail = tail[tail.find("\n") + 1 :] or tail
    lines = text.count("\n") - head.count("\n") - tail.count("\n")
    return f"{head}… {lines} lines are left out here; the run's log has them all …\n{tail}"


def render(report: Report, *, limit: int, environ: Mapping[str, str]) -> str:
    """Markdown of at most `limit` characters: the verdict and the counts in sight, all the rest folded.

    The stack's name and the environment come from the repository's settings, the text from Pulumi: it goes
    into a code block, where GitHub neither renders it nor notifies anybody that it names.
    """
    text = mask(_ANSI.sub("", report.text), environ).strip("\n")
    summary = counts(text)
    mark = fence(text)
    head = f"{marker(report.operation, report.stack)}\n### {report.operation} {report.stack}: "
    head += f"{verdict(report.operation, report.code)}\n\n"
    if summary:
        head += f"{mark}\n{summary}\n{mark}\n\n"
    opened = " open" if report.code else ""
    before = f"<details{opened}><summary>What Pulumi printed</summary>\n\n{mark}\n"
    after = f"\n{mark}\n\n</details>\n"
    return head + before + fit(text, limit - len(head) - len(before) - len(after)) + after


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """One pull request on GitHub, written to with a workflow's own token."""

    api_url: str
    repository: str
    number: int
    token: str

    def comment(self, body: str) -> str:
        """Leave `body` in the comment that begins with the same line, or in a new one; its address.

        Raises `ReportError`.
        """
        first = body.split("\n", 1)[0]
        existing = self._find(first)
        if existing is None:
            answer = self._send("POST", f"issues/{self.number}/comments", {"body": body})
        else:
            answer = self._send("PATCH", f"issues/comments/{existing}", {"body": body})
        return str(cast("dict[str, object]", answer)["html_url"])

    def _find(self, first_line: str) -> int | None:
        page = 1
        while True:
            path = f"issues/{self.number}/comments?per_page={_PAGE}&page={page}"
            comments = cast("list[dict[str, object]]", self._send("GET", path, None))
            for comment in comments:
                author = cast("dict[str, object] | None", comment.get("user")) or {}
                body = str(comment.get("body") or "")
                if author.get("login") == _AUTHOR and body.splitlines()[:1] == [first_line]:
                    return cast("int", comment["id"])
            if len(comments) < _PAGE:
                return None
            page += 1

    def _send(self, method: str, path: str, body: Mapping[str, object] | None) -> object:
        request = urllib.request.Request(
            f"{self.api_url}/repos/{self.repository}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
                return cast("object", json.load(answer))
        except urllib.error.HTTPError as error:
            said = error.read(500).decode("utf-8", "replace")
            message = f"GitHub answered {error.code} to {method} {path}: {said}"
            raise ReportError(message) from error
        except (OSError, ValueError) as error:  # no connection, a time-out, or an answer that is not JSON
            message = f"no usable answer from GitHub to {method} {path}: {error}"
            raise ReportError(message) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m ops.ci_report", description="Reports for the workflows."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    rendering = commands.add_parser("render", help="a report on stdin, Markdown on stdout")
    rendering.add_argument("--operation", required=True, choices=("preview", "up", "drift"))
    rendering.add_argument("--stack", required=True)
    rendering.add_argument("--code", required=True, type=int, help="Pulumi's exit code")
    rendering.add_argument("--for", required=True, choices=tuple(LIMITS), dest="place")
    commenting = commands.add_parser("comment", help="Markdown on stdin, onto the pull request")
    commenting.add_argument("--pull-request", required=True, type=int, dest="number")
    return parser


def main(arguments: Sequence[str], environ: Mapping[str, str], stdin: TextIO, stdout: TextIO) -> int:
    """Run one command; 0, or 1 with one line on stderr."""
    options = _parser().parse_args(arguments)
    text = stdin.read()
    if options.command == "render":
        report = Report(operation=options.operation, stack=options.stack, code=options.code, text=text)
        stdout.write(render(report, limit=LIMITS[options.place], environ=environ))
        return 0
    missing = [name for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY") if not environ.get(name)]
    if missing:
        sys.stderr.write(f"error: {', '.join(missing)} not set; a workflow sets them for its steps\n")
        return 1
    pull_request = PullRequest(
        api_url=environ.get("GITHUB_API_URL", "https://api.github.com"),
        repository=environ["GITHUB_REPOSITORY"],
        number=options.number,
        token=environ["GITHUB_TOKEN"],
    )
    try:
        stdout.write(pull_request.comment(text) + "\n")
    except ReportError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, sys.stdin, sys.stdout))
