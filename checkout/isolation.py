"""What code of the checkout may see while it is loaded, and with what the system can enforce it.

The code and its dependencies run on a machine where other processes hold production's credentials in their
environment, and the home folder holds more in files. Isolated, the code sees no process but its own, and of
the file system only: the libraries and programs of the system, the app, the packages that it links to, and a
temporary folder. All but that folder is read-only. Files and folders of the app that may hold credentials,
and .git, are hidden (`checkout.hidden_files`).

It has no network but a loopback of its own. Processes of this machine listen on the other one without asking
who connects: the Pulumi engine, through which code could run commands with all tokens. On a machine of Google
the metadata server gives an access token to every process.
"""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from checkout import hidden_files, package_json
from checkout.hidden_files import Hidden, TooMuchError
from checkout.package_json import MODULES
from user_errors import OR, add_fix

_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store",
    str(Path("/home/linuxbrew", ".linuxbrew")),
    # Of /etc only what programs and libraries need: it may hold keys.
    "/etc/alternatives", "/etc/ca-certificates", "/etc/fonts", "/etc/gai.conf", "/etc/group",
    "/etc/host.conf", "/etc/hosts", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
    "/etc/localtime", "/etc/mime.types", "/etc/nsswitch.conf", "/etc/os-release", "/etc/passwd",
    "/etc/pki/ca-trust", "/etc/pki/tls/certs", "/etc/protocols", "/etc/resolv.conf", "/etc/services",
    "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/timezone",
)  # fmt: skip
_MOST_LINKS = 1000
_DEPENDENCIES = ("dependencies", "optionalDependencies", "peerDependencies")
WARNING = (
    "code of the functions and of their dependencies ran without isolation ({reason}): it can read files of "
    "your home folder, and the environment of your shell and of Pulumi, tokens included."
)


class IsolationError(Exception):
    """This system isolates, but not this code: the code was not run. The text says why.

    It is never run without isolation instead: what the app contains must not decide on that.
    """


_ELSEWHERE = (
    "run this in a container without credentials:\n"
    ".venv/bin/python -m ops discover --stack <stack> --out discovered{options}\n"
    "Then, in the shell of the preview:\n"
    "export CRM_DISCOVERED=discovered"
)
FIX_OF_ERROR = (
    f"remove the files named above from the app\n{OR}{_ELSEWHERE.format(options=' --no-isolation')}"
)
NOT_WANTED = "--no-isolation"


@dataclass(frozen=True, kw_only=True)
class View:
    """The file system of isolated code: paths, in an order in which they can be mounted.

    `links` are made as they are; `visible` are read-only, except the folders `changeable`, in which `fixed`
    are read-only; `hidden` is in them.
    """

    links: dict[str, str] = field(default_factory=dict)
    visible: tuple[str, ...] = ()
    changeable: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    hidden: Hidden = field(default_factory=Hidden)


def view(folder: Path, app_dir: Path, programs: Sequence[Path]) -> View:
    """What the code in `folder` may see.

    Args:
        folder: the codebase.
        app_dir: the app, which contains it.
        programs: files and folders that run the code, such as Node.

    Raises:
        IsolationError: there is too much to hide.
    """
    folder, app_dir = folder.resolve(), app_dir.resolve()
    links, wanted = _system()
    for program in programs:
        wanted.append(program)
        prefix = program.parent.parent
        if (prefix / "include/node").is_dir():
            wanted.append(prefix / "lib")  # of Conda: its Node needs libraries
    apps = [folder, checkout_of(folder, app_dir)]
    links_of = _packages(folder)
    packages = [package for package in links_of if not _contains_home(package)]
    # Packages that links lead to are in the checkout as well, unless they are installed.
    linked = {package: links_of[package] for package in packages if MODULES not in package.parts}
    shown = [Path(path) for path in _without_nested([*apps, *linked])]
    try:
        hidden = hidden_files.search(shown, [folder, *_needed(folder, linked)])
    except TooMuchError as error:
        raise IsolationError(str(error)) from None
    return View(links=links, visible=_without_nested([*wanted, *apps, *packages]), hidden=hidden)


def checkout_of(folder: Path, app_dir: Path) -> Path:
    """The folder whose files a pull request can change: the app, or the codebase if the app contains a home
    folder, with programs that are installed there.
    """
    folder, app_dir = folder.resolve(), app_dir.resolve()
    return folder if _contains_home(app_dir) else app_dir


def of_system(programs: Sequence[Path]) -> View:
    """A view that does not depend on the app, to learn whether this system isolates at all."""
    links, wanted = _system()
    return View(links=links, visible=_without_nested([*wanted, *programs]))


def _system() -> tuple[dict[str, str], list[Path]]:
    links = {path: os.readlink(path) for path in _SYSTEM[:7] if Path(path).is_symlink()}  # noqa: PTH115
    return links, [Path(path) for path in _SYSTEM if path not in links and Path(path).exists()]


def _without_nested(paths: Sequence[Path]) -> tuple[str, ...]:
    kept: list[Path] = []
    for path in sorted(paths):
        if not any(path.is_relative_to(one) for one in kept):
            kept.append(path)
    return tuple(str(path) for path in kept)


def bubblewrap(
    program: str, view: View, writable: Path, folder: Path, environment: Mapping[str, str]
) -> list[str]:
    """The start of a command that runs the rest of it in this view. `program` is bubblewrap."""
    line = [program, "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-net", "--die-with-parent"]
    line += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]  # noqa: S108  (a place in the view)
    for path, target in view.links.items():
        line += ["--symlink", target, path]
    for path in view.visible:
        line += ["--ro-bind", path, path]
    for path in view.changeable:
        line += ["--bind", path, path]
    for path in view.fixed:
        line += ["--ro-bind", path, path]
    for path in view.hidden.empty:
        line += ["--tmpfs", path] if Path(path).is_dir() else ["--dev-bind", os.devnull, path]
    for path in view.hidden.denied:
        line += ["--ro-bind", os.devnull, path]  # without "dev", to open a device is an error
    line += [
        "--bind",
        str(writable),
        str(writable),
        "--remount-ro",
        "/",
        "--chdir",
        str(folder),
        "--clearenv",
    ]
    for name, value in environment.items():
        line += ["--setenv", name, value]
    return [*line, "--"]


def warning(reason: str) -> str:
    """The warning that the code ran without isolation."""
    fix = _ELSEWHERE.format(options="")
    if reason == NOT_WANTED:
        fix = f"where credentials are, run it without {NOT_WANTED}"
    elif sys.platform == "linux":
        fix = f"install bubblewrap, or allow user namespaces\n{OR}{fix}"
    return add_fix(WARNING.format(reason=reason), fix, "    ")


def _packages(folder: Path) -> dict[Path, set[str]]:
    """The folders of dependencies, and the packages that they link to, with the names of these links.

    The links are those of a workspace, or of `npm link`. Node looks for packages in `node_modules` of each
    folder above the file that loads them.
    """
    todo, found = [folder], dict[Path, set[str]]()
    while todo and len(found) < _MOST_LINKS:
        package = todo.pop()
        for above in (package, *package.parents):
            modules = (above / MODULES).resolve()
            if modules in found or modules.name != MODULES or not modules.is_dir():
                continue
            found[modules] = set()
            for name, target in _links(modules):
                if target.is_relative_to(modules):
                    continue
                if target not in found:
                    todo.append(target)
                found.setdefault(target, set()).add(name)
    return found


def _needed(folder: Path, linked: Mapping[Path, set[str]]) -> list[Path]:
    """The linked packages that the codebase depends on, or that one of them depends on.

    A workspace links all of its packages, such as the app for phones.
    """
    needed: list[Path] = []
    todo, names = [folder], set[str]()
    while todo:
        names |= package_json.section(package_json.of_package(todo.pop()), *_DEPENDENCIES).keys()
        new = [package for package, own in linked.items() if own & names and package not in needed]
        needed += new
        todo += new
    return needed


def _links(modules: Path) -> Iterator[tuple[str, Path]]:
    """The packages that links in a `node_modules` lead to, and the names of the links.

    A link to any other folder does not count.
    """
    folders = [modules]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue
        for entry in entries:
            if entry.is_symlink():
                target = Path(entry.path).resolve()
                if (target / "package.json").is_file():
                    yield Path(entry.path).relative_to(modules).as_posix(), target
            elif entry.name.startswith("@") and entry.is_dir():
                folders.append(Path(entry.path))


def _contains_home(path: Path) -> bool:
    homes = [os.environ.get("HOME", "")]
    with suppress(KeyError):  # a container may run with a number that has no name
        homes.append(pwd.getpwuid(os.getuid()).pw_dir)
    return any(home and Path(home).resolve().is_relative_to(path) for home in homes)
