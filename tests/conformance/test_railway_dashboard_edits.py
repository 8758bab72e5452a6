"""Every field of every resource: changed in the program it is applied, read back and quiet; changed in the
dashboard it shows with its old and its new value, and the next `up` heals it. And every resource deleted in
the dashboard is noticed and made again.

Over the field tables of every provider in the package: a provider that is not here fails, and so does a field
without an edit and without a reason. Settings that a volume forbids: test_railway_settings.
"""

from __future__ import annotations

import copy
import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import railway
from railway.adoption import AdoptionProvider
from railway.provider import RailwayProvider
from tests.conformance.dynamic_process import refusal
from tests.conformance.railway_changes import CHANGED, FIRST, STAYS
from tests.conformance.railway_dashboard_edits import (
    ALONE,
    CHANGEABLE,
    DELETIONS,
    EDITS,
    EXPECTED,
    FIELDS,
    NOT_BY_HAND,
    OBJECTS,
    WITH_THE_VOLUME,
    reason,
)
from tests.conformance.railway_faults import Lab
from tests.conformance.railway_outcome import matches
from tests.conformance.railway_world import ORDER, Declared, Engine, assert_silent
from tests.conformance.test_railway_settings import SETTING_EDITS
from tests.conformance.warm_processes import WarmProcesses

pytestmark = pytest.mark.conformance

REPLACED: dict[str, Declared] = {
    "custom_domain.domain": FIRST.but(custom_domain={"domain": "other.example.com", "target_port": 8080}),
    "tcp_proxy.application_port": FIRST.but(tcp_port=5433),
}
"""Fields of which another value makes another object, and a declaration in which only they differ."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A stack that is up, to copy."""
    with WarmProcesses() as warm, Lab(warm) as lab:
        yield lab


@pytest.fixture(scope="module")
def engine_of_first(lab: Lab) -> Engine:
    """Its state."""
    with lab.bench("change") as (_, engine):
        return engine


def providers() -> set[type[RailwayProvider]]:
    """Every kind of resource that the package has."""
    for module in pkgutil.iter_modules(railway.__path__):
        importlib.import_module(f"railway.{module.name}")
    found: set[type[RailwayProvider]] = set()
    todo: list[type[RailwayProvider]] = [RailwayProvider]
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        if kind.FIELDS and kind.__module__.startswith("railway."):
            found.add(kind)
    return found


# ---- Nothing is left out


def test_every_provider_of_the_package_is_here() -> None:
    """A new one needs a place in the order of an `up`, and with that edits, deletions and reasons."""
    without_an_object = {AdoptionProvider}  # only reports an adoption: test_railway_adoption_report
    assert {type(provider) for _, provider in ORDER} == providers() - without_an_object
    assert {*EDITS} == {*CHANGEABLE}
    assert {*DELETIONS} == {*FIELDS}


@pytest.mark.parametrize(("key", "name"), [(key, name) for key, fields in FIELDS.items() for name in fields])
def test_every_field_is_changed_in_some_test(engine_of_first: Engine, key: str, name: str) -> None:
    """Or a reason why not; a reason that names another test is looked up there."""
    if reason(key, name) == ALONE:
        assert name in SETTING_EDITS
    first, second = (engine_of_first.inputs(key, declared) or {} for declared in (FIRST, CHANGED))
    changed = first.get(name) != second.get(name) or f"{key}.{name}" in REPLACED
    alone = key == "settings" and name in SETTING_EDITS
    assert changed or alone or name in STAYS or f"{key}.{name}" in STAYS


def test_no_reason_is_for_a_field_that_is_not_there() -> None:
    """It would excuse the next field of that name."""
    known = {f"{key}.{name}" for key, fields in FIELDS.items() for name in fields}
    known |= {name for fields in FIELDS.values() for name in fields}
    assert {*NOT_BY_HAND} <= known
    assert {*REPLACED} == {
        f"{key}.{name}"
        for key, fields in FIELDS.items()
        for name, field in fields.items()
        if field.replace and name not in NOT_BY_HAND and f"{key}.{name}" != "backups.volume_id"
    }


# ---- By hand


@pytest.mark.parametrize("key", CHANGEABLE)
def test_every_field_changed_in_the_dashboard_is_drift_and_is_reset(lab: Lab, key: str) -> None:
    """With its old and its new value."""
    with lab.bench("change") as (bench, engine):
        world = bench.world
        with world.operation() as process:
            engine.up(process, CHANGED)
            before = dict(engine.state[key].live.outs)
        EDITS[key](world, engine)
        world.reset()
        with world.operation() as process:
            drift = engine.refresh(process)
            shown = drift[key]
            missing = {name for name in EXPECTED[key] if name not in shown}
            assert not missing, f"not shown: {missing}"
            for name in EXPECTED[key]:
                old, new = shown[name]
                assert old == before.get(name) != new, name
            if "names" in shown:
                changed, added = {"shared": "SHARED", "variables": "WHATSAPP_BACKFILL_COUNT"}[key], "ADDED"
                assert "changed on Railway" in shown["names"][1][changed]
                assert shown["names"][1][added] == "added on Railway"
                assert_silent(str(shown["names"]))
            assert f"update {key}" in engine.up(process, CHANGED)
        assert world.counts()[1] <= 1
        matches(world, engine, CHANGED)
        with world.operation() as process:
            assert engine.refresh(process) == {}
            assert engine.up(process, CHANGED) == []


@pytest.mark.parametrize("key", DELETIONS)
def test_every_object_deleted_in_the_dashboard_is_detected_and_created_again(lab: Lab, key: str) -> None:
    """The volume, and what it goes with, only when an empty one is allowed."""
    with lab.bench("change") as (bench, engine):
        world, old, volume = bench.world, engine.id(key), engine.id("volume")
        DELETIONS[key](world, engine)
        config: dict[str, str] = {}
        if key in WITH_THE_VOLUME:
            trial = copy.deepcopy(engine)
            with world.operation() as process:
                text = refusal(lambda: trial.refresh(process))
            # By the first of all that is gone: nothing can be made again before the error is read.
            assert {*trial.state} == {*engine.state}
            assert "48 hours" in text
            assert "pulumi config set whatsapp-crm:allowNewVolume true" in text
            config = {"whatsapp-crm:allowNewVolume": "true"}
        world.reset()
        with world.operation(config=config) as process:
            drift = engine.refresh(process)
            done = engine.up(process, FIRST)
        assert (drift[key] == {"": (old, None)}) is (key in OBJECTS)
        assert (f"create {key}" if key in OBJECTS else f"update {key}") in done
        assert (engine.id(key) != old) is (key in OBJECTS)
        assert (engine.id("volume") != volume) is (key in WITH_THE_VOLUME)
        assert world.counts()[1] <= 1
        matches(world, engine, FIRST)
        with world.operation() as process:
            assert engine.refresh(process) == {}
            assert engine.up(process, FIRST) == []
        lab.foreign.untouched(world)


# ---- In the program


def test_every_field_that_the_program_changes_is_applied_read_back_and_quiet(lab: Lab) -> None:
    """All of them in one `up`."""
    with lab.bench("change") as (bench, engine):
        with bench.world.operation() as process:
            done = engine.up(process, CHANGED)
        assert [one.partition(" ")[2] for one in done] == [key for key, _ in ORDER]
        assert [one for one in done if not one.startswith("update ")] == ["replace tcp_proxy"]
        matches(bench.world, engine, CHANGED)
        applied = {key: dict(saved.live.outs) for key, saved in engine.state.items()}
        with bench.world.operation() as process:
            assert engine.refresh(process) == {}
            assert engine.up(process, CHANGED) == []
        for key, fields in FIELDS.items():
            for name in fields:
                assert engine.state[key].live.outs.get(name) == applied[key].get(name), f"{key}.{name}"


@pytest.mark.parametrize("field", REPLACED)
def test_another_value_that_makes_another_object_is_read_back_and_quiet(lab: Lab, field: str) -> None:
    """The old one is taken away first, because names clash."""
    key, _, name = field.partition(".")
    declared = REPLACED[field]
    with lab.bench("change") as (bench, engine):
        old = engine.id(key)
        with bench.world.operation() as process:
            assert f"replace {key}" in engine.up(process, declared)
        assert engine.id(key) != old
        assert engine.state[key].live.outs[name] == engine.state[key].inputs[name]
        assert old not in {
            row["id"] for table in ("domains", "tcp_proxies") for row in bench.world.rows(table)
        }
        matches(bench.world, engine, declared)
        with bench.world.operation() as process:
            assert engine.refresh(process) == {}
            assert engine.up(process, declared) == []
