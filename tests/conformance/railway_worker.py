"""A service without a volume, whose settings are the only resource: each operation in a provider process of
its own.
"""

from __future__ import annotations

from typing import Any

from railway.service import ServiceProvider
from railway.service_settings import ServiceSettingsProvider
from railway.settings_table import SETTINGS
from tests.conformance.dynamic_process import Live, refusal
from tests.conformance.railway_world import World, first_up

BARE: dict[str, Any] = {"has_volume": False, "replicas": 1}


class Worker:
    """Beside a stack that is up.

    Args:
        world: the sandbox.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        engine = first_up(world)
        self.place = {"project_id": engine.id("project"), "environment_id": engine.id("environment")}
        with world.operation() as process:
            made = process.resource(ServiceProvider()).create(self.place | {"service_name": "worker"})
        self.place["service_id"] = made.id
        self.live: Live | None = None
        world.reset()

    def up(self, **declared: Any) -> Live:
        """Create the settings, or bring them to what is declared; there must be something to do."""
        with self.world.operation() as process:
            resource = process.resource(ServiceSettingsProvider())
            news = resource.inputs(self.place | BARE | declared)
            if self.live is None:
                self.live = resource.create(news)
            else:
                assert resource.diff(self.live, news).changes
                self.live = resource.update(self.live, news)
        return self.live

    def refused(self, **declared: Any) -> str:
        """What a person reads; nothing of it enters the state."""
        return refusal(lambda: self.up(**declared))

    def refresh(self) -> dict[str, tuple[Any, Any]]:
        """Read; returns what is different now."""
        assert self.live is not None
        before = self.live.outs
        with self.world.operation() as process:
            self.live, _ = process.resource(ServiceSettingsProvider()).read(self.live)
        after = self.live.outs
        return {
            name: (before.get(name), after.get(name))
            for name in sorted({*before, *after})
            if before.get(name) != after.get(name)
        }

    def quiet(self, **declared: Any) -> bool:
        """Whether a preview is empty."""
        assert self.live is not None
        with self.world.operation() as process:
            resource = process.resource(ServiceSettingsProvider())
            return not resource.diff(self.live, resource.inputs(self.place | BARE | declared)).changes

    def edit(self, **edit: Any) -> None:
        """Change settings in the dashboard, by Railway's names."""
        self.world.manual(
            "mutation($e: String!, $s: String!, $i: ServiceInstanceUpdateInput!)"
            " { serviceInstanceUpdate(environmentId: $e, serviceId: $s, input: $i) }",
            e=self.place["environment_id"],
            s=self.place["service_id"],
            i=edit,
        )

    def instance(self) -> dict[str, Any]:
        """What Railway has of the service."""
        (row,) = self._ours("instances")
        return row

    def settings(self) -> dict[str, object]:
        """Every setting that Railway has and that differs from its default."""
        row = self.instance()
        row["replicas"] = row["num_replicas"]
        values = {setting.name: setting.normal(row[setting.name]) for setting in SETTINGS}
        nothing = {setting.name: setting.normal(setting.default) for setting in SETTINGS} | {
            "builder": "RAILPACK"
        }
        return {name: value for name, value in values.items() if value not in (None, nothing[name])}

    def triggers(self) -> list[tuple[str, str, str | None]]:
        """Repository, branch and root directory of each of its triggers."""
        rows = self._ours("triggers")
        return [(row["repository"], row["branch"], row["root_directory"]) for row in rows]

    def deployments(self) -> int:
        """How many of it there are."""
        return len(self._ours("deployments"))

    def _ours(self, table: str) -> list[dict[str, Any]]:
        return [row for row in self.world.rows(table) if row["service_id"] == self.place["service_id"]]
