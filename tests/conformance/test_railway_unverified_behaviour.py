"""The provider with every unverified behaviour of Railway that the sandbox simulates: the same result.

A behaviour that the lifecycle of a stack does not depend on has a test of its own here, or a test that the
provider never depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from railway.environment import EnvironmentProvider
from railway.graphql.documents import DOCUMENTS
from railway.service_settings import ServiceSettingsProvider
from sandbox.local_server import LocalServer
from sandbox.railway.app import create_app
from sandbox.railway.switches import UNVERIFIED
from tests.conformance.dynamic_process import refusal
from tests.conformance.railway_changes import CHANGED, FIRST
from tests.conformance.railway_outcome import matches
from tests.conformance.railway_world import PROVIDERS, VARIABLES, Declared, Engine, World, first_up
from tests.conformance.test_railway_environments import stack_beside_staging
from tests.conformance.warm_processes import WarmProcesses

pytestmark = pytest.mark.conformance

WORKSPACE_TOKEN = "sandbox-workspace-token"
QUICK = {"deploy_step_seconds": 0.01, "instance_delay_seconds": 0.02, "volume_delay_seconds": 0.02}
"""Nothing here is about how long Railway takes."""

RAILWAY_DEPLOYS = {
    "source_update_creates_trigger",
    "source_update_deploys",
    "trigger_create_deploys",
    "trigger_update_deploys",
    "volume_update_deploys",
}
"""Under these Railway starts deployments by itself; what we start is still one at most."""


@pytest.fixture(scope="module")
def served(warm: WarmProcesses) -> Iterator[World]:
    """One server for all of them."""
    with LocalServer(create_app()) as server:
        yield World(server.url, warm)


@pytest.fixture
def railway(served: World) -> World:
    """An empty Railway sandbox that knows the repositories of the changed declaration."""
    served.admin("reset", {})
    served.admin("repos", {"repo": CHANGED.repo, "branch": CHANGED.branch, "sha": "a" * 40})
    served.admin("switches", QUICK)
    return served


def _place(engine: Engine) -> dict[str, Any]:
    return {f"{key}_id": engine.id(key) for key in ("project", "environment", "service")}


# ---- The lifecycle of a stack

ASKED = {
    "deleted_listed": "SnapshotRead",
    "size_patch": "ConfigPatch",
    "backup_workflow_id": "BackupCreate",
    "source_update_creates_trigger": "ServiceInstanceUpdate",
    "source_update_deploys": "ServiceInstanceUpdate",
    "trigger_create_deploys": "TriggerCreate",
    "trigger_update_deploys": "TriggerUpdate",
    "trigger_sets_source": "TriggerCreate",
    "volume_update_without_service_detaches": "VolumeMount",
    "volume_update_deploys": "VolumeMount",
    "root_fields_count_as_one": "SnapshotRead",
    "patch_commit_returns": "ConfigPatch",
    "variable_upsert_deploys": "VariablesWrite",
    "variable_deploys_never_deployed": "VariablesWrite",
}
"""Which request of a lifecycle depends on a switch. The other switches have a case of their own."""


class Lifecycle:
    """The lifecycle of a stack in a world whose switches are set."""

    def __init__(self, world: World, switches: Mapping[str, object]) -> None:
        self.world, self.switches, self.engine = world, switches, Engine()
        self.asked: set[str] = set()

    def up(self, declared: Declared) -> list[str]:
        """Apply, in at most one deployment."""
        self.world.reset()
        with self.world.operation() as process:
            done = self.engine.up(process, declared)
        operations, deployments = self.world.counts()
        self.asked |= set(operations)
        assert operations.get("DeployLatest", 0) <= 1
        assert deployments <= 1 or RAILWAY_DEPLOYS & self.switches.keys()
        assert self.world.overlaps() == 0
        return done

    def quiet(self, declared: Declared) -> None:
        """What is live is what is declared, and the next preview is empty."""
        matches(self.world, self.engine, declared)
        with self.world.operation() as process:
            assert self.engine.refresh(process) == {}
            assert self.engine.up(process, declared) == []


ALONE = {*ASKED, "missing_response"}
"""A lifecycle whose end depends on the answer has no other switch set."""


def _lives() -> Iterator[Any]:
    """Every value of a switch but the default, each in one lifecycle. Switches that no lifecycle depends on
    are set together."""
    others: list[dict[str, object]] = []
    for name, answers in UNVERIFIED.items():
        for place, answer in enumerate(answers[1:]):
            if name in ALONE:
                yield pytest.param({name: answer}, id=f"{name}-{answer}")
                continue
            if place == len(others):
                others.append({})
            others[place][name] = answer
    for place, switches in enumerate(others):
        yield pytest.param(switches, id=f"others-{place}")


@pytest.mark.parametrize("switches", [*_lives()])
def test_a_stack_works_with_every_response_of_railway(railway: World, switches: Mapping[str, object]) -> None:
    """Made, read, changed in everything, read again; its service deleted in the dashboard, and created
    again."""
    railway.admin("switches", {"resize_seconds": 0.1, "trigger_delay_seconds": 0.05, **switches})
    lifecycle = Lifecycle(railway, switches)
    lifecycle.up(FIRST)
    lifecycle.quiet(FIRST)
    changed = CHANGED
    if switches == {"size_patch": "ignored"}:
        assert "still has 50000 MB" in refusal(lambda: lifecycle.up(CHANGED))
        assert "ConfigPatch" in railway.counts()[0]
        lifecycle.asked.add("ConfigPatch")
        changed = CHANGED.but(size_mb=50000)
    lifecycle.up(changed)
    lifecycle.quiet(changed)
    volume = lifecycle.engine.id("volume")
    railway.manual("mutation($id: String!) { serviceDelete(id: $id) }", id=lifecycle.engine.id("service"))
    with railway.operation() as process:
        if "missing_response" in switches:
            # Whoever may not see it is answered the same, so this is never taken for a deletion.
            assert "cannot read whether it is deleted" in refusal(lambda: lifecycle.engine.refresh(process))
            return
        assert lifecycle.engine.refresh(process)["service"][""][1] is None
    done = lifecycle.up(changed)
    assert "create service" in done
    assert lifecycle.engine.id("volume") == volume
    lifecycle.quiet(changed)
    assert {ASKED[name] for name in switches if name in ASKED} <= lifecycle.asked


# ---- Questions that such a lifecycle does not ask


def _what_does_not_fit(world: World, answer: object) -> None:
    """A value that Railway's schema does not know: refused once, in plain words, with the trace id."""
    engine = first_up(world)
    del answer
    with world.operation() as process:
        resource = process.resource(ServiceSettingsProvider())
        wanted = _place(engine) | {"has_volume": False, "builder": "DOCKERFILE", "start_command": "sleep 1"}
        text = refusal(lambda: resource.create(wanted))
    assert "Railway request ServiceInstanceUpdate failed" in text
    assert "trace" in text
    assert "sleep 1" not in text
    assert world.counts()[0]["ServiceInstanceUpdate"] == 1


def _deleted_project(world: World, answer: object) -> None:
    """Said, with the volume that may be restored; gone where an empty one is allowed. "Not Authorized" is no
    such word."""
    engine = first_up(world)
    known = set(engine.state)
    world.manual("mutation($id: String!) { projectDelete(id: $id) }", id=engine.id("project"))
    words = "Not Authorized" if answer == "not_authorized" else "48 hours"
    with world.operation() as process:
        assert words in refusal(lambda: engine.refresh(process))
    assert set(engine.state) == known
    with world.operation(config={"whatsapp-crm:allowNewVolume": "true"}) as process:
        if answer == "not_authorized":
            assert words in refusal(lambda: engine.refresh(process))
            assert set(engine.state) == known
        else:
            assert set(engine.refresh(process)) == known


def _deleted_volume(world: World, answer: object) -> None:
    """Said, and no empty one in its place; when one is allowed, it gets the name."""
    del answer
    engine = first_up(world)
    old = engine.id("volume")
    world.manual("mutation($id: String!) { volumeDelete(volumeId: $id) }", id=old)
    with world.operation() as process:
        assert "48 hours" in refusal(lambda: engine.refresh(process))
        assert "48 hours" in refusal(lambda: engine.up(process, Declared(mount_path="/other")))
    with world.operation(config={"whatsapp-crm:allowNewVolume": "true"}) as process:
        assert engine.refresh(process)["volume"] == {"": (old, None)}
        assert "create volume" in engine.up(process, Declared())
    assert engine.id("volume") != old
    matches(world, engine, Declared())


def _scoped_token(world: World, answer: object) -> None:
    """Variables are asked for by themselves exactly where the config does not show them."""
    _lifecycle_with_a_workspace_token(world)
    assert ("VariablesRead" in world.counts()[0]) is (answer != "allowed")


def _lifecycle_with_a_workspace_token(world: World) -> None:
    """It reads variables in one way or another; RAILWAY_* are nobody's drift."""
    engine = Engine()
    with world.operation(RAILWAY_API_TOKEN=WORKSPACE_TOKEN) as process:
        engine.up(process, FIRST)
    with world.operation(RAILWAY_API_TOKEN=WORKSPACE_TOKEN) as process:
        assert engine.refresh(process) == {}
        engine.up(process, CHANGED)
    matches(world, engine, CHANGED)
    with world.operation(RAILWAY_API_TOKEN=WORKSPACE_TOKEN) as process:
        assert engine.refresh(process) == {}
        assert engine.up(process, CHANGED) == []


def _railways_variables(world: World, answer: object) -> None:
    """Asked for only where the config cannot be read."""
    del answer
    world.admin("switches", {"scoped_decrypt": "masked"})
    _lifecycle_with_a_workspace_token(world)
    assert "VariablesRead" in world.counts()[0]


def _shrinking(world: World, answer: object) -> None:
    """Never asked for, so the answer does not matter."""
    del answer
    engine = first_up(world)
    world.manual(
        "mutation($e: String!, $p: EnvironmentConfig!)"
        " { environmentPatchCommit(environmentId: $e, patch: $p) }",
        e=engine.id("environment"),
        p={"volumes": {engine.id("volume"): {"sizeMB": 60000}}},
    )
    world.admin("clock", {"advance": 60})
    with world.operation() as process:
        assert engine.refresh(process)["volume"]["size_mb"] == (50000, 60000)
        wanted = engine.inputs("volume", Declared()) or {}
        problems = process.resource(PROVIDERS["volume"]).check(wanted, engine.state["volume"].inputs)
        assert "its size is 60 GB, but 50 GB are declared; a volume cannot shrink" in problems["size_mb"]
        assert "pulumi config set whatsapp-crm:volumeSizeGb 60" in problems["size_mb"]
        # And where the state is lost, and nothing is known of its size.
        del engine.state["volume"]
        said = refusal(lambda: engine.up(process, Declared()))
        assert "is 60 GB, but 50 GB are declared; a volume cannot shrink" in said
        assert "pulumi config set whatsapp-crm:volumeSizeGb 60" in said
    assert "ConfigPatch" not in world.counts()[0]


def _never_deployed(world: World, answer: object) -> None:
    """The newest commit is deployed, which works for what never deployed. Where that is refused, what Railway
    knows: it starts, or the `up` reports that there is nothing to deploy."""
    with world.operation() as process:
        Engine().up(process, FIRST)
    operations, deployments = world.counts()
    assert (operations["DeployLatest"], operations.get("DeployKnown", 0), deployments) == (1, 0, 1)
    world.reset()
    world.fault("DeployLatest", "no_repository", times=9)
    engine, another = Engine(), FIRST.but(project_name="crm-two", stack_marker="crm/two", custom_domain=None)
    with world.operation() as process:
        if answer == "works":
            engine.up(process, another)
        else:
            text = refusal(lambda: engine.up(process, another))
            assert "Railway request DeployKnown failed: Deployment not found" in text
    operations, deployments = world.counts()
    assert operations["DeployKnown"] == 1
    assert deployments == (1 if answer == "works" else 0)


def _rollback(world: World, answer: object) -> None:
    """A rollback is not the deployment of what is declared, whatever Railway calls it."""
    del answer
    engine = first_up(world)
    world.admin("switches", {"deploy_outcomes_next": ["crashed"]})
    declared = Declared(branch="staging", rollback=True, stable_seconds=20)
    with world.operation() as process:
        assert "succeeded: it runs as" in refusal(lambda: engine.up(process, declared))
    world.reset()
    with world.operation() as process:
        assert engine.up(process, declared) == ["update deployment"]
    assert world.counts()[1] == 1
    matches(world, engine, declared)


def _port_beside_port(world: World, answer: object) -> None:
    """The port is the declared one, whether or not the domain may be made with it."""
    del answer
    declared = Declared(variables=VARIABLES | {"PORT": "8080"}, target_port=8080)
    engine = Engine()
    with world.operation() as process:
        engine.up(process, declared)
    matches(world, engine, declared)
    with world.operation() as process:
        assert engine.refresh(process) == {}
        assert engine.up(process, declared) == []


def _second_environment(world: World, answer: object) -> None:
    """Made, or refused with the kind of token that may make one."""
    engine = first_up(world)
    wanted = {"project_id": engine.id("project"), "environment_name": "second"}
    with world.operation(RAILWAY_API_TOKEN=WORKSPACE_TOKEN) as process:
        resource = process.resource(EnvironmentProvider())
        if answer is True:
            made = resource.create(wanted)
            assert resource.create(wanted).id == made.id
        else:
            text = refusal(lambda: resource.create(wanted))
            assert "Railway request EnvironmentCreate failed" in text
            assert "account token" in text
    assert len(world.rows("environments")) == (2 if answer is True else 1)


def _config_file(world: World, answer: object) -> None:
    """Set and read back, or refused in Railway's words; then nothing else of it was written."""
    engine = first_up(world)
    declared = Declared(settings={"railway_config_file": "railway.json", "start_command": "node x.js"})
    with world.operation() as process:
        if answer is False:
            assert "not supported" in refusal(lambda: engine.up(process, declared))
            assert world.rows("instances")[0]["start_command"] is None
            return
        engine.up(process, declared)
    matches(world, engine, declared)
    with world.operation() as process:
        assert engine.refresh(process) == {}
        assert engine.up(process, declared) == []


def _port_taken_back(world: World, answer: object) -> None:
    """Removed, or an error of this `up` and of the next one, until the port is declared again."""
    custom = {"domain": "crm.example.com", "target_port": 8080}
    first = Declared(target_port=8080, custom_domain=custom)
    bare = Declared(custom_domain={"domain": "crm.example.com"})
    engine = first_up(world, first)
    if answer is True:
        with world.operation() as process:
            assert engine.up(process, bare) == ["update domain", "update custom_domain"]
        matches(world, engine, bare.but(custom_domain=custom | {"target_port": None}))
        with world.operation() as process:
            assert engine.refresh(process) == {}
            assert engine.up(process, bare) == []
        return
    name = engine.state["domain"].live.outs["domain"]
    for _ in range(2):
        with world.operation() as process:
            text = refusal(lambda: engine.up(process, bare))
        assert f"the domain {name} without a port" in text
        assert "target_port is 8080 instead of null" in text
        assert "declare the port again, or remove it in Railway's dashboard" in text
    with world.operation() as process:
        half = bare.but(target_port=8080)
        assert "the domain crm.example.com without a port" in refusal(lambda: engine.up(process, half))
        assert engine.up(process, first) == []
    matches(world, engine, first)


def _at_once(world: World, answer: object) -> None:
    """What the engine does at once, we do one after the other: making, changing and deleting all that needs
    nothing but service and volume."""
    del answer
    engine = Engine()
    with world.operation() as process:
        engine.up(process, FIRST.but(shared=None), only="volume")
    world.admin("switches", {"mutation_seconds": 0.05})
    keys = ("limits", "backups", "shared", "variables", "settings", "domain", "custom_domain", "tcp_proxy")
    with world.operation() as process, ThreadPoolExecutor(len(keys)) as pool:
        resources = [process.resource(PROVIDERS[key]) for key in keys]
        first, changed = (
            [one.inputs(engine.inputs(key, wanted) or {}) for key, one in zip(keys, resources, strict=True)]
            for wanted in (FIRST, CHANGED)
        )
        live = list(pool.map(lambda one, wanted: one.create(wanted), resources, first))
        assert all(one.id for one in live)
        live = list(pool.map(lambda one, was, wanted: one.update(was, wanted), resources, live, changed))
        list(pool.map(lambda one, was: one.delete(was), resources, live))
    assert world.overlaps() == 0


def _nothing_staged(world: World, answer: object) -> None:
    """How many changes are staged is not asked at all."""
    del world, answer
    assert not [one.name for one in DOCUMENTS.values() if "unmergedChangesCount" in one.text]


def _settings_elsewhere(world: World, answer: object) -> None:
    """Said before they are written; what is ours is what is declared, whatever becomes of the other."""
    engine, staging = stack_beside_staging(world)
    declared = Declared(settings={"start_command": "node prod.js"})
    with world.operation() as process:
        engine.up(process, declared)
    assert "also in the environment staging" in process.stderr
    there = {row["environment_id"]: row["start_command"] for row in world.rows("instances")}
    assert there[staging] == ("node prod.js" if answer == "no_forks" else None)
    with world.operation() as process:
        assert engine.refresh(process) == {}
        assert engine.up(process, declared) == []


def _service_elsewhere(world: World, answer: object) -> None:
    """Never asked for while another environment has it, so the answer does not matter."""
    del answer
    engine, _ = stack_beside_staging(world)
    world.reset()
    with world.operation() as process:
        service = process.resource(PROVIDERS["service"])
        assert "also in the environment staging" in refusal(
            lambda: service.delete(engine.state["service"].live)
        )
    assert "ServiceDelete" not in world.counts()[0]


CASES: dict[str, Callable[[World, object], None]] = {
    "bad_variables_status": _what_does_not_fit,
    "trace_id_position": _what_does_not_fit,
    "deleted_response": _deleted_project,
    "missing_response": _deleted_project,
    "volume_delete_style": _deleted_volume,
    "scoped_decrypt": _scoped_token,
    "shrink_response": _shrinking,
    "shrink_message": _shrinking,
    "railway_variables_in_unrendered": _railways_variables,
    "deploy_v2_never_deployed": _never_deployed,
    "rollback_reason": _rollback,
    "target_port_with_port_refused": _port_beside_port,
    "workspace_token_creates_environments": _second_environment,
    "railway_config_file_allowed": _config_file,
    "unmerged_none_is_null": _nothing_staged,
    "null_port_clears": _port_taken_back,
    "settings_update_scope": _settings_elsewhere,
    "service_delete_scope": _service_elsewhere,
    "overlap_fails_all": _at_once,
}


@pytest.mark.parametrize(
    ("name", "answer"), [(name, answer) for name in CASES for answer in UNVERIFIED.get(name, ())]
)
def test_every_value_of_a_switch_is_exercised(railway: World, name: str, answer: object) -> None:
    """Where the lifecycle of a stack does not ask it."""
    railway.admin("switches", {name: answer, "resize_seconds": 0.1})
    railway.admin("repos", {"repo": CHANGED.repo, "branch": CHANGED.branch, "sha": "a" * 40})
    CASES[name](railway, answer)


def test_every_switch_has_a_case() -> None:
    """A new switch for an unverified response needs a case in which the provider meets it."""
    assert {*ASKED, *CASES} == {*UNVERIFIED}
    assert not {*ASKED} & {*CASES}
