"""What a colleague does by hand on the live sides: the edits that drift is made of.

They are ordinary calls of both APIs, marked so that the sandbox does not count them as the program's.
Refuses nothing: that a dashboard lets people do these things is the point.
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
    """Railway's dashboard, as seen by a person: one service of one project's environment."""

    def __init__(self, running: Running, project_id: str, environment_id: str, service_id: str) -> None:
        self._url = f"{running.railway_url}/graphql/v2?source=dashboard"
        self.project_id, self.environment_id, self.service_id = project_id, environment_id, service_id

    def call(self, document: str, variables: Mapping[str, Any]) -> JSON:
        """Run one GraphQL document.

        Raises:
            RuntimeError: Railway answered with an error.
        """
        answer = requests.post(
            self._url,
            json={"query": document, "variables": variables},
            headers={"Authorization": f"Bearer {environment.RAILWAY_TOKEN}", **MANUAL_HEADERS},
            timeout=SECONDS,
        ).json()
        if answer.get("errors"):
            raise RuntimeError(str(answer["errors"]))
        return cast("JSON", answer["data"])

    def set_branch(self, branch: str) -> None:
        """Set the branch that the service deploys from."""
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
        """Add or change one variable of the service."""
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


class Console:
    """Google's console, as seen by a person: one project."""

    def __init__(self, running: Running, project: str, region: str) -> None:
        self._url, self.project, self.region = running.google_url, project, region

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> JSON:
        """Make one REST call; `path` starts with the product.

        Raises:
            requests.HTTPError: Google answered with an error.
        """
        answer = requests.request(
            method,
            self._url + path,
            json=body,
            headers={"Authorization": f"Bearer {environment.GOOGLE_TOKEN}", **MANUAL_HEADERS},
            timeout=SECONDS,
        )
        answer.raise_for_status()
        return cast("JSON", answer.json())

    def remove_invokers(self, function: str) -> None:
        """Make a public function private: nobody may call it any more."""
        service = function.lower().replace("_", "-")
        path = f"/run/v2/projects/{self.project}/locations/{self.region}/services/{service}"
        policy = self.call("GET", f"{path}:getIamPolicy")
        policy["bindings"] = [b for b in policy.get("bindings", []) if b["role"] != "roles/run.invoker"]
        self.call("POST", f"{path}:setIamPolicy", {"policy": policy})

    def set_memory(self, function: str, memory: str) -> None:
        """Give a function another amount of memory, such as "1Gi"."""
        self.call(
            "PATCH",
            f"/cloudfunctions/v2/projects/{self.project}/locations/{self.region}/functions/{function}"
            "?updateMask=serviceConfig.availableMemory",
            {"serviceConfig": {"availableMemory": memory}},
        )

    def release_rules(self, text: str) -> None:
        """Publish other rules, as the console does: a new ruleset, the release repointed."""
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
    """One edit made by hand: what a person would call it, and how it is made."""

    description: str
    apply: Callable[[], None]


def example_edits(
    dashboard: Dashboard, console: Console, *, function: str, public_function: str
) -> list[Edit]:
    """The edits that the show and the tests make.

    Args:
        dashboard: the backend's service on Railway.
        console: the Google project.
        function: a function whose memory is changed.
        public_function: a function that everybody may call.
    """
    return [
        Edit(
            "Railway: the service deploys from `audit-whatsapp-30`",
            lambda: dashboard.set_branch("audit-whatsapp-30"),
        ),
        Edit("Railway: a variable DEBUG is added", lambda: dashboard.set_variable("DEBUG", "baileys:*")),
        Edit(
            f"Google: the public invoker of {public_function} is removed",
            lambda: console.remove_invokers(public_function),
        ),
        Edit(f"Google: {function} gets 1Gi of memory", lambda: console.set_memory(function, "1Gi")),
        Edit("Google: other security rules are published", lambda: console.release_rules(OPEN_RULES)),
    ]
