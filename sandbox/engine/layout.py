"""Create a folder in which the engine runs (CLI, stand-ins, state) and return its environment variables.

The engine dictates the locations: it loads a language host and `pulumi-resource-pulumi-python` without a
warning only from the folder of its own binary, and any other plugin only from `PULUMI_HOME/plugins`. With the
same plugins on PATH it prints a warning at every command. Source: the engine's code.

No stand-ins are placed beside an installed CLI: it has the real plugins.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.engine import starting
from sandbox.engine.toolchain import STAND_IN_MARK, Engine

if TYPE_CHECKING:
    from collections.abc import Iterable

PASSPHRASE = "sandbox"  # noqa: S105 - public: the state that it encrypts contains nothing real

_PLUGINS = {"gcp": "pulumi-gcp", "command": "pulumi-command"}  # plugin name: the SDK's distribution

_DYNAMIC = """\
#!/bin/sh
{mark}: dynamic providers, with the program's interpreter and its folder on sys.path
unset PYTHONSAFEPATH PYTHONHOME
python={python}
if [ "${{PULUMI_RUNTIME_TOOLCHAIN:-}}" = uv ]; then : "${{PULUMI_RUNTIME_VIRTUALENV:=.venv}}"; fi
if [ -n "${{PULUMI_RUNTIME_VIRTUALENV:-}}" ]; then python="$PULUMI_RUNTIME_VIRTUALENV/bin/python"; fi
if [ ! -x "$python" ]; then echo "no Python at $python. fix: see virtualenv in Pulumi.yaml" >&2; exit 1; fi
exec "$python" -u -m pulumi.dynamic "$@"
"""

_STAND_IN = """\
#!/bin/sh
{mark}: {what}
exec {command} "$@"
"""


def lay_out(home: Path, engine: Engine, *, passphrase: str = PASSPHRASE) -> dict[str, str]:
    """Prepare a folder for running an engine; return the environment variables to set in addition.

    Idempotent.

    Args:
        home: the folder; created if missing. State is kept in `home/state`.
        engine: the result of `toolchain.find_or_build`.
        passphrase: encrypts the secrets of stacks in this state.

    Raises:
        OSError: the folder cannot be written.
    """
    home = home.resolve()
    state = home / "state"
    state.mkdir(parents=True, exist_ok=True)
    environ = {
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": passphrase,
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "1",
    }
    folder = engine.pulumi.parent
    if engine.built:
        folder = home / "bin"
        _stand_ins(folder, engine)
        _plugins(home / "pulumi" / "plugins")
        environ["PULUMI_HOME"] = str(home / "pulumi")
        # No downloads during a run: a plugin that is missing here is an error that names it.
        environ["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
        environ["PULUMI_IGNORE_AMBIENT_PLUGINS"] = "true"  # those of another CLI on PATH
    environ["PATH"] = os.pathsep.join(_first(str(folder), os.environ.get("PATH", "").split(os.pathsep)))
    return environ


def _first(folder: str, path: Iterable[str]) -> list[str]:
    return [folder, *(other for other in path if other and other != folder)]


def _stand_ins(folder: Path, engine: Engine) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _link(engine.pulumi, folder / "pulumi")
    host = _STAND_IN.format(
        mark=STAND_IN_MARK, what="Python's language host", command=shlex.join(starting.host(sys.executable))
    )
    _write(folder / "pulumi-language-python", host)
    _write(
        folder / "pulumi-resource-pulumi-python",
        _DYNAMIC.format(mark=STAND_IN_MARK, python=shlex.quote(sys.executable)),
    )


def _plugins(folder: Path) -> None:
    for name, distribution in _PLUGINS.items():
        target = folder / f"resource-{name}-v{metadata.version(distribution)}"
        target.mkdir(parents=True, exist_ok=True)
        command = shlex.join(starting.plugin(sys.executable, f"sandbox.engine.{name}"))
        text = _STAND_IN.format(mark=STAND_IN_MARK, what=f"the {name} plugin", command=command)
        _write(target / f"pulumi-resource-{name}", text)


def _link(source: Path, target: Path) -> None:
    """Make `target` a hard link to `source`, or a copy if they are on different file systems."""
    if target.exists() and (target.samefile(source) or _same_copy(source, target)):
        return
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        part.hardlink_to(source)
    except OSError:
        shutil.copy2(source, part)
    part.replace(target)


def _same_copy(source: Path, target: Path) -> bool:
    one, other = source.stat(), target.stat()
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


def _write(target: Path, text: str) -> None:
    if target.exists() and target.read_text("utf-8") == text:
        return
    part = target.with_name(f".{target.name}.{os.getpid()}")
    part.write_text(text, "utf-8")
    part.chmod(0o755)
    part.replace(target)
