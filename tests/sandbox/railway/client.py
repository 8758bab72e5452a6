"""A client of the Railway sandbox for its own tests: documents by name, admin routes, a prepared stack.

`ok` fails on an error, with Railway's message; `fails` fails if there is no error.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests
from graphql import OperationDefinitionNode, parse, print_ast

from sandbox.railway.store import REPO, WORKSPACE_ID

SOURCE = Path(__file__).with_name("operations.graphql").read_text(encoding="utf-8")
DOCUMENTS: dict[str, str] = {
    node.name.value: print_ast(node)
    for node in parse(SOURCE).definitions
    if isinstance(node, OperationDefinitionNode) and node.name
}
ACCOUNT = {"Authorization": "Bearer sandbox-account-token"}
WORKSPACE = {"Authorization": "Bearer sandbox-workspace-token"}
MANUAL = {**ACCOUNT, "X-Sandbox-Actor": "manual"}
KEY = json.dumps(
    {"type": "service_account", "project_id": "p", "client_email": "a@p.example", "private_key": "k"}
)
SESSIONS = "/app/sessions"


class Railway:
    """The sandbox at `url`, by default with the account token."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        self.url = url
        self.headers = headers or ACCOUNT
        self.http = requests.Session()
        self.others: list[Railway] = []

    def __enter__(self) -> Railway:
        return self

    def __exit__(self, *_: object) -> None:
        for client in (self, *self.others):
            client.http.close()

    def with_headers(self, headers: dict[str, str]) -> Railway:
        """Return the same sandbox with another caller's headers."""
        self.others.append(Railway(self.url, headers))
        return self.others[-1]

    def send(
        self, query: str, variables: dict[str, Any] | None = None, suffix: str = "?source=test"
    ) -> requests.Response:
        """POST a document."""
        payload = {"query": query, "variables": variables or {}}
        return self.http.post(
            f"{self.url}/graphql/v2{suffix}", json=payload, headers=self.headers, timeout=30
        )

    def reply(self, name: str, **variables: Any) -> requests.Response:
        """Return the response to one of the documents."""
        payload = {"query": DOCUMENTS[name], "variables": variables, "operationName": name}
        return self.http.post(
            f"{self.url}/graphql/v2?source=test", json=payload, headers=self.headers, timeout=30
        )

    def ok(self, name: str, **variables: Any) -> Any:
        """Return the data of a document that must succeed; of one field, its value."""
        answer = self.reply(name, **variables)
        body = answer.json()
        assert answer.status_code == 200, body
        assert "errors" not in body, body["errors"]
        data = body["data"]
        return next(iter(data.values())) if len(data) == 1 else data

    def error(self, name: str, **variables: Any) -> dict[str, Any]:
        """Return the first error of a document that must fail."""
        answer = self.reply(name, **variables)
        body = answer.json()
        assert body.get("errors"), body
        return body["errors"][0]

    def fails(self, name: str, **variables: Any) -> str:
        """Return the message of a document that must fail."""
        return self.error(name, **variables)["message"]

    def get(self, path: str) -> Any:
        """Return the response of an admin route."""
        answer = self.http.get(f"{self.url}/admin/{path}", timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        """POST to an admin route."""
        answer = self.http.post(f"{self.url}/admin/{path}", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def switch(self, **switches: Any) -> None:
        """Set switches."""
        self.post("switches", **switches)

    def wait(self, seconds: float = 60) -> None:
        """Move the sandbox's clock forward."""
        self.post("clock", advance=seconds)

    def fault(self, operation: str, kind: str, nth: int = 1, times: int = 1) -> None:
        """Plan a fault."""
        self.post("faults", operation=operation, kind=kind, nth=nth, times=times)

    @property
    def deployments(self) -> int:
        """The number of deployments started."""
        return self.get("counters")["deployments"]

    def visit(self, host: str, path: str = "/health") -> requests.Response:
        """GET a public domain."""
        return self.http.get(f"{self.url}{path}", headers={"Host": host}, timeout=30)


class Stack:
    """A project with one service, as the program creates it.

    Args:
        railway: the sandbox.
        name: the project's name.
    """

    def __init__(self, railway: Railway, name: str = "crm") -> None:
        self.railway = railway
        made = railway.ok("ProjectCreate", input={"name": name, "workspaceId": WORKSPACE_ID})
        self.project: str = made["id"]
        self.environment: str = made["primaryEnvironmentId"]
        self.service: str = railway.ok(
            "ServiceCreate",
            input={"projectId": self.project, "environmentId": self.environment, "name": "backend"},
        )["id"]
        railway.wait()

    @property
    def place(self) -> dict[str, str]:
        """The variables of Deploy and Redeploy."""
        return {"s": self.service, "e": self.environment}

    @property
    def ids(self) -> dict[str, str]:
        """Service and environment as fields of an input."""
        return {"serviceId": self.service, "environmentId": self.environment}

    def settings(self, **input_: Any) -> None:
        """serviceInstanceUpdate."""
        self.railway.ok("ServiceInstanceUpdate", **self.ids, input=input_)

    def connect(self, branch: str = "main", repo: str = REPO) -> str:
        """Set a source and a trigger, without a deployment; return the trigger's id."""
        trigger = self.railway.ok(
            "TriggerCreate",
            input={
                "branch": branch,
                "repository": repo,
                "provider": "github",
                "projectId": self.project,
                **self.ids,
            },
        )
        self.railway.wait()
        return trigger["id"]

    def volume(self, mount: str = SESSIONS) -> str:
        """Create a volume on the service and wait for it; return its id."""
        made = self.railway.ok(
            "VolumeCreate", input={"projectId": self.project, "mountPath": mount, **self.ids}
        )
        self.railway.wait()
        return made["id"]

    def variables(self, values: dict[str, str], **more: Any) -> None:
        """variableCollectionUpsert, by default with deploys skipped."""
        input_: dict[str, Any] = {"skipDeploys": True, **more}
        self.railway.ok(
            "VarsUpsert", input={"projectId": self.project, **self.ids, "variables": values, **input_}
        )

    def domain(self, **more: Any) -> str:
        """Create a domain and wait for it; return its host name."""
        made = self.railway.ok("DomainCreate", input={**self.ids, **more})
        self.railway.wait()
        return made["domain"]

    def healthy(self) -> None:
        """Create everything that the backend needs, without deploying."""
        self.volume()
        self.variables({"SESSIONS_PATH": SESSIONS, "FIREBASE_SERVICE_ACCOUNT_JSON": KEY})
        self.settings(numReplicas=1, healthcheckPath="/health")
        self.connect()

    def deploy(self) -> str:
        """Start a deployment; return its id."""
        return self.railway.ok("Deploy", **self.place)

    def deployed(self) -> str:
        """Start a deployment and wait for its end; return its id."""
        made = self.deploy()
        self.railway.wait()
        return made

    def status(self, deployment: str) -> str:
        """Return a deployment's status."""
        return self.railway.ok("DeploymentPoll", id=deployment)["status"]

    def read(self) -> dict[str, Any]:
        """Return the snapshot of the environment."""
        return self.railway.ok("SnapshotRead", projectId=self.project, environmentId=self.environment)

    def instance(self) -> dict[str, Any]:
        """Return the service's instance."""
        return self.railway.ok("ServiceInstance", **self.place)

    def logs(self, deployment: str) -> list[str]:
        """Return a deployment's log messages."""
        return [row["message"] for row in self.railway.ok("DeployLogs", id=deployment)]


def nodes(connection: dict[str, Any]) -> list[Any]:
    """Return the nodes of a page."""
    return [edge["node"] for edge in connection["edges"]]
