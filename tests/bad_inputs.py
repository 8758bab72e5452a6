"""Inputs that nobody writes by mistake, or only once: for each kind of attack, a row for each key it can hit.

The rows have the form of `tests.bad_settings`, whose table contains SETTINGS. FILES are attacks on a file of
the checkout, for tests/security/test_bad_files.py.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from settings.keys import Key, ValueType
from settings.model import KEYS
from tests.bad_rows import NAMESPACE, Bad, one, put, put_part

DIGITS = "9" * 5_000  # more than Python reads as an integer
MANY_DIGITS = "9" * 400  # as many as it reads, and more than a float or a column of a database can hold
DEEP = 3_000
BIG = 50_000_000

_TEXTS = (ValueType.STRING, ValueType.PATH)
_NUMBERS = (ValueType.INTEGER, ValueType.NUMBER)
_OBJECTS = (ValueType.OBJECT, ValueType.STRINGS, ValueType.VARIABLES)


def _keys(*kinds: ValueType) -> list[Key]:
    return [key for key in KEYS.values() if key.value_type in kinds]


def _command(key: Key) -> str:
    """What the fix of a value of the wrong type contains."""
    if key.value_type is ValueType.LIST:
        return put_part(f"{key.name}[0]")
    return put_part(f"{key.name}.NAME") if key.value_type in _OBJECTS else put(key.name)


def _nul() -> Iterator[Bad]:
    for key in _keys(*_TEXTS):
        yield one(f"U+0000 in {key.name}", key.name, "a\0b", put(key.name))
    for key in _keys(ValueType.LIST):
        yield one(f"U+0000 in {key.name}", key.name, ["a\0b"], put_part(f"{key.name}[0]"))
    for key in _keys(ValueType.STRINGS, ValueType.VARIABLES):
        if key.name != "allowClientDeletes":
            fix = put_part(f"{key.name}.NAME")
            yield one(f"U+0000 in {key.name}", key.name, {"NAME": "a\0b"}, fix)
    fix = put_part("functionParams.NAME")
    yield one("U+0000 in functionParams", "functionParams", {"NAME": ["a\0b"]}, fix)


def _long() -> Iterator[Bad]:
    for key in _keys(*_TEXTS):
        if not key.choices:
            yield one(f"200,000 characters of {key.name}", key.name, "/" + "x" * 200_000, put(key.name))
    for key in _keys(ValueType.LIST):
        if not key.choices:
            value = ["x" * 200_000]
            yield one(f"200,000 characters in {key.name}", key.name, value, put_part(f"{key.name}[0]"))
    for name in ("appDir", "rootDirectory", "dockerfilePath", "railwayConfigFile"):
        yield one(f"a path of 5,000 characters in {name}", name, "a/" * 2_500 + "x.toml", put(name))
        yield one(f"a name of 5,000 characters in {name}", name, "a" * 5_000 + ".toml", put(name))


def _digits() -> Iterator[Bad]:
    for key in _keys(*_NUMBERS):
        for name, value in (
            ("5,000 digits", DIGITS),
            ("400 digits", MANY_DIGITS),
            ("minus 400 digits", f"-{MANY_DIGITS}"),
            ("a number that is not finite", "1e999"),
            ("no number", "NaN"),
        ):
            yield one(f"{name} in {key.name}", key.name, value, put(key.name))
    for key in _keys(ValueType.BOOLEAN):
        yield one(f"5,000 digits in {key.name}", key.name, DIGITS, put(key.name), cli=True)
    for key in _keys(*_OBJECTS, ValueType.LIST):
        yield one(f"5,000 digits in {key.name}", key.name, f"[{DIGITS}]", _command(key), cli=True)
    yield one(
        "400 digits of a variable",
        "backendVariables",
        f'{{"A": {MANY_DIGITS}}}',
        put_part("backendVariables.A"),
    )
    yield one(
        "400 digits of a param", "functionParams", f'{{"A": {MANY_DIGITS}}}', put_part("functionParams.A")
    )
    yield one("param that is not finite", "functionParams", '{"A": 1e999}', put_part("functionParams.A"))


def _deep() -> Iterator[Bad]:
    lists, objects = "[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP
    for key in _keys(*_OBJECTS, ValueType.LIST, ValueType.BOOLEAN, *_NUMBERS):
        yield one(f"3,000 lists in {key.name}", key.name, lists, _command(key), cli=True)
        yield one(f"3,000 objects in {key.name}", key.name, objects, _command(key), cli=True)
    within = '{"A": ' + "[" * 400 + "]" * 400 + "}"
    yield one("400 lists in a param", "functionParams", within, put_part("functionParams.A"))


def _unlike() -> Iterator[Bad]:
    """Values that look right: other letters, characters that nobody sees, other spellings."""
    for char in ("\u200b", "\u2060", "\ufeff", "\u202e", "\u00ad", "\x7f", "\x1b", "\u2028"):
        name = f"U+{ord(char):04X}"
        yield one(f"{name} in a branch", "branch", f"ma{char}in", put("branch", "main"))
        yield one(f"{name} in the root directory", "rootDirectory", f"back{char}end", put("rootDirectory"))
        yield one(f"{name} in a command", "startCommand", f"node{char} index.js", put("startCommand"))
        value = [f"Firebase{char} initialized"]
        yield one(f"{name} in a log line", "logExpectations", value, put_part("logExpectations[0]"))
        yield one(
            f"{name} in a pattern", "watchPatterns", [f"back{char}end/**"], put_part("watchPatterns[0]")
        )
    yield Bad(
        name="main with a Cyrillic letter in production",
        key=f"{NAMESPACE}:branch",
        fix=put("branch", "main"),
        config={"branch": "m\u0430in"},
        stack="prod",
    )
    for key, value, fix in (
        ("googleProject", "crm-sandb\u043ex", put("googleProject")),
        ("repo", "ex\u0430mple/whatsapp-crm", put("repo")),
        ("region", "us-c\u0435ntral1", put("region")),
        ("railwayPlan", "pr\u043e", put("railwayPlan", "pro")),
        ("restartPolicy", "\u041eN_FAILURE", put("restartPolicy", "ON_FAILURE")),
        ("customDomain", "crm.ex\u0430mple.com", put("customDomain")),
        ("railwayServiceName", "b\u0430ckend", put("railwayServiceName")),
        ("firestoreDatabase", "(d\u0435fault)", put("firestoreDatabase")),
    ):
        yield one(f"Cyrillic letter in {key}", key, value, fix)
    yield Bad(
        name="Cyrillic letter in the name of a key",
        key=f"{NAMESPACE}:br\u0430nch",
        fix=put("branch"),
        config={"br\u0430nch": "main"},
    )
    spelled = "b7d1c0de-1234-4abc-8def-00000000000a"
    for key in ("railwayWorkspaceId", "railwayProjectId"):
        for name, value in (
            ("capitals", spelled.upper()),
            ("braces", f"{{{spelled}}}"),
            ("a prefix", f"urn:uuid:{spelled}"),
            ("no dashes", spelled.replace("-", "")),
        ):
            yield one(f"{key} with {name}", key, value, put(key, spelled))


def _later() -> Iterator[Bad]:
    """Values that would pass a preview, and fail on Railway or Google."""
    for value in (
        "main.lock", "a/.b", "a/b.lock/c", ".main", "main.", "a..b", "a@{b", "@", "HEAD", "-main", "/main",
        "main/", "a//b", "a~b", "a^b", "a:b", "a?b", "a*b", "a[b", "a\\b", "a b", "x" * 251, "\u00e9" * 126,
    ):  # fmt: skip
        yield one(f"branch {value[:12]} of {len(value)}", "branch", value, put("branch", "main"))
    for value in (
        "/health#ready", "/#", "/h\u00e9alth", "/health\x07", "/a<b", "/a>b", '/a"b', "/a{b}", "/a|b",
        "/a\\b", "/a^b", "/a`b", "/100%", "/%zz", "/../admin", "/a/./b", "/" + "x" * 2_000,
    ):  # fmt: skip
        yield one(f"health path {value[:12]!a}", "healthPath", value, put("healthPath", "/health"))
    for value in (
        "/etc", "/proc", "/proc/1", "/sys", "/sys/fs/cgroup", "/dev", "/dev/shm", "/bin", "/sbin", "/lib",
        "/lib64/sessions", "/boot", "/usr", "/usr/bin", "/usr/local/bin", "/usr/lib", "/var", "/run",
        "/etc/ssl/certs", "/usr/lib/x86_64-linux-gnu", "/tmp", "/app/node_modules",
        "/app/s\u00e9", "/app/\x07", "/" + "x" * 256,
    ):  # fmt: skip
        yield one(
            f"mount path {value[:16]!a}", "volumeMountPath", value, put("volumeMountPath", "/app/sessions")
        )
    for key, value in (
        ("cpuLimit", "1e300"), ("cpuLimit", "2401"), ("cpuLimit", "1001"), ("cpuLimit", "1e-300"),
        ("cpuLimit", "-1"),
        ("memoryLimitGb", "1e300"), ("memoryLimitGb", "2401"), ("memoryLimitGb", "1001"),
        ("memoryLimitGb", "1e-9"), ("memoryLimitGb", "0"),
    ):  # fmt: skip
        yield one(f"{value} in {key}", key, value, put(key))
    for key, value in (("cpuLimit", "49"), ("memoryLimitGb", "49")):
        yield Bad(
            name=f"{value} in {key} of the hobby plan",
            key=f"{NAMESPACE}:{key}",
            fix=put(key, "8"),
            config={"railwayPlan": "hobby", "volumeSizeGb": "5", key: value},
        )
    for size in (131_072, 200_000, 1_000_000):
        fix = put_part("backendVariables.A")
        yield one(f"variable of {size} bytes", "backendVariables", {"A": "x" * size}, fix)
    yield one(
        "variables of 2 MB",
        "backendVariables",
        {f"A{number}": "x" * 100_000 for number in range(20)},
        "pulumi config rm --path 'whatsapp-crm:backendVariables.NAME'",
    )
    for size in (65_537, 70_000, 200_000):
        fix = "pulumi config set --secret --path 'whatsapp-crm:secrets.GROQ_API_KEY'"
        values = {"GROQ_API_KEY": "x" * size, "ADMIN_EMAILS": "owner@example.com"}
        yield one(f"secret of {size} bytes", "secrets", values, fix)
    for value in (".", ".."):
        yield one(f"repository {value}", "repo", f"example/{value}", put("repo"))
    yield one("empty watch pattern", "watchPatterns", [""], put_part("watchPatterns[0]"))
    yield one("integer of Python", "waitSeconds", "1_200", put("waitSeconds", "1200"))
    yield one(
        "integer of other digits", "waitSeconds", "\u0661\u0662\u0660\u0660", put("waitSeconds", "1200")
    )
    for token in ("x" * 131_073, "0123456789abcdef\0"):
        yield Bad(
            name=f"admin token of {len(token)} characters",
            key=f"{NAMESPACE}:adminToken",
            fix="pulumi config set --secret whatsapp-crm:adminToken",
            config={"adminToken": token},
            secret=("adminToken",),
        )


def _environment() -> Iterator[Bad]:
    for variable in ("RAILWAY_WAIT_SCALE", "RAILWAY_TIMEOUT_SECONDS"):
        for value in (
            "nan", "inf", "-inf", "-1", "0", "1e300", "1e-300", "ten", DIGITS, "0x10", "1,5", "\x00", "5s",
        ):  # fmt: skip
            yield Bad(
                name=f"{variable} is {value[:12]!a}",
                key=variable,
                fix=f"unset {variable}",
                environ={variable: value},
            )
    for value in (
        "https://[", "https://", "https:///x", "railway.example", "//railway.example",
        "https//railway.example", "ftp://railway.example", "http://railway.example", "http://127.0.0.1.example",
        "http://localhost.example", "file:///etc/passwd", "https:railway.example", "[::1]", "http://[::1",
        "javascript:alert(1)",
    ):  # fmt: skip
        yield Bad(
            name=f"RAILWAY_API_URL is {value}",
            key="RAILWAY_API_URL",
            fix="unset RAILWAY_API_URL",
            environ={"RAILWAY_API_URL": value},
        )


SETTINGS: tuple[Bad, ...] = (
    *_nul(), *_long(), *_digits(), *_deep(), *_unlike(), *_later(), *_environment(),
)  # fmt: skip


@dataclass(frozen=True)
class BadFile:
    """An attack on one file of the checkout.

    Args:
        name: the attack.
        make: replaces the file by the attack.
        what: what the message says.
    """

    name: str
    make: Callable[[Path], None]
    what: str

    @property
    def is_link(self) -> bool:
        """Whether it is a link to something that is no file of the checkout."""
        return "device" in self.what or "itself" in self.what


def _write(content: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(content)

    return make


def _large(path: Path) -> None:
    """50 MB that take no room on the disk."""
    with path.open("wb") as file:
        file.truncate(BIG)


def _socket(path: Path) -> None:
    # The name of a socket can have 108 bytes, so it is made from its folder.
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(path.parent)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.fchdir(before)
        os.close(before)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _linked_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


SPECIAL: tuple[BadFile, ...] = (
    BadFile("a FIFO", os.mkfifo, "is a FIFO, not a file"),
    BadFile("a socket", _socket, "is a socket, not a file"),
    BadFile("a folder", Path.mkdir, "is a folder, not a file"),
    BadFile("a device without an end", _linked_to("/dev/zero"), "is a device, not a file"),
    BadFile("a terminal", _linked_to("/dev/tty"), "is a device, not a file"),
    BadFile("a link to itself", _loop, "is a link that leads to itself"),
    BadFile("50 MB", _large, "has more than 2 MB"),
    BadFile("not UTF-8", _write(b"{\xff\xfe}"), "cannot be read: 'utf-8' codec"),
    BadFile("half of a UTF-8 character", _write(b'{"a": "\xe2\x82'), "cannot be read: 'utf-8' codec"),
    BadFile("UTF-16", _write("{}".encode("utf-16")), "cannot be read: 'utf-8' codec"),
)
"""Attacks on any file that is read as configuration."""

JSON: tuple[BadFile, ...] = (
    BadFile("3,000 lists", _write(b'{"a": ' + b"[" * DEEP + b"]" * DEEP + b"}"), "nested too deeply"),
    BadFile("400 lists", _write(b'{"a": ' + b"[" * 400 + b"]" * 400 + b"}"), "100 levels of lists"),
    BadFile("3,000 objects", _write(b'{"a":' * DEEP + b"1" + b"}" * DEEP), "nested too deeply"),
    BadFile("5,000 digits", _write(b'{"a": ' + DIGITS.encode() + b"}"), "too many digits"),
    BadFile("400 digits", _write(b'{"a": ' + MANY_DIGITS.encode() + b"}"), "too many digits"),
    BadFile("a number that is not finite", _write(b'{"a": 1e999}'), "not finite"),
    BadFile("NaN", _write(b'{"a": NaN}'), "holds NaN"),
    BadFile("U+0000", _write(b'{"a": "b\\u0000c"}'), "U+0000"),
    BadFile("U+0000 in a key", _write(b'{"a\\u0000": "b"}'), "U+0000"),
    BadFile("half of a character", _write(b'{"a": "\\ud800"}'), "U+D800"),
    BadFile("200,001 values", _write(b'{"a": [' + b"1," * 200_000 + b"1]}"), "200000 values"),
    BadFile("a key twice", _write(b'{"a": 1, "a": 2}'), "given twice"),
    BadFile("comments without an end", _write(b"{" + b"/* " * 600_000), "not valid JSON"),
    BadFile("strings without an end", _write(b'{"' + b'\\"' * 900_000), "not valid JSON"),
    BadFile("one line of 1 MB", _write(b'{"a": ' + b" " * 1_000_000 + b"x}"), "not valid JSON"),
    BadFile("a list", _write(b"[]"), "must hold one JSON object"),
    BadFile("nothing", _write(b""), "not valid JSON"),
)
"""Attacks on a JSON file."""

# Twelve lists of nine: 9 to the power of 12 values.
_ALIASES = b"a0: &a0 [1,1,1,1,1,1,1,1,1]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)
)
YAML: tuple[BadFile, ...] = (
    BadFile("3,000 lists", _write(b"a: " + b"[" * DEEP + b"]" * DEEP), "nested too deeply"),
    BadFile("400 lists", _write(b"a: " + b"[" * 90 + b"[[[[[[[[[[[[" + b"]" * 102), "100 levels of lists"),
    BadFile(
        "aliases that stand for billions of values",
        _write(_ALIASES),
        "200000 values",
    ),
    BadFile("an alias of itself", _write(b"a: &a [*a]\n"), "100 levels of lists"),
    BadFile("5,000 digits", _write(b"a: " + DIGITS.encode()), "not valid YAML"),
    BadFile("400 digits", _write(b"a: " + MANY_DIGITS.encode()), "too many digits"),
    BadFile("a number that is not finite", _write(b"a: .inf"), "not finite"),
    BadFile("a day that does not exist", _write(b"a: 2026-02-31"), "not valid YAML"),
    BadFile("a Python object", _write(b"a: !!python/object/apply:os.system [true]"), "not valid YAML"),
    BadFile("U+0000", _write(b'a: "b\\0c"'), "U+0000"),
    BadFile("a list as a key", _write(b"[a]: b"), "not valid YAML"),
    BadFile("a tab", _write(b"a:\n\t- b"), "not valid YAML"),
    BadFile("nothing", _write(b""), "does not contain a manifest"),
)  # fmt: skip
"""Attacks on functions.yaml."""

TOML: tuple[BadFile, ...] = (
    BadFile("3,000 lists", _write(b"a = " + b"[" * DEEP + b"]" * DEEP), "nested too deeply"),
    BadFile("5,000 digits", _write(b"a = " + DIGITS.encode()), "cannot be read"),
    BadFile("400 digits", _write(b"a = " + MANY_DIGITS.encode()), "too many digits"),
    BadFile("a number that is not finite", _write(b"a = inf"), "not finite"),
    BadFile("no number", _write(b"a = nan"), "not finite"),
    BadFile("U+0000", _write(b'a = "b\\u0000c"'), "U+0000"),
    BadFile("a key twice", _write(b"a = 1\na = 2"), "cannot be read"),
    BadFile(
        "a day as a number of replicas", _write(b"[deploy]\nnumReplicas = 2026-11-30"), "is not possible"
    ),
)
"""Attacks on railway.toml."""

SMALL_APP: Mapping[str, str] = {
    "firebase.json": '{"firestore": {"rules": "firestore.rules", "indexes": "firestore.indexes.json"},'
    ' "functions": {"source": "functions", "runtime": "nodejs22"}}',
    "firestore.rules": "rules_version = '2';\nservice cloud.firestore {\n}\n",
    "firestore.indexes.json": '{"indexes": [], "fieldOverrides": []}',
    "functions/package.json": '{"main": "index.js", "dependencies": {"firebase-functions": "7.4.0"}}',
    "functions/index.js": "exports.hello = 1;\n",
    "functions/functions.yaml": "specVersion: v1alpha1\nendpoints:\n  hello:\n    platform: gcfv2\n"
    "    entryPoint: hello\n    httpsTrigger: {}\n",
}
"""An app that is read without Node: the manifest of its functions is a file."""
