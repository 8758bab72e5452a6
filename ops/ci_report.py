"""Pulumi's output as Markdown, for a job's summary or a comment on a pull request.

`render` turns output on stdin into Markdown on stdout; `comment` writes Markdown from stdin to a pull request
and updates its earlier comment if there is one. They are separate commands so that the job that can write to
the pull request has no production secrets.

- It uses only Python's standard library: the commenting job installs nothing.
- It never edits a comment of another author.
- It follows no redirect: urllib would send the token to the new address.
- It masks the secrets in its environment: GitHub masks secrets in logs, but not in comments.
- A report that is too long keeps its end, where Pulumi reports failures; a line names how much is left out.
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
from pathlib import Path
from typing import TextIO, cast

from ops.github import OPENER, REDIRECTS
from ops.refresh_noise import ANSI, without_noise

# GitHub rejects a comment of more than 65536 characters, and a step's summary of more than 1 MiB.
LIMITS = {"comment": 65_000, "summary": 900_000}

SECRET_VARIABLES = (
    "GOOGLE_OAUTH_ACCESS_TOKEN",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE",
    "RAILWAY_API_TOKEN",
    "RAILWAY_TOKEN",
)
_NOTES = 4000  # characters
_SHORTEST_SECRET = 6  # a shorter one would match ordinary words

# Pulumi 3.274.1, pkg/cmd/pulumi/cmd/exit_codes.go.
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
    10: "a provider still waits for an operation; run it again",
    255: "internal error of Pulumi",
}
_NO_CHANGES_EXPECTED = 7

_AUTHOR = "github-actions[bot]"  # the author of comments with a workflow's token
_PAGE = 100
_TIMEOUT_SECONDS = 30
_RERUN = "run the job again"


class CommentError(Exception):
    """The comment could not be written; the message has the request, the response and the fix."""


@dataclass(frozen=True, kw_only=True)
class PulumiRun:
    """One run of Pulumi: the operation (preview, up or drift), the stack, the exit code, and the output.

    `notes` are shown above it."""

    operation: str
    stack: str
    code: int
    text: str
    notes: str = ""


def marker(operation: str, stack: str) -> str:
    """The first line of a report, invisible on the page, which identifies its comment."""
    return f"<!-- whatsapp-crm {operation} {stack} -->"


def verdict(operation: str, code: int) -> str:
    """The meaning of the exit code, for a heading."""
    if code == 0:
        return {"preview": "what would change", "up": "done", "drift": "none"}[operation]
    if operation == "drift" and code == _NO_CHANGES_EXPECTED:
        return "production differs from main"
    return f"failed, exit code {code} ({EXIT_CODES.get(code, 'unknown')})"


def mask(text: str, environ: Mapping[str, str]) -> str:
    """`text` without the secrets in `environ`."""
    secrets = (environ.get(name, "").strip() for name in SECRET_VARIABLES)
    for secret in sorted((s for s in secrets if len(s) >= _SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return text


def counts(text: str) -> str:
    """Pulumi's summary of how many resources change; empty if the output has none."""
    _, found, tail = text.rpartition("\nResources:\n")
    return tail.split("\n\n")[0].rstrip() if found else ""


def fence(text: str) -> str:
    """A code fence that is longer than any in `text`."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    return "`" * (longest + 1)


def fit(text: str, limit: int) -> str:
    """`text` in at most `limit` characters, in whole lines: a third from its start, the rest from its end."""
    if len(text) <= limit:
        return text
    room = limit - 100  # for the line between them
    head, tail = text[: room // 3], text[len(text) - (room - room // 3) :]
    head = head[: head.rfind("\n") + 1] or head
    tail = tail[tail.find("\n") + 1 :] or tail
    lines = text.count("\n") - head.count("\n") - tail.count("\n")
    return f"{head}… {lines} lines are left out; the log of the run has all lines …\n{tail}"


def render(report: PulumiRun, *, limit: int, environ: Mapping[str, str]) -> str:
    """Markdown of at most `limit` characters: the verdict and the summary visible, the output folded.

    The output is in a code block, where GitHub renders no Markdown and notifies no mentioned users.
    """
    text = mask(ANSI.sub("", report.text), environ).strip("\n")
    if report.operation == "drift":
        text = "\n".join(without_noise(text.split("\n")))
    summary = counts(text)
    mark = fence(text)
    head = f"{marker(report.operation, report.stack)}\n### {report.operation} {report.stack}: "
    head += f"{verdict(report.operation, report.code)}\n\n"
    if report.notes.strip():
        notes = fit(mask(ANSI.sub("", report.notes), environ).strip("\n"), _NOTES)
        head += f"{fence(notes)}\n{notes}\n{fence(notes)}\n\n"
    if summary:
        head += f"{mark}\n{summary}\n{mark}\n\n"
    opened = " open" if report.code else ""
    before = f"<details{opened}><summary>Output of Pulumi</summary>\n\n{mark}\n"
    after = f"\n{mark}\n\n</details>\n"
    return head + before + fit(text, limit - len(head) - len(before) - len(after)) + after


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A pull request on GitHub; `token` is a workflow's."""

    api_url: str
    repository: str
    number: int
    token: str

    def comment(self, body: str) -> str:
        """Update the comment with the same first line, or create one; returns its address.

        Raises:
            ReportError: GitHub rejected a request, or did not respond.
        """
        first = body.split("\n", 1)[0]
        existing = self._find(first)
        if existing is None:
            written = self._send("POST", f"issues/{self.number}/comments", {"body": body})
        else:
            written = self._send("PATCH", f"issues/comments/{existing}", {"body": body})
        return str(cast("dict[str, object]", written)["html_url"])

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
            with OPENER.open(request, timeout=_TIMEOUT_SECONDS) as response:
                return cast("object", json.load(response))
        except urllib.error.HTTPError as error:
            body_start = error.read(500).decode("utf-8", "replace")
            fix = "give the job `permissions: pull-requests: write`" if error.code in (401, 403) else _RERUN
            if error.code in REDIRECTS:
                body_start = "a redirect, which is not followed"
                fix = "run the workflow in the repository under its present name"
            message = f"GitHub responded {error.code} to {method} {path}: {body_start}\n  fix: {fix}"
            raise CommentError(message) from error
        except (OSError, ValueError) as error:  # no connection, a time-out, or a response that is not JSON
            message = f"no usable response from GitHub to {method} {path}: {error}\n  fix: {_RERUN}"
            raise CommentError(message) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m ops.ci_report", description="Reports of the workflows.")
    commands = parser.add_subparsers(dest="command", required=True)
    rendering = commands.add_parser("render", help="turn Pulumi's output on stdin into Markdown")
    rendering.add_argument("--operation", required=True, choices=("preview", "up", "drift"))
    rendering.add_argument("--stack", required=True)
    rendering.add_argument("--code", required=True, type=int, help="Pulumi's exit code")
    rendering.add_argument("--for", required=True, choices=tuple(LIMITS), dest="place")
    rendering.add_argument("--notes", type=Path, help="a file whose text is shown above the output")
    commenting = commands.add_parser("comment", help="write Markdown from stdin to a pull request")
    commenting.add_argument("--pull-request", required=True, type=int, dest="number")
    return parser


def main(arguments: Sequence[str], environ: Mapping[str, str], stdin: TextIO, stdout: TextIO) -> int:
    """Run a command; returns 0, or 1 with an error on stderr."""
    options = _parser().parse_args(arguments)
    text = stdin.read()
    if options.command == "render":
        notes = "" if options.notes is None else options.notes.read_text(encoding="utf-8", errors="replace")
        report = PulumiRun(
            operation=options.operation, stack=options.stack, code=options.code, text=text, notes=notes
        )
        stdout.write(render(report, limit=LIMITS[options.place], environ=environ))
        return 0
    missing = [name for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY") if not environ.get(name)]
    if missing:
        sys.stderr.write(f"error: {', '.join(missing)} is not set\n  fix: run this in a step of a workflow\n")
        return 1
    pull_request = PullRequest(
        api_url=environ.get("GITHUB_API_URL", "https://api.github.com"),
        repository=environ["GITHUB_REPOSITORY"],
        number=options.number,
        token=environ["GITHUB_TOKEN"],
    )
    try:
        stdout.write(pull_request.comment(text) + "\n")
    except CommentError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, sys.stdin, sys.stdout))
