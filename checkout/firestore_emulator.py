"""Where Google's Firestore emulator and its Java are on this machine, and how it is started.

It is looked for in a path that the user sets, in every installation of the Google Cloud CLI, and in the cache
of firebase-tools. It is not downloaded (60 MB, under Google's terms).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from user_errors import OR, add_fix

LOOPBACK = "127.0.0.1"
OVERRIDE = "FIRESTORE_EMULATOR_PATH"

_COMPONENT = Path("platform", "cloud-firestore-emulator", "cloud_firestore_emulator")
_CACHED_JAR = re.compile(r"cloud-firestore-emulator-v(\d+)\.(\d+)\.(\d+)\.jar")
# The folders of the Google Cloud CLI by installer: Debian, RPM, archives, Homebrew (both architectures, both
# names of the cask), snap.
_SYSTEM_ROOTS = (
    "/usr/lib/google-cloud-sdk",
    "/usr/lib64/google-cloud-sdk",
    "/usr/share/google-cloud-sdk",
    "/usr/local/google-cloud-sdk",
    "/opt/google-cloud-sdk",
    "/opt/google-cloud-cli",
    "/opt/homebrew/share/google-cloud-sdk",
    "/opt/homebrew/Caskroom/google-cloud-sdk/latest/google-cloud-sdk",
    "/opt/homebrew/Caskroom/gcloud-cli/latest/google-cloud-sdk",
    "/usr/local/share/google-cloud-sdk",
    "/usr/local/Caskroom/google-cloud-sdk/latest/google-cloud-sdk",
    "/usr/local/Caskroom/gcloud-cli/latest/google-cloud-sdk",
    "/snap/google-cloud-cli/current",
    "/snap/google-cloud-sdk/current",
)
_INSTALL_FIX = (
    "gcloud components install cloud-firestore-emulator\n"
    f"{OR}apt-get install google-cloud-cli-firestore-emulator\n"
    f"{OR}npx firebase-tools setup:emulators:firestore\n"
    f"{OR}export {OVERRIDE}=<its script, jar or folder>"
)


class FirestoreError(Exception):
    """The emulator is missing, does not start or does not respond; the message has the reason and the fix."""


def candidates(environ: Mapping[str, str], system_roots: Sequence[str] = _SYSTEM_ROOTS) -> Iterator[Path]:
    """Yield all paths at which the emulator may be, the most specific first; they need not exist.

    Args:
        environ: CLOUDSDK_ROOT, PATH (for gcloud's own folder), HOME, FIREBASE_EMULATORS_PATH are read.
        system_roots: folders in which installers put the Google Cloud CLI.
    """
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    roots = [Path(environ[name]) for name in ("CLOUDSDK_ROOT", "CLOUDSDK_ROOT_DIR") if environ.get(name)]
    gcloud = shutil.which("gcloud", path=environ.get("PATH"))
    if gcloud:
        roots.append(Path(gcloud).resolve().parent.parent)
    roots += [home / "google-cloud-sdk", home / ".local" / "google-cloud-sdk"]
    roots += [Path(root) for root in system_roots]
    for root in roots:
        yield root / _COMPONENT
    cache = Path(environ.get("FIREBASE_EMULATORS_PATH") or home / ".cache" / "firebase" / "emulators")
    yield from _cached_jars(cache)


def _cached_jars(folder: Path) -> list[Path]:
    """Return the jars that firebase-tools downloaded, newest version first."""
    found: list[tuple[tuple[int, ...], Path]] = []
    for path in folder.glob("cloud-firestore-emulator-v*.jar"):
        match = _CACHED_JAR.fullmatch(path.name)
        if match:
            found.append((tuple(int(part) for part in match.groups()), path))
    return [path for _, path in sorted(found, reverse=True)]


def find_emulator(environ: Mapping[str, str], system_roots: Sequence[str] = _SYSTEM_ROOTS) -> Path:
    """Return the emulator's script or jar.

    Raises:
        FirestoreError: FIRESTORE_EMULATOR_PATH has no emulator, or the emulator is not installed.
    """
    override = environ.get(OVERRIDE)
    if override:
        path = Path(override).expanduser()
        inside = [path / _COMPONENT.name, path / _COMPONENT, *_cached_jars(path)] if path.is_dir() else [path]
        for candidate in inside:
            # The jar of the Google Cloud CLI, unlike that of firebase-tools, is started by its script only.
            script = candidate.with_name(_COMPONENT.name)
            if candidate.is_file():
                return script if script.is_file() else candidate
        raise FirestoreError(
            add_fix(f"{OVERRIDE} is {override}, where there is no Firestore emulator.", _INSTALL_FIX, "")
        )
    for candidate in candidates(environ, system_roots):
        if candidate.is_file():
            return candidate
    raise FirestoreError(add_fix("Google's Firestore emulator is not installed.", _INSTALL_FIX, ""))


def find_java(environ: Mapping[str, str]) -> str:
    """Return the Java that runs the emulator: $JAVA, as in its script, then JAVA_HOME, then PATH.

    Raises:
        FirestoreError: there is no Java.
    """
    for candidate in (
        environ.get("JAVA"),
        environ.get("JAVA_HOME") and f"{environ['JAVA_HOME']}/bin/java",
        "java",
    ):
        found = candidate and shutil.which(candidate, path=environ.get("PATH"))
        if found:
            return found
    fix = (
        "install Java 17 or later, such as by:\n"
        "apt-get install default-jre-headless\n"
        f"{OR}brew install openjdk\n"
        f"{OR}export JAVA_HOME=<folder of Java>"
    )
    raise FirestoreError(add_fix("the Firestore emulator needs Java, which is not on PATH.", fix, ""))


def start_command(emulator: Path, java: str, port: int, options: Sequence[str] = ()) -> list[str]:
    """Return the command that starts the emulator on a loopback port."""
    listen = [f"--host={LOOPBACK}", f"--port={port}", *options]
    if emulator.suffix == ".jar":
        # As in firebase-tools: the emulator's messages exist in English only.
        return [java, "-Duser.language=en", "-jar", str(emulator), *listen]
    return [str(emulator), "start", *listen]
