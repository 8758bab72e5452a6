"""Reads from GitHub's REST API, and the opener that follows no redirect with a token.

It uses only Python's standard library: `ops.ci_report` runs where nothing is installed.

The address comes from GITHUB_API_URL, which GitHub Actions sets, and the token from GITHUB_TOKEN. Without a
token, GitHub answers for public repositories only (REST docs, authentication).
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from email.message import Message
from typing import IO, Any, cast
from urllib.parse import quote, urlsplit

DEFAULT_URL = "https://api.github.com"
TOKEN_FIX = "export GITHUB_TOKEN=<a token that may read the repository>"  # noqa: S105 - a command
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PAGE = 100
_MOST_PAGES = 10
_SECONDS = 30
_SHOWN = 200


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Makes a redirect an error. GitHub's API redirects only after a repository was renamed or moved."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """No request follows."""


OPENER = urllib.request.build_opener(NoRedirect)
REDIRECTS = (301, 302, 303, 307, 308)


class GitHubError(Exception):
    """GitHub did not answer a question.

    Args:
        what: the request and the answer, without a token.
        fix: what to do.
    """

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


class GitHub:
    """A client that only reads.

    Args:
        environ: the environment variables, with GITHUB_API_URL and GITHUB_TOKEN.

    Raises:
        GitHubError: the address would expose the token; so do all methods if GitHub does not answer.

    Example:
        GitHub(os.environ).head("my-company/whatsapp-backend", "main")
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._url = (environ.get("GITHUB_API_URL") or DEFAULT_URL).rstrip("/")
        self._token = environ.get("GITHUB_TOKEN", "").strip()
        parts = urlsplit(self._url)
        local = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not (parts.hostname and (parts.scheme == "https" or local)) or parts.username or parts.password:
            what = "GITHUB_API_URL is neither an https address nor one of this machine"
            raise GitHubError(what, "unset GITHUB_API_URL")

    def head(self, repository: str, branch: str) -> str:
        """The newest commit of a branch."""
        return str(self._object(repository, f"commits/{quote(branch, safe='')}")["sha"])

    def ahead(self, repository: str, commit: str, branch: str) -> tuple[str, int]:
        """How a branch relates to a commit (ahead, behind, diverged, identical), and the commits it has more.

        See GitHub's REST docs, "Compare two commits".
        """
        found = self._object(repository, f"compare/{commit}...{quote(branch, safe='')}")
        return str(found["status"]), int(found["ahead_by"])

    def pull_requests(self, repository: str, commit: str) -> list[tuple[int, bool]]:
        """The number of each pull request that contains a commit, and whether it is merged."""
        found = self._get(repository, f"commits/{commit}/pulls?per_page={_PAGE}")
        listed = cast("list[dict[str, Any]]", found if isinstance(found, list) else [])
        return [(int(one["number"]), bool(one.get("merged_at"))) for one in listed]

    def checks(self, repository: str, commit: str) -> dict[str, str]:
        """The newest result of each check of a commit: its conclusion, or its status while it has none.

        Check runs and the older commit statuses, which some services still write.
        """
        found = {f"status {name}": state for name, state in self._statuses(repository, commit)}
        for run in self._check_runs(repository, commit):
            found[str(run["name"])] = str(run.get("conclusion") or run["status"])
        return found

    def _check_runs(self, repository: str, commit: str) -> Iterator[dict[str, Any]]:
        for page in range(1, _MOST_PAGES + 1):
            path = f"commits/{commit}/check-runs?per_page={_PAGE}&page={page}"
            runs = cast("list[dict[str, Any]]", self._object(repository, path)["check_runs"])
            yield from runs
            if len(runs) < _PAGE:
                return
        what = f"GitHub lists more than {_PAGE * _MOST_PAGES} checks of {commit}"
        raise GitHubError(what, "look at the checks of the commit on GitHub")

    def _statuses(self, repository: str, commit: str) -> Iterator[tuple[str, str]]:
        found = self._object(repository, f"commits/{commit}/status?per_page={_PAGE}")
        for one in cast("list[dict[str, Any]]", found.get("statuses") or []):
            yield str(one["context"]), str(one["state"])

    def _object(self, repository: str, path: str) -> dict[str, Any]:
        found = self._get(repository, path)
        if not isinstance(found, dict):
            raise GitHubError(f"GitHub's answer to GET {path} is no object", "run the command again")
        return cast("dict[str, Any]", found)

    def _get(self, repository: str, path: str) -> object:
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        asked = f"GET /repos/{repository}/{path.partition('?')[0]}"
        request = urllib.request.Request(f"{self._url}/repos/{repository}/{path}", headers=headers)
        try:
            with OPENER.open(request, timeout=_SECONDS) as response:
                return cast("object", json.load(response))
        except urllib.error.HTTPError as error:
            raise self._refused(asked, error) from None
        except (OSError, ValueError) as error:  # no connection, a time-out, or a response that is not JSON
            what = f"no usable response from GitHub to {asked} ({type(error).__name__})"
            raise GitHubError(what, "check the network and the proxy, then run the command again") from None

    def _refused(self, asked: str, error: urllib.error.HTTPError) -> GitHubError:
        with error:
            text = error.read(_SHOWN).decode("utf-8", "replace")
        if error.code in REDIRECTS:
            text = "a redirect, which is not followed"
            fix = "pulumi config set whatsapp-crm:repo <the repository's present name>"
        elif error.code in (401, 403, 404):
            # GitHub answers 404 for a private repository that the token cannot read.
            fix = TOKEN_FIX
        else:
            fix = "run the command again in a few minutes"
        return GitHubError(f"GitHub responded {error.code} to {asked}: {text.strip()}", fix)
