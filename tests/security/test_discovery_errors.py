"""What ends the discovery of code that has no network and no credentials, and what does not."""

from __future__ import annotations

import json

import pytest

from settings.parsing import mapping
from tests.security.hostile_codebase import PACKAGE, Codebase

pytestmark = pytest.mark.unit

HELLO = "require('firebase-functions/https').onRequest(() => {})"


CONNECTIONS = (
    "require('net').connect(80, '192.0.2.1');",
    "require('net').connect(9, '127.0.0.1');",
    "require('net').connect(9, '127.0.0.1').on('error', () => process.exit(1));",
    "fetch('http://example.com/config');",
    "require('dns').promises.lookup('example.com');",
    "require('dns').promises.resolveSrv('_mongodb._tcp.example.com');",
    "Promise.reject(new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' })]));",
    "Promise.reject(new Error('Could not load the default credentials. Browse to'));",
    "require('dns').promises.lookup('example.com').catch(() => process.exit(1));",
)
# While a module is loaded, the code itself can end the process.
OF_MODULES = [code for code in CONNECTIONS if "exit" not in code]


@pytest.mark.usefixtures("isolates")
@pytest.mark.parametrize(
    ("kind", "code"),
    [*(("commonjs", code) for code in CONNECTIONS), *(("module", code) for code in OF_MODULES)],
)
def test_a_connection_that_fails_does_not_end_the_discovery(codebase: Codebase, code: str, kind: str) -> None:
    """With a network the functions are listed before it fails."""
    (codebase.folder / "package.json").write_text(json.dumps({**PACKAGE, "type": kind}))
    ending = f"exports.a = {HELLO};"
    if kind == "module":
        code = (
            "import { createRequire } from 'module'; const require = createRequire(import.meta.url);" + code
        )
        ending = f"await new Promise((done) => setTimeout(done, 300)); export const a = {HELLO};"
    discovered, problems = codebase.load(f"{code}\n{ending}")
    assert discovered is not None, problems
    assert list(mapping(discovered.manifest["endpoints"]) or {}) == ["a"]


@pytest.mark.usefixtures("isolates")
@pytest.mark.parametrize(
    "code",
    [
        "Promise.reject(new Error('no key'));",
        "process.nextTick(() => { throw new Error('no key'); });",
        "Promise.reject(new Error('no key')); fetch('http://example.com');",
    ],
)
def test_another_error_outside_of_the_functions_ends_the_discovery(codebase: Codebase, code: str) -> None:
    """Google's start of each function would fail with it too."""
    _, problems = codebase.load(f"{code}\nexports.a = {HELLO};")
    assert "functions/index.js:1 was not" in problems[0].what
    assert problems[0].what.endswith("while the functions were loaded: no key.")


LOGGED = """
console.error(Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:6379"), { code: "ECONNREFUSED" }));
try { require("fs").readFileSync("serviceAccountKey.json"); } catch (error) { console.error(error); }
try { require("not-installed"); } catch (error) { console.error(error); }
"""


@pytest.mark.usefixtures("isolates")
@pytest.mark.parametrize("kind", ["commonjs", "module"])
def test_an_error_that_the_code_caught_is_not_the_reason(codebase: Codebase, kind: str) -> None:
    (codebase.folder / "serviceAccountKey.json").write_text("{}")
    (codebase.folder / "package.json").write_text(json.dumps({**PACKAGE, "type": kind}))
    code, expected = f"{LOGGED}undefined.x;", "do not load: error at functions/index.js:5: Cannot read"
    if kind == "module":
        require = "import { createRequire } from 'module'; const require = createRequire(import.meta.url);"
        code = f"{require}{LOGGED}setImmediate(() => undefined.x); await new Promise(() => {{}});"
        expected = (
            "an error thrown at functions/index.js:5 was not caught while the functions were loaded: Ca"
        )
    _, (problem,) = codebase.load(code)
    assert expected in problem.what
    assert "no network" not in problem.what
    assert "hold credentials" not in problem.what


def test_a_file_that_is_missing_is_named(codebase: Codebase) -> None:
    _, (problem,) = codebase.load("\nrequire('fs').readFileSync('missing.txt');")
    assert problem.what == (
        "the functions do not load: error at functions/index.js:2: ENOENT: no such file or directory, "
        "open 'missing.txt'."
    )
    assert problem.fix == "Correct functions/index.js:2."
