"""A fixed sample of the fault matrix, one of each way to fail and to be killed; the whole is
`railway_faults.matrix`."""

from __future__ import annotations

import pytest

from tests.conformance.railway_faults import KILLS, KINDS, Case, matrix, run
from tests.conformance.railway_world import World

pytestmark = pytest.mark.conformance

SAMPLE = (
    Case("create", "ProjectCreate", "reset_after"),
    Case("create", "ProjectCreate", "http_504_after", times=50),
    Case("create", "ServiceCreate", "http_502_after"),
    Case("create", "ServiceCreate", "kill_after"),
    Case("create", "VolumeCreate", "http_504_after"),
    Case("create", "VolumeCreate", "kill_after"),
    Case("create", "VolumeCreate", "creation_throttle"),
    Case("create", "VolumeRename", "kill_before"),
    Case("create", "DomainCreate", "reset_after"),
    Case("create", "DomainCreate", "kill_after"),
    Case("create", "TriggerCreate", "hang"),
    Case("create", "DeployLatest", "http_504_after"),
    Case("create", "DeployLatest", "kill_after"),
    Case("create", "DeploymentPoll", "kill_before"),
    Case("create", "LogsPoll", "not_json"),
    Case("create", "ProjectsFind", "edge_1015"),
    Case("change", "VariablesWrite", "refuse"),
    Case("change", "ServiceInstanceUpdate", "internal_error"),
    Case("change", "VolumeMount", "kill_after"),
    Case("change", "ConfigPatch", "http_502_before"),
    Case("change", "DomainUpdate", "http_500"),
    Case("change", "TriggerUpdate", "reset_before"),
    Case("change", "DeployLatest", "http_504_before"),
    Case("refresh", "StackRead", "rate_429"),
)


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_whatever_fails_the_next_up_repairs(railway: World, case: Case) -> None:
    """Exactly one of everything, the same volume, one deployment for each `up` at most."""
    run(railway, case)


def test_the_sample_has_every_way_to_fail_and_the_matrix_every_request() -> None:
    """So that neither shrinks unseen."""
    assert {case.kind for case in SAMPLE} == {*KINDS, *KILLS}
    whole = list(matrix())
    assert set(SAMPLE) <= set(whole)
    assert len(whole) == len(set(whole)) == 558
