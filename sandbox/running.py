"""What `python -m sandbox up --run` adds: the deployed programs run on this machine.

A `Runner` starts the processes of one cloud. They get the addresses of the emulators; the rest of their
environment is what was deployed.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

MEGABYTE = 1_048_576

# The example's backend reaches WhatsApp through this; any other program ignores the variable.
DEFAULTS = {"WHATSAPP_TRANSPORT": "loopback"}


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What is run.

    Args:
        app: the folder with firebase.json. It is also the source of each repository that `sources` does not
            name.
        sources: folder by "owner/name" of a repository.
    """

    app: Path
    sources: Mapping[str, Path] = field(default_factory=dict[str, "Path"])

    def arguments(self) -> list[str]:
        """Return the arguments of `python -m sandbox serve`."""
        named = [f"--source={repo}={folder.resolve()}" for repo, folder in self.sources.items()]
        return [f"--run={self.app.resolve()}", *named]


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """The places and addresses of a running sandbox.

    Args:
        root: the folder of its state.
        app: the folder with firebase.json.
        railway_url, google_url: base URLs, without a trailing slash.
        firestore_host: `host:port` of the Firestore emulator.
        auth_host: `host:port` of Firebase Auth's stand-in.
        address_of: returns the address on this machine of a public domain of Railway, or None.
    """

    root: Path
    app: Path
    railway_url: str
    google_url: str
    firestore_host: str
    auth_host: str
    address_of: Callable[[str], str | None]

    def environment(self) -> dict[str, str]:
        """Return the variables of every process besides those that were deployed."""
        found = emulator_variables(self.firestore_host, self.auth_host)
        return {"PATH": os.environ.get("PATH", os.defpath), **found}


def emulator_variables(firestore_host: str, auth_host: str) -> dict[str, str]:
    """Return the variables with which Google's libraries use the emulators instead of Google."""
    return {"FIRESTORE_EMULATOR_HOST": firestore_host, "FIREBASE_AUTH_EMULATOR_HOST": auth_host}


@dataclass(frozen=True, kw_only=True)
class Started:
    """One program, for `python -m sandbox status`.

    Args:
        what: "service backend", "function askAboutClient".
        state: "running", "idle", "crashed".
        pid: a process that has the program among its descendants; None while none runs.
        address: where it answers on this machine; "" for none.
    """

    what: str
    state: str
    pid: int | None = None
    address: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


class Runner(Protocol):
    """Starts the processes of one cloud."""

    def start(self) -> None:
        """Begin; all servers listen."""
        ...

    def stop(self) -> None:
        """End every process that was started, within about ten seconds. It may be called again."""
        ...

    def status(self) -> list[Started]:
        """Return what runs; called from another thread."""
        ...


class Runners:
    """All runners, while they are entered.

    Args:
        runners: started in this order, stopped in the reverse one.
    """

    def __init__(self, runners: Sequence[Runner]) -> None:
        self._runners = runners

    def __enter__(self) -> Runners:
        for runner in self._runners:
            runner.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop all; a second time it does nothing."""
        for runner in reversed(self._runners):
            runner.stop()

    def status(self) -> list[Started]:
        """Return what runs."""
        return [one for runner in self._runners for one in runner.status()]
