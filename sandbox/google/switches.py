"""The settings of the Google sandbox that a test can change while it runs (`POST /admin/switches`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.google.store import Json


@dataclass(kw_only=True)
class Switches:
    """Every switch with its default.

    Args:
        operation_polls: the number of polls after which a long-running operation is done (0: it is done in
            the first response).
        operation_seconds: the minimum duration of a long-running operation.
        index_build_seconds: how long a Firestore index stays CREATING.
        index_write_seconds: how long Firestore takes to accept a change of an index or a field. Another one
            that arrives meanwhile is aborted for contention (firebase-tools issue 1119).
        field_index_builds: whether new single-field indexes are CREATING for `index_build_seconds`.
        enforce_enablement: whether calls to a disabled API fail with 403 SERVICE_DISABLED.
        function_writes_per_minute: Cloud Functions' write quota per region (Google's is 60); 0: no quota.
        cpu_quota: Cloud Run's CPUs per region, which a function's CPU times its instances cannot exceed.
            Google's differs from project to project; 0: no quota.
        firestore_location: the location of a project's `(default)` database until one is created.
        firestore_located_by_trigger: take the location from the first Firestore trigger instead.
        identity_platform: whether Auth of the projects is upgraded to Identity Platform.
        run_wait_scale: a factor on the waits between the attempts of an event, a job or a task.
    """

    operation_polls: int = 0
    operation_seconds: float = 0.0
    index_build_seconds: float = 0.3
    index_write_seconds: float = 0.0
    field_index_builds: bool = False
    enforce_enablement: bool = True
    function_writes_per_minute: int = 0
    cpu_quota: int = 200
    firestore_location: str = "nam5"
    firestore_located_by_trigger: bool = False
    identity_platform: bool = True
    run_wait_scale: float = 0.1

    def update(self, values: Mapping[str, object]) -> None:
        """Set switches by name, all of them or none.

        Raises:
            ValueError: unknown name or wrong type.
        """
        kinds = {item.name: type(getattr(self, item.name)) for item in fields(self)}
        for name, value in values.items():
            kind = kinds.get(name)
            if kind is None:
                raise ValueError(f"unknown switch {name!r}; known switches: {', '.join(sorted(kinds))}")
            matches = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
            if not matches and not (kind is float and isinstance(value, int) and not isinstance(value, bool)):
                raise ValueError(f"switch {name!r} must be of type {kind.__name__}")
        for name, value in values.items():
            setattr(self, name, kinds[name](value))

    def as_dict(self) -> Json:
        """Return the switches by name."""
        return asdict(self)
