"""The Pulumi CLI for `ops adopt`: a small engine with a program of two objects, which Google has."""

from __future__ import annotations

import json
import stat
import subprocess
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from firebase.errors import JsonObject
from ops import __main__ as command
from ops.adopt import google
from tests.unit.ops.google_project import FUNCTIONS, REGION, SECRETS, named

ROOT = "urn:pulumi:prod::whatsapp-crm::pulumi:pulumi:Stack::whatsapp-crm-prod"
GOOGLE = "urn:pulumi:prod::whatsapp-crm::pulumi:providers:gcp::google"
PART = "urn:pulumi:prod::whatsapp-crm::whatsapp-crm:components:Part::part"
SEND = f"urn:pulumi:prod::whatsapp-crm::whatsapp-crm:components:Part${google.FUNCTION}::functions-send"
KEY = f"urn:pulumi:prod::whatsapp-crm::whatsapp-crm:components:Part${google.SECRET}::secrets-KEY"
SEND_ID = f"projects/crm/locations/{REGION}/functions/send"
ANSWERS: dict[str, Any] = {
    FUNCTIONS: {"functions": [{"name": SEND_ID, "environment": "GEN_2"}]},
    SECRETS: {"secrets": named([f"{SECRETS}/KEY"])},
}
ALL = {ROOT, GOOGLE, PART, SEND, KEY}
INPUTS: dict[str, JsonObject] = {
    GOOGLE: {"project": "crm"},
    SEND: {"location": REGION, "name": "send"},
    KEY: {"secretId": "KEY"},
}


@dataclass
class Engine:
    """The Pulumi CLI, with the program of this file.

    Args:
        state: the URNs in the state.
        pending: the URNs of interrupted creations.
        after: what the preview shows for resources in the state, instead of `same`.
        hidden: what the program declares only when the state has the function.
        more: what the program declares in addition.
        stop_after: the import fails after this number of resources.
        half: the URNs whose replacement was interrupted after the deletion.
        gone: the URNs that a refresh of them does not find.
        replaced: a URN that the function depends on, and whose replacement is in the state behind it.
    """

    state: set[str] = field(default_factory=set[str])
    pending: list[str] = field(default_factory=list[str])
    after: dict[str, str] = field(default_factory=dict[str, str])
    hidden: set[str] = field(default_factory=set[str])
    stop_after: int | None = None
    says: str = "failed"
    calls: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    files: list[JsonObject] = field(default_factory=list[JsonObject])
    modes: list[int] = field(default_factory=list[int])
    paths: list[Path] = field(default_factory=list[Path])
    written: list[str] = field(default_factory=list[str])
    plans: list[Path] = field(default_factory=list[Path])
    more: tuple[str, ...] = ()
    builds_on: dict[str, str] = field(default_factory=dict[str, str])
    half: set[str] = field(default_factory=set[str])
    gone: set[str] = field(default_factory=set[str])
    replaced: str = ""

    def __call__(self, *arguments: str, **_: str) -> subprocess.CompletedProcess[str]:
        self.calls.append(arguments)
        name = "_".join(word for word in arguments[:2] if not word.startswith("-"))
        output, code = getattr(self, f"do_{name}")(dict(pairwise(arguments)), arguments)
        return subprocess.CompletedProcess(arguments, code, stdout=output, stderr="")

    def did(self, name: str) -> bool:
        """Whether a command was run."""
        return any(" ".join(call).startswith(name) for call in self.calls)

    def do_preview(self, options: dict[str, str], __: tuple[str, ...]) -> tuple[str, int]:
        steps: list[JsonObject] = []
        resources: list[JsonObject] = []
        for urn in (ROOT, GOOGLE, PART, SEND, KEY, *self.more):
            if urn in self.hidden and SEND not in self.state:
                continue
            type_, _, name = urn.split("::", 2)[2].partition("::")
            type_ = type_.rpartition("$")[2]
            state = {
                "type": type_,
                "parent": {ROOT: "", GOOGLE: ROOT, PART: ROOT}.get(urn, PART),
                "provider": f"{GOOGLE}::id" if type_.startswith("gcp:") else "",
                "inputs": INPUTS.get(urn, {}),
            }
            op = self.after.get(urn, "same") if urn in self.state else "create"
            op = "create-replacement" if urn in self.half else op
            steps.append({"op": op, "urn": urn, "newState": state})
            if op == "create" and urn != ROOT:
                resources.append({"type": type_, "name": name, "component": "components" in type_})
        Path(options["--import-file"]).write_text(json.dumps({"resources": resources}))
        self.plans.append(Path(options["--save-plan"]))
        self.plans[-1].write_text(json.dumps({"resourcePlans": {}}))
        return json.dumps({"steps": steps}), 0

    def do_import(self, options: dict[str, str], _: tuple[str, ...]) -> tuple[str, int]:
        file = Path(options["--file"])
        self.modes.append(stat.S_IMODE(file.stat().st_mode))
        self.paths.append(file)
        self.files.append(json.loads(file.read_text()))
        self.state.add(ROOT)
        by_name = {urn.rpartition("::")[2]: urn for urn in (*ALL, *self.more)}
        for number, entry in enumerate(self.files[-1]["resources"]):
            if number == self.stop_after:
                return self.says, 1
            self.state.add(by_name[entry["name"]])
        return "", 0

    def do_stack_export(self, _: dict[str, str], __: tuple[str, ...]) -> tuple[str, int]:
        resources: list[JsonObject] = [
            {
                "urn": urn,
                "type": urn.split("::")[2].rpartition("$")[2],
                "parent": self.builds_on.get(urn, ""),
                **({"pendingReplacement": True} if urn in self.half else {}),
            }
            for urn in sorted(self.state)
        ]
        if self.replaced:
            resources = [{"urn": self.replaced, "type": "", "delete": True}, *resources]
            resources += [{"urn": self.replaced, "type": ""}]
            for one in resources:
                one["dependencies"] = [self.replaced] * (one["urn"] == SEND)
        pending = [{"type": "creating", "resource": {"urn": urn}} for urn in self.pending]
        return json.dumps({"deployment": {"resources": resources, "pending_operations": pending}}), 0

    def do_stack_import(self, options: dict[str, str], _: tuple[str, ...]) -> tuple[str, int]:
        file = Path(options["--file"])
        self.modes.append(stat.S_IMODE(file.stat().st_mode))
        self.paths.append(file)
        resources = json.loads(file.read_text())["deployment"]["resources"]
        self.written = [one["urn"] for one in resources]
        assert {*self.written} == self.state | {self.replaced} - {""}
        self.half = {one["urn"] for one in resources if one.get("pendingReplacement")}
        self.pending.clear()
        return "", 0

    def do_config(self, _: dict[str, str], __: tuple[str, ...]) -> tuple[str, int]:
        return json.dumps({"railway:token": {"value": "hush", "secret": True}}), 0

    def do_config_set(self, options: dict[str, str], arguments: tuple[str, ...]) -> tuple[str, int]:
        file = Path(options["--config-file"])
        file.write_text(f"{file.read_text()}  {arguments[-1].split('[')[0].split('.')[0]}: set\n")
        return "", 0

    def do_state_protect(self, _: dict[str, str], __: tuple[str, ...]) -> tuple[str, int]:
        return "", 0

    def do_state_delete(self, _: dict[str, str], arguments: tuple[str, ...]) -> tuple[str, int]:
        self.state -= {one for one in arguments if one.startswith("urn:")}
        return "", 0

    def do_refresh(self, _: dict[str, str], arguments: tuple[str, ...]) -> tuple[str, int]:
        assert not self.half & {*arguments}, "the engine reads no resource that waits for its creation"
        if "--clear-pending-creates" in arguments:
            self.pending.clear()
        self.state -= self.gone & {*arguments}
        return "", 0


def adopt(*options: str) -> int:
    """Run the command."""
    return command.main(["adopt", "--stack", "prod", *options])
