"""Where a service's code comes from: the deployment trigger follows the declared repository, branch and root
directory, and none is left where an image is declared.
"""

from __future__ import annotations

import pytest

from railway.service_settings import ServiceSettingsProvider
from tests.conformance.railway_worker import BARE, Worker
from tests.conformance.railway_world import REPO, World

pytestmark = pytest.mark.conformance

IMAGE = "example/crm:1"


@pytest.fixture
def worker(railway: World) -> Worker:
    """A service without settings."""
    return Worker(railway)


def push(world: World) -> None:
    """A new commit on the branch."""
    world.admin("repos", {"repo": REPO, "branch": "main", "sha": "f" * 40})
    world.admin("clock", {"advance": 60})


def connect(worker: Worker, **more: str) -> None:
    """Create a trigger in the dashboard."""
    worker.world.manual(
        "mutation($i: DeploymentTriggerCreateInput!) { deploymentTriggerCreate(input: $i) { id } }",
        i={
            "projectId": worker.place["project_id"],
            "environmentId": worker.place["environment_id"],
            "serviceId": worker.place["service_id"],
            "provider": "github",
            "repository": REPO,
            "branch": "main",
            **more,
        },
    )
    worker.world.admin("clock", {"advance": 5})


def test_an_image_instead_of_a_repository_leaves_no_trigger(worker: Worker) -> None:
    """A push would deploy the repository over the image."""
    worker.up(repo=REPO, branch="main")
    assert worker.triggers() == [(REPO, "main", None)]
    worker.up(image=IMAGE)
    assert worker.triggers() == []
    assert worker.instance()["source_image"] == IMAGE
    push(worker.world)
    assert worker.deployments() == 0
    assert worker.refresh() == {}
    assert worker.quiet(image=IMAGE)
    worker.up(repo=REPO, branch="main")
    assert worker.triggers() == [(REPO, "main", None)]


def test_a_trigger_that_is_not_listed_yet_is_taken_away(worker: Worker) -> None:
    """Railway's lists are late; what this process has made it knows."""
    worker.world.admin("switches", {"trigger_delay_seconds": 2})
    declared = worker.place | BARE
    with worker.world.operation() as process:
        resource = process.resource(ServiceSettingsProvider())
        live = resource.create(resource.inputs(declared | {"repo": REPO, "branch": "main"}))
        resource.update(live, resource.inputs(declared | {"image": IMAGE}))
    assert worker.triggers() == []


def test_a_trigger_created_in_the_dashboard_for_an_image_is_drift_and_is_deleted(worker: Worker) -> None:
    worker.world.admin("switches", {"trigger_sets_source": False})
    worker.up(image=IMAGE)
    connect(worker)
    assert worker.refresh() == {"branch": (None, "main")}
    worker.up(image=IMAGE)
    assert worker.triggers() == []
    assert worker.refresh() == {}
    assert worker.quiet(image=IMAGE)


def test_an_image_is_adopted_and_its_trigger_is_deleted(worker: Worker) -> None:
    connect(worker)
    worker.up(image=IMAGE)
    assert worker.triggers() == []


def test_the_trigger_has_the_declared_root_directory(worker: Worker) -> None:
    """When it is created, when it changes, and when it is reset."""
    source = {"repo": REPO, "branch": "main"}
    worker.up(**source, root_directory="backend")
    assert worker.triggers() == [(REPO, "main", "backend")]
    worker.up(**source, root_directory="server")
    assert worker.triggers() == [(REPO, "main", "server")]
    worker.world.reset()
    worker.up(**source, root_directory="server", start_command="node server.js")
    assert "TriggerUpdate" not in worker.world.counts()[0]
    worker.up(**source, start_command="node server.js")
    assert worker.triggers() == [(REPO, "main", None)]
    assert worker.instance()["root_directory"] is None


@pytest.mark.parametrize("declared", ["server", None])
def test_a_trigger_that_is_taken_over_gets_it_too(worker: Worker, declared: str | None) -> None:
    """It cannot be read there, so it is written."""
    connect(worker, rootDirectory="old")
    worker.edit(rootDirectory="old")
    worker.up(repo=REPO, branch="main", **({"root_directory": declared} if declared else {}))
    assert worker.triggers() == [(REPO, "main", declared)]
    assert worker.instance()["root_directory"] == declared


def test_waiting_for_checks_that_nobody_declared_is_taken_back(worker: Worker) -> None:
    worker.up(repo=REPO, branch="main")
    (trigger,) = (
        row for row in worker.world.rows("triggers") if row["service_id"] == worker.place["service_id"]
    )
    worker.world.manual(
        "mutation($id: String!) { deploymentTriggerUpdate(id: $id, input: {checkSuites: true}) { id } }",
        id=trigger["id"],
    )
    worker.world.admin("clock", {"advance": 5})
    assert worker.refresh() == {"check_suites": (None, True)}
    worker.up(repo=REPO, branch="main")
    assert worker.refresh() == {}
    assert worker.quiet(repo=REPO, branch="main")
