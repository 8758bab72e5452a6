"""`python -m ops` on the stack of a sandbox, and Google's console for its project."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from sandbox import manual_edits
from sandbox.environment import GOOGLE_PROJECT
from sandbox.manual_edits import Console
from sandbox.supervisor import PROJECT, STACK, Sandbox
from tests.e2e.stack import Stack

REGION = "europe-west1"


def ops(sandbox: Sandbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m ops ARGUMENTS --stack STACK` with the sandbox's environment."""
    done = subprocess.run(
        [sys.executable, "-m", "ops", *arguments, "--stack", STACK],
        cwd=PROJECT,
        env={**os.environ, **sandbox.variables()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stdout
    return done


class Google(Console):
    """The console, with the project's accounts, secrets and IAM policies."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack.running, GOOGLE_PROJECT, REGION)

    def email(self, account: str) -> str:
        """The e-mail of an account of the project."""
        return f"{account}@{self.project}.iam.gserviceaccount.com"

    def keys(self, account: str) -> set[str]:
        """The ids of an account's keys."""
        found = self.call(
            "GET", f"/iam/v1/projects/{self.project}/serviceAccounts/{self.email(account)}/keys"
        )
        return {str(key["name"]).rpartition("/")[2] for key in found.get("keys", [])}

    def create_key(self, account: str) -> str:
        """Create a key of an account; returns its id."""
        path = f"/iam/v1/projects/{self.project}/serviceAccounts/{self.email(account)}/keys"
        return str(self.call("POST", path, {})["name"]).rpartition("/")[2]

    def delete_key(self, account: str, key: str) -> None:
        """Delete a key of an account."""
        accounts = f"/iam/v1/projects/{self.project}/serviceAccounts"
        self.call("DELETE", f"{accounts}/{self.email(account)}/keys/{key}")

    def versions(self, secret: str) -> dict[int, str]:
        """The state of each version of a secret, by number."""
        found = self.call("GET", f"/secretmanager/v1/projects/{self.project}/secrets/{secret}/versions")
        return {int(one["name"].rpartition("/")[2]): one["state"] for one in found.get("versions", [])}

    def add_version(self, secret: str) -> None:
        """Add a version to a secret."""
        path = f"/secretmanager/v1/projects/{self.project}/secrets/{secret}:addVersion"
        self.call("POST", path, {"payload": {"data": "bWluZQ=="}})

    def service(self, function: str) -> str:
        """The path of a function's Cloud Run service."""
        name = manual_edits.service_name(function)
        return f"/run/v2/projects/{self.project}/locations/{self.region}/services/{name}"

    def secret(self, name: str) -> str:
        """The path of a secret."""
        return f"/secretmanager/v1/projects/{self.project}/secrets/{name}"

    def account(self, name: str) -> str:
        """The path of a service account."""
        return f"/iam/v1/projects/{self.project}/serviceAccounts/{self.email(name)}"

    def roles(self, path: str) -> dict[str, set[str]]:
        """The members of each role of an IAM policy."""
        return {one["role"]: set(one["members"]) for one in self._policy(path).get("bindings", [])}

    def grant(self, path: str, role: str, member: str) -> None:
        """Add a member to a role."""
        self._change(path, lambda bindings: [*bindings, {"role": role, "members": [member]}])

    def revoke(self, path: str, role: str) -> None:
        """Remove a role with all its members."""
        self._change(path, lambda bindings: [one for one in bindings if one["role"] != role])

    def _policy(self, path: str) -> dict[str, Any]:
        return self.call("POST" if path.startswith("/iam/") else "GET", f"{path}:getIamPolicy")

    def _change(self, path: str, edit: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
        policy = self._policy(path)
        self.call(
            "POST",
            f"{path}:setIamPolicy",
            {"policy": {**policy, "bindings": edit(policy.get("bindings", []))}},
        )
