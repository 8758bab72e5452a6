"""What an account, a workspace and a project token can and cannot do here; a refusal names the token that
can, and touches nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from sandbox.local_server import LocalServer
from sandbox.railway.app import create_app
from tests.conformance.dynamic_process import REFUSALS, DynamicProcess, refusal
from tests.conformance.railway_world import (
    ACCOUNT_TOKEN,
    ORDER,
    VARIABLES,
    WORKSPACE,
    Declared,
    Engine,
    World,
    first_up,
)
from tests.conformance.warm_processes import WarmProcesses

pytestmark = pytest.mark.conformance

DECLARED = Declared(allow_delete=True)
NO_RIGHTS = (
    "Not Authorized",
    "A workspace token can access only its own workspace, an account token all workspaces of its owner",
)
DEAD_PROJECT = ("Project Token not found", "Railway has no project token with the value of RAILWAY_TOKEN")


def beyond_a_project_token(task: str) -> tuple[str, ...]:
    """The error when a project token should do what lies above its environment."""
    return (f"which cannot {task}: unset it, and set RAILWAY_API_TOKEN to an account token or to a",)


# ---- What is tried. Each gets a stack that is up, made with an account token.


@dataclass(frozen=True)
class Trial:
    """A stack that is up, and a process with the token under test."""

    world: World
    engine: Engine
    process: DynamicProcess

    def up(self, **changes: Any) -> None:
        """Apply with other declarations."""
        self.engine.up(self.process, DECLARED.but(**changes))

    def delete(self, *keys: str) -> None:
        """Delete resources, the last made first."""
        for key, provider in reversed(ORDER):
            if key in keys:
                self.process.resource(provider).delete(self.engine.state[key].live)


def make_a_project(trial: Trial) -> None:
    """A second stack of the program."""
    other = DECLARED.but(project_name="crm-two", stack_marker="crm/two")
    Engine().up(trial.process, other, only="project")
    assert len(trial.world.rows("projects")) == 2


def make_an_environment(trial: Trial) -> None:
    """Beside the one that Railway made with the project."""
    engine = Engine({"project": trial.engine.state["project"]})
    engine.up(trial.process, DECLARED.but(environment_name="staging"), only="environment")
    assert len(trial.world.rows("environments")) == 2


def adopt(trial: Trial) -> None:
    """Take the running project over by its id, with nothing in the state."""
    engine = Engine()
    engine.up(trial.process, DECLARED.but(adopt_project_id=trial.engine.id("project")))
    assert {key: engine.id(key) for key in engine.state} == {
        key: saved.live.id for key, saved in trial.engine.state.items()
    }


def refresh(trial: Trial) -> None:
    """Nothing has drifted."""
    assert trial.engine.refresh(trial.process) == {}


def up(trial: Trial) -> None:
    """Change what is in the environment, and deploy."""
    trial.up(variables=VARIABLES | {"NEW": "1"}, branch="staging", size_mb=60000)
    assert trial.world.rows("triggers")[0]["branch"] == "staging"
    assert trial.world.counts()[1] == 1


def rename_the_project(trial: Trial) -> None:
    """The one thing of a project that changes."""
    trial.up(project_name="crm-two")
    assert trial.world.rows("projects")[0]["name"] == "crm-two"


def rename_the_environment(trial: Trial) -> None:
    """The one thing of an environment that changes."""
    trial.up(environment_name="live")
    assert trial.world.rows("environments")[0]["name"] == "live"


def delete_the_service(trial: Trial) -> None:
    """With all that hangs on it."""
    trial.delete("deployment", "domain", "settings", "variables", "volume", "service")
    assert trial.world.rows("services") == []


def delete_the_project(trial: Trial) -> None:
    """Empty by then; its contents are deleted with an account token."""
    with trial.world.operation() as process:
        Trial(trial.world, trial.engine, process).delete("volume", "service")
    trial.delete("environment", "project")
    assert trial.world.rows("projects") == []


Act = Callable[[Trial], None]
ACTS: tuple[Act, ...] = (
    make_a_project,
    make_an_environment,
    adopt,
    refresh,
    up,
    rename_the_project,
    rename_the_environment,
    delete_the_service,
    delete_the_project,
)
SOME: tuple[Act, ...] = (make_a_project, adopt, refresh, up)


# ---- With which token, and what it cannot.


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A token. `cannot` has the words of each refusal; what is not in it can be done. `tried` are the acts
    that are worth a test: a token that is none cannot do any, for one reason."""

    name: str
    variable: str
    token: str
    makes: Callable[[World, Engine], Mapping[str, Any] | None] = lambda _world, _engine: None
    switches: Mapping[str, Any] = field(default_factory=dict[str, Any])
    cannot: Mapping[Act, tuple[str, ...]] = field(default_factory=dict[Act, tuple[str, ...]])
    tried: tuple[Act, ...] = ACTS

    def words(self, act: Act) -> tuple[str, ...]:
        """The words of a refusal; () where it can be done."""
        return self.cannot.get(act, ())


def ours(_world: World, _engine: Engine) -> dict[str, Any]:
    """A token of the project's workspace."""
    return {"kind": "workspace", "token": "wt-4711", "workspace_id": WORKSPACE}


def elsewhere(world: World, _engine: Engine) -> dict[str, Any]:
    """A token of another workspace."""
    other = world.admin("workspaces", {"name": "Other"})["id"]
    return {"kind": "workspace", "token": "wt-4712", "workspace_id": other}


def inside(_world: World, engine: Engine) -> dict[str, Any]:
    """A token of the project and its environment."""
    return {
        "kind": "project",
        "token": "pt-4711",
        "project_id": engine.id("project"),
        "environment_id": engine.id("environment"),
    }


def beside(world: World, engine: Engine) -> dict[str, Any]:
    """A token of the project and another of its environments."""
    document = "mutation($i: EnvironmentCreateInput!) { environmentCreate(input: $i) { id } }"
    made = world.manual(document, i={"projectId": engine.id("project"), "name": "preview"})
    return {**inside(world, engine), "environment_id": made["environmentCreate"]["id"]}


OWN_ONLY = ("Not Authorized", "which can access only its own environment", "account token")
ABOVE: Mapping[Act, tuple[str, ...]] = {
    make_a_project: (
        "a project token, which can neither find projects nor create one",
        "use an account or workspace token in RAILWAY_API_TOKEN",
    ),
    make_an_environment: beyond_a_project_token("create an environment"),
    rename_the_project: beyond_a_project_token("update a project"),
    rename_the_environment: beyond_a_project_token("rename an environment"),
    delete_the_project: beyond_a_project_token("delete a project"),
}
KINDS = (
    Kind(name="account", variable="RAILWAY_API_TOKEN", token=ACCOUNT_TOKEN),
    Kind(name="workspace", variable="RAILWAY_API_TOKEN", token="wt-4711", makes=ours),
    Kind(
        name="workspace that may make no environments",
        tried=(make_a_project, make_an_environment, up),
        variable="RAILWAY_API_TOKEN",
        token="wt-4711",
        makes=ours,
        switches={"workspace_token_creates_environments": False},
        cannot={make_an_environment: ("Not Authorized", "use an account token in RAILWAY_API_TOKEN")},
    ),
    Kind(
        name="another workspace",
        variable="RAILWAY_API_TOKEN",
        token="wt-4712",
        makes=elsewhere,
        cannot=dict.fromkeys(ACTS, NO_RIGHTS),
    ),
    Kind(
        name="revoked",
        tried=SOME,
        variable="RAILWAY_API_TOKEN",
        token="gone-4711",
        cannot=dict.fromkeys(ACTS, (*NO_RIGHTS, "still valid and belongs to the workspace")),
    ),
    Kind(name="project", variable="RAILWAY_TOKEN", token="pt-4711", makes=inside, cannot=ABOVE),
    Kind(
        name="another environment",
        variable="RAILWAY_TOKEN",
        token="pt-4711",
        makes=beside,
        cannot={
            **dict.fromkeys(ACTS, OWN_ONLY),
            **ABOVE,
            # Read first: it is refused there already.
            delete_the_project: OWN_ONLY,
            # It does not see the declared environment, and may make none.
            adopt: (
                "is a project token of the environment preview, and cannot read an environment production",
                "use a project token of production",
                "unset RAILWAY_TOKEN && export RAILWAY_API_TOKEN=<account or workspace token>",
            ),
        },
    ),
    Kind(
        name="revoked project",
        tried=SOME,
        variable="RAILWAY_TOKEN",
        token="gone-4711",
        cannot={**dict.fromkeys(ACTS, DEAD_PROJECT), make_a_project: ABOVE[make_a_project]},
    ),
    Kind(
        name="project token in the other variable",
        tried=SOME,
        variable="RAILWAY_API_TOKEN",
        token="pt-4711",
        makes=inside,
        cannot=dict.fromkeys(ACTS, (*NO_RIGHTS, "a project token must be in RAILWAY_TOKEN")),
    ),
    Kind(
        name="workspace token in the other variable",
        tried=SOME,
        variable="RAILWAY_TOKEN",
        token="wt-4711",
        makes=ours,
        cannot={
            **dict.fromkeys(ACTS, (*DEAD_PROJECT, "workspace token must be in RAILWAY_API_TOKEN")),
            make_a_project: ABOVE[make_a_project],
        },
    ),
)


@pytest.fixture
def railway(warm: WarmProcesses) -> Iterator[World]:
    """An empty Railway sandbox."""
    with LocalServer(create_app()) as server:
        yield World(server.url, warm)


@pytest.mark.parametrize(
    ("kind", "act"),
    [pytest.param(kind, act, id=f"{kind.name}-{act.__name__}") for kind in KINDS for act in kind.tried],
)
def test_a_token_does_what_it_can_and_a_refusal_names_the_one_that_can(
    railway: World, kind: Kind, act: Act
) -> None:
    """And of what is refused, nothing is half done: what is live stays as it is, and so does the state."""
    engine = first_up(railway, DECLARED)
    token = kind.makes(railway, engine)
    if token is not None:
        railway.admin("tokens", token)
    railway.admin("switches", kind.switches)
    environ = {"RAILWAY_API_TOKEN": "", "RAILWAY_TOKEN": "", kind.variable: kind.token}
    known, before = set(engine.state), railway.admin("state")
    with railway.operation(config=None, **environ) as process:
        trial = Trial(railway, engine, process)
        words = kind.words(act)
        if not words:
            act(trial)
            return
        text = refusal(lambda: act(trial), REFUSALS)
    assert "\n  fix: " in text
    for each in words:
        assert each in text, text
    assert set(engine.state) == known
    if act is not delete_the_project:  # there an account token has deleted its contents
        assert railway.admin("state") == before
    assert [row["name"] for row in railway.rows("projects")] == ["crm"]
