"""GitHub's answers about the repositories that Railway deploys, read as `ops readiness` reads them."""

from __future__ import annotations

import pytest

from ops.github import GitHub, GitHubError
from tests.sandbox.railway.client import REPO, Railway, Stack

pytestmark = pytest.mark.sandbox

OTHER = "f" * 40


@pytest.fixture
def github(server: str) -> GitHub:
    return GitHub({"GITHUB_API_URL": f"{server}/github"})


def running(railway: Railway, stack: Stack) -> str:
    """Deploy, and return the commit that runs."""
    stack.connect()
    found = stack.deployed()
    (row,) = [one for one in railway.get("state")["deployments"].values() if one["id"] == found]
    return str(row["commit_hash"])


def test_the_deployed_commit_is_the_head_until_somebody_pushes(
    railway: Railway, stack: Stack, github: GitHub
) -> None:
    commit = running(railway, stack)
    assert github.head(REPO, "main") == commit
    assert github.ahead(REPO, commit, "main") == ("identical", 0)
    railway.switch(autodeploy_on_push=False)
    railway.post("repos", repo=REPO, branch="main", sha=OTHER)
    assert github.head(REPO, "main") == OTHER
    assert github.ahead(REPO, commit, "main") == ("ahead", 1)
    assert github.pull_requests(REPO, OTHER) == []


def test_a_check_succeeded_unless_it_is_set(railway: Railway, stack: Stack, github: GitHub) -> None:
    commit = running(railway, stack)
    assert github.checks(REPO, commit) == {"checks": "success"}
    for result in ("failure", "in_progress"):
        railway.post("github/checks", sha=commit, result=result)
        assert github.checks(REPO, commit) == {"checks": result}
    railway.post("reset")
    assert running(railway, Stack(railway)) != ""


def test_what_does_not_exist_is_not_found(railway: Railway, stack: Stack, github: GitHub) -> None:
    running(railway, stack)
    for question in (
        lambda: github.head("nobody/nothing", "main"),
        lambda: github.head(REPO, "no-branch"),
        lambda: github.ahead(REPO, "0" * 40, "main"),
        lambda: github.checks("nobody/nothing", OTHER),
    ):
        with pytest.raises(GitHubError, match="GitHub responded 404"):
            question()
