"""GitHub's REST API for the repositories that Railway deploys: heads of branches, checks, comparisons.

Only what `ops/github.py` reads, in the form of GitHub's REST docs. A commit has one check, "checks", which
succeeded unless the admin route says otherwise. There is no history: a deployed commit that is not the head
is one commit behind it, and any other commit is not in the branch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from sandbox.railway.records import Repo
    from sandbox.railway.store import Store

Json = dict[str, Any]
CHECK = "checks"
RUNNING = ("queued", "in_progress")


class GitHub:
    """The routes below `/github`, and `POST /admin/github/checks`.

    Args:
        store: has the repositories.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.results: dict[str, str] = {}
        """The result of the check of a commit, where it is not success."""

    def routes(self) -> list[Route]:
        """Return the routes."""
        base = "/github/repos/{owner}/{name}"
        return [
            Route(f"{base}/commits/{{commit}}/check-runs", self.check_runs),
            Route(f"{base}/commits/{{commit}}/status", self.status),
            Route(f"{base}/commits/{{commit}}/pulls", self.pulls),
            Route(f"{base}/commits/{{commit:path}}", self.commit),
            Route(f"{base}/compare/{{base}}...{{head:path}}", self.compare),
            Route("/admin/github/checks", self.set_result, methods=["POST"]),
        ]

    def repo(self, request: Request) -> Repo | None:
        """Return the repository in the path, unless it does not exist."""
        return self.store.repos.get(f"{request.path_params['owner']}/{request.path_params['name']}")

    async def commit(self, request: Request) -> JSONResponse:
        """Return a commit, by a branch or by its hash."""
        repo, named = self.repo(request), request.path_params["commit"]
        sha = None if repo is None else repo.branches.get(named, named if self.known(repo, named) else None)
        return _not_found() if sha is None else JSONResponse({"sha": sha})

    def known(self, repo: Repo, sha: str) -> bool:
        """Return whether a commit is the head of a branch or was deployed."""
        deployed = (row.commit_hash for row in self.store.deployments.values() if row.repo == repo.id)
        return sha in repo.branches.values() or sha in deployed

    async def check_runs(self, request: Request) -> JSONResponse:
        """Return the check of a commit."""
        if self.repo(request) is None:
            return _not_found()
        result = self.results.get(request.path_params["commit"], "success")
        run: Json = {"name": CHECK, "status": "completed", "conclusion": result}
        if result in RUNNING:
            run |= {"status": result, "conclusion": None}
        return JSONResponse({"total_count": 1, "check_runs": [run]})

    async def status(self, request: Request) -> JSONResponse:
        """Return the older commit statuses, of which there are none."""
        empty: Json = {"state": "pending", "statuses": [], "total_count": 0}
        return _not_found() if self.repo(request) is None else JSONResponse(empty)

    async def pulls(self, request: Request) -> JSONResponse:
        """Return the pull requests of a commit, of which there are none."""
        return _not_found() if self.repo(request) is None else JSONResponse([])

    async def compare(self, request: Request) -> JSONResponse:
        """Return how a branch relates to a commit."""
        repo, base = self.repo(request), request.path_params["base"]
        head = None if repo is None else repo.branches.get(request.path_params["head"])
        if repo is None or head is None or not self.known(repo, base):
            return _not_found()
        if head == base:
            return JSONResponse({"status": "identical", "ahead_by": 0, "behind_by": 0})
        return JSONResponse({"status": "ahead", "ahead_by": 1, "behind_by": 0})

    async def set_result(self, request: Request) -> JSONResponse:
        """{"sha", "result"}: set the result of a commit's check, such as failure or in_progress."""
        body: Json = await request.json()
        self.results[str(body["sha"])] = str(body["result"])
        return JSONResponse(body)


def _not_found() -> JSONResponse:
    return JSONResponse({"message": "Not Found", "status": "404"}, 404)
