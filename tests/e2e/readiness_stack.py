"""The example on the sandbox for the tests of `ops readiness`, and how to break it as a person would."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox import manual_edits, stack_state
from sandbox.supervisor import Running
from tests.e2e.readiness_program import GCP, JSON, Edge

Undo = Callable[[], object]
"""Brings a change back."""
REGION = "europe-west1"
RULES_RELEASE = f"/firebaserules/v1/projects/{GCP}/releases/cloud.firestore"


@dataclass
class Breakable:
    """The two clouds as a person with a browser changes them. `undo` brings each change back."""

    running: Running
    resources: list[stack_state.Resource]
    edge: Edge = field(default_factory=Edge)

    def __post_init__(self) -> None:
        self.railway = stack_state.dashboard(self.running, self.resources)
        self.google = manual_edits.Console(self.running, GCP, REGION)
        volume = stack_state.first_of_type(self.resources, stack_state.RAILWAY_TYPE + "Volume")
        self.volume_id = volume.id
        deployment = stack_state.first_of_type(self.resources, stack_state.RAILWAY_TYPE + "Deployment")
        self.deployment_id = str(deployment.outputs["deployment_id"])
        self.commit = str(deployment.outputs["commit"])

    # ---- Railway and GitHub

    def admin(self, path: str, **body: Any) -> None:
        stack_state.post_admin(self.running.railway_url, path, body)

    def push(self, sha: str) -> Undo:
        """A commit on main that Railway does not deploy."""
        self.admin("/admin/switches", autodeploy_on_push=False)
        self.admin("/admin/repos", repo="example/whatsapp-crm", branch="main", sha=sha)
        return lambda: self.admin("/admin/repos", repo="example/whatsapp-crm", branch="main", sha=self.commit)

    def branch(self) -> Undo:
        self.railway.set_branch("audit-whatsapp-30")
        return lambda: self.railway.set_branch("main")

    def check(self) -> Undo:
        self.admin("/admin/github/checks", sha=self.commit, result="failure")
        return lambda: self.admin("/admin/github/checks", sha=self.commit, result="success")

    def mount(self, path: str = "/data") -> Undo:
        self.railway.call(
            "mutation Mount($v: String!, $e: String!, $i: VolumeInstanceUpdateInput!)"
            " { volumeInstanceUpdate(volumeId: $v, environmentId: $e, input: $i) }",
            {
                "v": self.volume_id,
                "e": self.railway.environment_id,
                "i": {"mountPath": path, "serviceId": self.railway.service_id},
            },
        )
        return lambda: self.mount("/app/sessions")

    def back_up(self) -> None:
        """A backup by hand."""
        listed = self.railway.call(
            "query Volumes($p: String!, $e: String!) { environment(id: $e, projectId: $p)"
            " { volumeInstances(first: 10) { edges { node { id volumeId } } } } }",
            {"p": self.railway.project_id, "e": self.railway.environment_id},
        )
        (node,) = [one["node"] for one in listed["environment"]["volumeInstances"]["edges"]]
        self.railway.call(
            "mutation Backup($v: String!)"
            " { volumeInstanceBackupCreate(volumeInstanceId: $v) { workflowId } }",
            {"v": node["id"]},
        )

    def variable(self, name: str, value: str) -> None:
        self.railway.call(
            "mutation Set($input: VariableUpsertInput!) { variableUpsert(input: $input) }",
            {
                "input": {
                    "projectId": self.railway.project_id,
                    "environmentId": self.railway.environment_id,
                    "serviceId": self.railway.service_id,
                    "name": name,
                    "value": value,
                    "skipDeploys": True,
                }
            },
        )

    def empty_variable(self) -> Undo:
        self.variable("WHATSAPP_BACKFILL_COUNT", "")
        return lambda: self.variable("WHATSAPP_BACKFILL_COUNT", "100")

    def crash(self) -> Undo:
        self.admin(f"/admin/deployments/{self.deployment_id}", status="CRASHED")
        return lambda: self.admin(f"/admin/deployments/{self.deployment_id}", status="SUCCESS")

    def replica(self) -> Undo:
        """A second process of the deployment runs."""
        self.admin(f"/admin/deployments/{self.deployment_id}", replicas=["RUNNING", "RUNNING"])
        return lambda: self.admin(f"/admin/deployments/{self.deployment_id}", replicas=[])

    def restarts(self, count: int) -> Undo:
        """It is started again, by hand or after a crash: its log is the same."""
        restart = "mutation Restart($d: String!) { deploymentRestart(id: $d) }"
        for _ in range(count):
            self.railway.call(restart, {"d": self.deployment_id})
        return lambda: self.admin(f"/admin/deployments/{self.deployment_id}", restarted=[])

    def fill(self, used_mb: float) -> Undo:
        """There is so much data on the volume."""
        self.admin(f"/admin/volumes/{self.volume_id}/fill", other_mb=used_mb)
        return lambda: self.admin(f"/admin/volumes/{self.volume_id}/fill", other_mb=0)

    def age_backups(self, days: float) -> Undo:
        """No backup was made for so many days."""
        path = f"/admin/volumes/{self.volume_id}/backups/age"
        self.admin(path, seconds=days * 86_400)
        return lambda: self.admin(path, seconds=-days * 86_400)

    def switch(self, name: str, value: object, before: object) -> Undo:
        self.admin("/admin/switches", **{name: value})
        return lambda: self.admin("/admin/switches", **{name: before})

    def second_service(self) -> Undo:
        made = self.railway.call(
            "mutation Create($input: ServiceCreateInput!) { serviceCreate(input: $input) { id } }",
            {
                "input": {
                    "projectId": self.railway.project_id,
                    "environmentId": self.railway.environment_id,
                    "name": "backend-copy",
                    "source": {"repo": "example/whatsapp-crm"},
                }
            },
        )
        service = made["serviceCreate"]["id"]
        self.admin("/admin/clock", advance=1)  # until then it has no instance
        place = {"s": service, "e": self.railway.environment_id}
        self.railway.call(
            "mutation Deploy($s: String!, $e: String!)"
            " { serviceInstanceDeploy(serviceId: $s, environmentId: $e, latestCommit: true) }",
            place,
        )
        self.admin("/admin/clock", advance=5)
        delete = "mutation Delete($s: String!) { serviceDelete(id: $s) }"
        return lambda: self.railway.call(delete, {"s": service})

    def no_domain(self) -> Undo:
        """There is no way back: Railway generates another name."""
        domain = stack_state.first_of_type(self.resources, stack_state.RAILWAY_TYPE + "ServiceDomain")
        delete = "mutation Delete($d: String!) { serviceDomainDelete(id: $d) }"
        self.railway.call(delete, {"d": domain.id})
        return lambda: None

    # ---- Google

    def job(self) -> Undo:
        """A scheduler job is deleted."""
        (found,) = [one for one in self.resources if one.type == "gcp:cloudscheduler/job:Job"]
        body = self.google.call("GET", f"/cloudscheduler/v1/{found.id}")
        self.google.call("DELETE", f"/cloudscheduler/v1/{found.id}")
        parent = found.id.rpartition("/")[0]
        kept = {name: body[name] for name in ("name", "schedule", "timeZone", "httpTarget") if name in body}
        return lambda: self.google.call("POST", f"/cloudscheduler/v1/{parent}", kept)

    def index(self, fields: list[JSON]) -> Undo:
        """An index is being built."""
        self.google_switch("index_build_seconds", 3600)
        parent = f"/firestore/v1/projects/{GCP}/databases/(default)/collectionGroups/clients/indexes"
        self.google.call("POST", parent, {"queryScope": "COLLECTION", "fields": fields})
        listed = self.google.call("GET", parent)["indexes"]
        (name,) = [one["name"] for one in listed if one["state"] == "CREATING"]
        return lambda: self.google.call("DELETE", f"/firestore/v1/{name}")

    def rebuilt(self, seconds: float) -> Undo:
        """The indexes of a declared field are built again, which takes a time."""
        fields = [one for one in self.resources if one.type == "gcp:firestore/field:Field"]
        path = next(one.id for one in fields if one.id.endswith("/fields/tsClient"))
        live = self.google.call("GET", f"/firestore/v1/{path}")
        indexes = [
            {name: one[name] for name in ("queryScope", "fields") if name in one}
            for one in live["indexConfig"]["indexes"]
        ]
        self.google_switch("field_index_builds", value=True)
        self.google_switch("index_build_seconds", seconds)
        for chosen in (indexes[:1], indexes):
            body = {"indexConfig": {"indexes": chosen}}
            self.google.call("PATCH", f"/firestore/v1/{path}?updateMask=indexConfig", body)
        return lambda: self.rebuilt(0)

    def google_switch(self, name: str, value: object) -> None:
        stack_state.post_admin(self.running.google_url, "/admin/switches", {name: value})

    def function(self, name: str) -> str:
        return f"/cloudfunctions/v2/projects/{GCP}/locations/{REGION}/functions/{name}"

    def patch(self, name: str, mask: str, body: JSON) -> None:
        self.google.call("PATCH", f"{self.function(name)}?updateMask={mask}", body)

    def other_source(self) -> Undo:
        mask = "buildConfig.environmentVariables"
        build = self.google.call("GET", self.function("setMember"))["buildConfig"]
        before = build["environmentVariables"]
        self.patch("setMember", mask, {"buildConfig": {"environmentVariables": {"SOURCE_ARCHIVE": "x.zip"}}})
        return lambda: self.patch("setMember", mask, {"buildConfig": {"environmentVariables": before}})

    def release(self, text: str) -> Undo:
        before = self.google.call("GET", RULES_RELEASE)
        self.google.release_rules(text)
        return lambda: self.google.call("PATCH", RULES_RELEASE, {"release": before})

    def live_rules(self) -> str:
        ruleset = self.google.call("GET", RULES_RELEASE)["rulesetName"]
        files = self.google.call("GET", f"/firebaserules/v1/{ruleset}")["source"]["files"]
        return str(files[0]["content"])

    def secret(self, name: str) -> str:
        return f"/secretmanager/v1/projects/{GCP}/secrets/{name}"

    def disable(self) -> Undo:
        version = f"{self.secret('GROQ_API_KEY')}/versions/1"
        self.google.call("POST", f"{version}:disable", {})
        return lambda: self.google.call("POST", f"{version}:enable", {})

    def reader(self) -> Undo:
        name = self.secret("GROQ_API_KEY")
        policy = self.google.call("GET", f"{name}:getIamPolicy")
        more = json.loads(json.dumps(policy))
        more["bindings"][0]["members"].append("user:eve@example.com")
        self.google.call("POST", f"{name}:setIamPolicy", {"policy": more})

        def undo() -> None:
            now = self.google.call("GET", f"{name}:getIamPolicy")
            self.google.call(
                "POST", f"{name}:setIamPolicy", {"policy": {**now, "bindings": policy["bindings"]}}
            )

        return undo

    def address(self, value: str = "https://old.example.com") -> Undo:
        """The secret with the backend's address is made again, with another value and the same readers."""
        name = self.secret("RAILWAY_WHATSAPP_URL")
        access = f"{name}/versions/1:access"
        before = base64.b64decode(self.google.call("GET", access)["payload"]["data"]).decode()
        secret, policy = self.google.call("GET", name), self.google.call("GET", f"{name}:getIamPolicy")
        self.google.call("DELETE", name)
        parent = name.rpartition("/")[0]
        self.google.call(
            "POST", f"{parent}?secretId=RAILWAY_WHATSAPP_URL", {"replication": secret["replication"]}
        )
        data = base64.b64encode(value.encode()).decode()
        self.google.call("POST", f"{name}:addVersion", {"payload": {"data": data}})
        bindings = {"bindings": policy["bindings"]}
        self.google.call("POST", f"{name}:setIamPolicy", {"policy": bindings})
        return lambda: self.address(before)

    def key(self) -> Undo:
        account = f"/iam/v1/projects/{GCP}/serviceAccounts/crm-backend@{GCP}.iam.gserviceaccount.com"
        made = self.google.call("POST", f"{account}/keys", {})
        return lambda: self.google.call("DELETE", f"/iam/v1/{made['name']}")

    def undeclared_secret(self) -> Undo:
        """A function reads a secret by hand, and its version is disabled."""
        name = self.secret("EXTRA")
        self.google.call(
            "POST", f"{name.rpartition('/')[0]}?secretId=EXTRA", {"replication": {"automatic": {}}}
        )
        self.google.call("POST", f"{name}:addVersion", {"payload": {"data": "eA=="}})
        live = self.google.call("GET", self.function("setMember"))["serviceConfig"]
        member = f"serviceAccount:{live['serviceAccountEmail']}"
        bindings = [{"role": "roles/secretmanager.secretAccessor", "members": [member]}]
        self.google.call("POST", f"{name}:setIamPolicy", {"policy": {"bindings": bindings}})
        before = live["secretEnvironmentVariables"]
        extra = {"key": "EXTRA", "projectId": GCP, "secret": "EXTRA", "version": "1"}
        mask = "serviceConfig.secretEnvironmentVariables"
        self.patch("setMember", mask, {"serviceConfig": {"secretEnvironmentVariables": [*before, extra]}})
        self.google.call("POST", f"{name}/versions/1:disable", {})
        return lambda: self.patch(
            "setMember", mask, {"serviceConfig": {"secretEnvironmentVariables": before}}
        )

    # ---- What functions do

    def failing(self) -> Undo:
        self.edge.status = 500
        return lambda: setattr(self.edge, "status", 401)

    def logged(self) -> Undo:
        labels = {"service_name": "setmember"}
        self.edge.entries = [
            {
                "timestamp": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
                "severity": "ERROR",
                "resource": {"type": "cloud_run_revision", "labels": labels},
                "textPayload": "TypeError: no",
            }
        ]
        return self.edge.entries.clear
