"""Edits made outside Pulumi, as in the dashboards of Railway and Google: the causes of drift.

They are ordinary calls of both APIs, with a header that excludes them from the sandbox's counters and faults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import requests

from sandbox import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.supervisor import Running

JSON = dict[str, Any]
SECONDS = 30
MANUAL_HEADERS = {"X-Sandbox-Actor": "manual"}


class Dashboard:
    """Railway's dashboard for one service in one environment."""

    def __init__(self, running: Running, project_id: str, environment_id: str, service_id: str) -> None:
        self._url = f"{running.railway_url}/graphql/v2?source=dashboard"
        self.project_id, self.environment_id, self.service_id = project_id, environment_id, service_id

    def call(self, document: str, variables: Mapping[str, Any]) -> JSON:
        """Execute a GraphQL document.

        Raises:
            RuntimeError: Railway returned an error.
        """
        response = requests.post(
            self._url,
            json={"query": document, "variables": variables},
            headers={"Authorization": f"Bearer {environment.RAILWAY_TOKEN}", **MANUAL_HEADERS},
            timeout=SECONDS,
        ).json()
        if response.get("errors"):
            raise RuntimeError(str(response["errors"]))
        return cast("JSON", response["data"])

    def set_branch(self, branch: str) -> None:
        """Set the branch from which the service is deployed."""
        triggers = self.call(
            "query Triggers($p: String!, $e: String!, $s: String!) {"
            " deploymentTriggers(projectId: $p, environmentId: $e, serviceId: $s, first: 10)"
            " { edges { node { id } } } }",
            {"p": self.project_id, "e": self.environment_id, "s": self.service_id},
        )
        trigger = triggers["deploymentTriggers"]["edges"][0]["node"]["id"]
        self.call(
            "mutation TriggerUpdate($id: String!, $input: DeploymentTriggerUpdateInput!)"
            " { deploymentTriggerUpdate(id: $id, input: $input) { id branch } }",
            {"id": trigger, "input": {"branch": branch}},
        )

    def set_variable(self, name: str, value: str) -> None:
        """Add or change a variable of the service."""
        self.call(
            "mutation VarUpsert($input: VariableUpsertInput!) { variableUpsert(input: $input) }",
            {
                "input": {
                    "projectId": self.project_id,
                    "environmentId": self.environment_id,
                    "serviceId": self.service_id,
                    "name": name,
                    "value": value,
                }
            },
        )


def service_name(function: str) -> str:
    """Return the name of a function's Cloud Run service."""
    return function.lower().replace("_", "-")


class Console:
    """Google's console for one project."""

    def __init__(self, running: Running, project: str, region: str) -> None:
        self._url, self.project, self.region = running.google_url, project, region

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> JSON:
        """Send a REST request; `path` starts with the product.

        Raises:
            requests.HTTPError: Google returned an error.
        """
        response = requests.request(
            method,
            self._url + path,
            json=body,
            headers={"Authorization": f"Bearer {environment.GOOGLE_TOKEN}", **MANUAL_HEADERS},
            timeout=SECONDS,
        )
        response.raise_for_status()
        return cast("JSON", response.json())

    def remove_invokers(self, function: str) -> None:
        """Make a public function private: remove all members of its invoker role."""
        services = f"/run/v2/projects/{self.project}/locations/{self.region}/services"
        path = f"{services}/{service_name(function)}"
        policy = self.call("GET", f"{path}:getIamPolicy")
        policy["bindings"] = [b for b in policy.get("bindings", []) if b["role"] != "roles/run.invoker"]
        self.call("POST", f"{path}:setIamPolicy", {"policy": policy})

    def set_memory(self, function: str, memory: str) -> None:
        """Set the memory of a function, such as "1Gi"."""
        self.call(
            "PATCH",
            f"/cloudfunctions/v2/projects/{self.project}/locations/{self.region}/functions/{function}"
            "?updateMask=serviceConfig.availableMemory",
            {"serviceConfig": {"availableMemory": memory}},
        )

    def release_rules(self, text: str) -> None:
        """Release other rules, as the console does: create a ruleset and update the release."""
        ruleset = self.call(
            "POST",
            f"/firebaserules/v1/projects/{self.project}/rulesets",
            {"source": {"files": [{"name": "firestore.rules", "content": text}]}},
        )
        name = f"projects/{self.project}/releases/cloud.firestore"
        self.call(
            "PATCH",
            f"/firebaserules/v1/{name}",
            {"release": {"name": name, "rulesetName": ruleset["name"]}},
        )


OPEN_RULES = """rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /{document=**} { allow read, write: if request.auth != null; }
  }
}
"""


@dataclass(frozen=True)
class Edit:
    """One edit made outside Pulumi."""

    description: str
    apply: Callable[[], None]


def railway_edits(dashboard: Dashboard) -> list[Edit]:
    """Return edits of the backend's service."""
    return [
        Edit(
            "Railway: the service deploys from the branch `audit-whatsapp-30`",
            lambda: dashboard.set_branch("audit-whatsapp-30"),
        ),
        Edit("Railway: the variable DEBUG is added", lambda: dashboard.set_variable("DEBUG", "baileys:*")),
    ]


def invoker_edit(console: Console, function: str) -> Edit:
    """Return an edit that makes a public function private."""
    description = f"Google: the function {function} is no longer public"
    return Edit(description, lambda: console.remove_invokers(function))


def memory_edit(console: Console, function: str, memory: str) -> Edit:
    """Return an edit of a function's memory."""
    description = f"Google: the function {function} has {memory} of memory"
    return Edit(description, lambda: console.set_memory(function, memory))


def rules_edit(console: Console) -> Edit:
    """Return an edit that releases other security rules."""
    return Edit("Google: other Firestore rules are released", lambda: console.release_rules(OPEN_RULES))
