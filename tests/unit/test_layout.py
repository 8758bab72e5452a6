"""Rules that no linter checks: the direction of imports, the length of files, and what a tracked file must
not contain."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from ops.adopt import rehearsal_stack

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
LONGEST_FILE = 600

# folder (or module): what it may import from, besides itself and what is installed
ALLOWED = {
    "user_errors": set[str](),
    "progress": {"user_errors"},
    "railway": {"user_errors", "progress"},
    "firebase": {"user_errors", "progress"},
    # of railway only railway.validation and railway.graphql.credentials, see below
    "settings": {"railway", "user_errors"},
    "checkout": {
        "settings",
        "firebase",
        "user_errors",
        "progress",
    },  # firebase: the client that compiles the rules
    "components": {"checkout", "settings", "railway", "firebase", "user_errors"},
    "__main__": {"components", "checkout", "settings"},
    "ops": {"components", "checkout", "settings", "railway", "firebase", "user_errors"},
    "sandbox": {"components", "checkout", "settings", "railway", "firebase", "ops", "user_errors"},
}
FORBIDDEN = {top: {*ALLOWED, "tests"} - may - {top} for top, may in ALLOWED.items()}
PROGRAM = (
    "__main__",
    "settings",
    "checkout",
    "components",
    "railway",
    "firebase",
    "ops",
    "user_errors",
    "progress",
)


@cache
def tracked() -> tuple[Path, ...]:
    """Every tracked file that is still there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    return tuple(ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


def modules(*tops: str) -> list[Path]:
    """The tracked Python files of these top-level folders or modules."""
    return [
        path
        for path in tracked()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0].removesuffix(".py") in tops
    ]


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports, wherever in the file; relative imports stay at home."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def graph(*tops: str) -> dict[str, set[str]]:
    """Module -> the modules of these folders that it imports, wherever in the file.

    The packages above an imported module are left out: they only collect names.
    """
    files = {module_name(path): path for path in modules(*tops)}
    found: dict[str, set[str]] = {}
    for module, path in files.items():
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names.update(name.name for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                submodules = {f"{node.module}.{name.name}" for name in node.names}
                names |= submodules & set(files) or {node.module}
        found[module] = (names & set(files)) - {module}
    return found


@pytest.mark.parametrize("top", FORBIDDEN)
def test_imports_point_one_way(top: str) -> None:
    """`__main__`, ops -> components -> checkout -> settings; components, ops -> railway, firebase."""
    wrong = {name(path): sorted(back) for path in modules(top) if (back := imported(path) & FORBIDDEN[top])}
    assert not wrong


def test_a_rehearsal_copies_the_whole_program() -> None:
    """The sandbox stays behind: it is a program of its own, which a rehearsal starts as a process."""
    assert {name.removesuffix(".py") for name in rehearsal_stack.PROGRAM} == {*PROGRAM, "Pulumi.yaml"}


def test_no_module_imports_itself_by_way_of_others() -> None:
    left = graph(*PROGRAM)
    assert len(left) > 60
    # Take away what imports nothing that is left, until nothing can be taken away.
    while free := {module for module, needed in left.items() if not needed & set(left)}:
        left = {module: needed for module, needed in left.items() if module not in free}
    assert not left


def test_the_settings_know_of_railway_what_a_value_must_look_like() -> None:
    """And nothing else: they are read before anything is declared."""
    needed = {
        one
        for module, found in graph("settings", "railway").items()
        for one in found
        if module.startswith("settings") and one.startswith("railway")
    }
    assert needed == {"railway.graphql.credentials", "railway.validation"}
    edges = graph("railway")
    for name in needed:
        assert edges[name] <= needed | {"railway.graphql.errors"}
        path = ROOT / f"{name.replace('.', '/')}.py"
        assert imported(path) <= {*sys.stdlib_module_names, "railway", "user_errors"}


def test_railways_client_knows_no_resource() -> None:
    resources = {
        module_name(path)
        for path in modules("railway")
        if any(
            isinstance(node, ast.ClassDef)
            and any(
                re.match(r"dynamic\.Resource$|RailwayResource\[", ast.unparse(base)) for base in node.bases
            )
            for node in ast.walk(ast.parse(path.read_text()))
        )
    }
    assert len(resources) > 10
    provider = resources | {"railway", "railway.provider"}
    wrong = {
        module: sorted(back)
        for module, found in graph("railway").items()
        if module.startswith("railway.graphql") and (back := found & provider)
    }
    assert not wrong


def test_railway_has_few_levels_of_imports() -> None:
    """The longest chain of modules that import each other, from the package itself down."""
    found = graph("railway")
    levels: dict[str, int] = {}

    def level(module: str) -> int:
        if module not in levels:
            levels[module] = 1 + max(map(level, found[module]), default=0)
        return levels[module]

    assert level("railway") <= 11


# The only modules of settings and checkout that open files, or list folders.
OPENS_FILES = {
    "settings/files.py": {"os.open", "os.fdopen", "os.scandir"},
    "checkout/node_program.py": {".open"},  # the first bytes of the command node
    # The process that loads the functions: its pipes, /proc and the mounts of its own namespace.
    "checkout/isolated_process.py": {"open", "os.open", "os.listdir"},
    # The process that runs the tests of the rules: the emulator's output, in a folder of its own.
    "checkout/rules_tests_process.py": {".open", ".read_bytes"},
    "checkout/isolation.py": {"os.scandir"},
    "checkout/hidden_files.py": {"os.scandir"},
    "checkout/temporary_folder.py": {"os.scandir"},
    "checkout/node_process.py": {"os.fdopen"},
    "checkout/archive.py": {"os.scandir", ".write_bytes"},  # the packer, which reads by settings.files
    "settings/reference.py": {".read_text", ".write_text"},  # these two write documentation
    "checkout/trigger_reference.py": {".read_text", ".write_text"},
}
_OPENING = {"open", "io.open", "codecs.open", "os.open", "os.fdopen", "os.walk", "os.scandir", "os.listdir"}
_OPENING_METHODS = {
    "open",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "iterdir",
    "rglob",
    "walk",
}


def opened(path: Path) -> set[str]:
    """The calls in a file that open a file or list a folder, whatever they are called on."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in _OPENING:
            found.add(called)
        elif (
            isinstance(node.func, ast.Attribute)
            and node.func.attr in _OPENING_METHODS
            and not called.startswith(("ast.", "os."))
        ):
            found.add(f".{node.func.attr}")
    return found


def test_one_module_opens_the_files_of_the_checkout() -> None:
    """Else a FIFO, a device or a file of 50 MB is read by a module that does not expect it."""
    found = {name(path): opened(path) for path in modules("settings", "checkout")}
    assert len(found) > 40
    assert {module: calls for module, calls in found.items() if calls} == OPENS_FILES


def test_the_program_needs_only_what_production_installs() -> None:
    """Production installs requirements.txt; what the sandbox and the tests use besides is not there."""
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    normal = {re.sub(r"[-_.]+", "-", distribution).lower() for distribution in pinned}
    provides = packages_distributions()

    def available(package: str) -> bool:
        distributions = (re.sub(r"[-_.]+", "-", d).lower() for d in provides.get(package, []))
        return (
            package in sys.stdlib_module_names
            or package == "_typeshed"  # exists for type checkers only
            or package in FORBIDDEN
            or any(d in normal for d in distributions)
        )

    missing = {
        name(path): sorted(gone)
        for path in modules(*PROGRAM)
        if (gone := {package for package in imported(path) if not available(package)})
    }
    assert not missing


def test_no_file_has_grown_past_reading() -> None:
    """Locks and Google's or Railway's own documents are not read from top to bottom."""
    long = {
        name(path): lines
        for path in tracked()
        if path.suffix in {".py", ".js", ".ts", ".md", ".yml", ".yaml", ".rules", ".dart"}
        and (lines := path.read_text().count("\n")) > LONGEST_FILE
    }
    assert not long


def test_every_module_has_a_docstring() -> None:
    silent = [
        name(path)
        for path in modules(*FORBIDDEN, "tests")
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent


def test_every_test_belongs_to_a_layer() -> None:
    """Layers are chosen by marker; a file without one is run by none of them."""
    layers = re.findall(r'^    "(\w+): ', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    marked = re.compile(rf"pytest\.mark\.(?:{'|'.join(layers)})\b")
    loose = [
        name(path)
        for path in modules("tests")
        if path.name.startswith("test_") and not marked.search(path.read_text())
    ]
    assert layers
    assert not loose


def test_no_folder_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "common", "misc"}
    assert not [name(path) for path in tracked() if drawers & set(path.relative_to(ROOT).parts[:-1])]


def test_no_tracked_file_knows_the_machine_it_was_written_on() -> None:
    """Nor the package index it was installed from: locks keep hashes, the client chooses the index."""
    roots = "|".join(("work", "root", "home", "Users"))  # joined here, or this file would find itself
    paths = re.compile(rf"(?<![\w./$}}~-])/(?:{roots})/[\w.-]+/[\w.-]+")
    index = re.compile(r'--(?:extra-)?index-url|"resolved": "(?!https://registry\.npmjs\.org/)')
    told: dict[str, str] = {}
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # a picture or an archive
        found = paths.search(text) or (index.search(text) if path.suffix in {".txt", ".json"} else None)
        if found:
            told[name(path)] = found.group()
    assert not told
