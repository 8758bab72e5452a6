"""`.env` files against the answers of firebase-tools itself.

env_answers.json has them, recorded with firebase-tools 15.34.2. Where `make peers` has installed it, the
answers are compared with it again, and random texts too. To record them again after a change of the tables:
`.venv/bin/python -m tests.unit.test_env_peer`.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from checkout.env_files import load, parse
from sandbox import firebase_tools

pytestmark = pytest.mark.unit

ANSWERS = Path(__file__).with_name("env_answers.json")
ENV_JS = firebase_tools.COMMAND.parents[1] / "firebase-tools" / "lib" / "functions" / "env.js"
SECONDS = 120
PROJECT = "crm-prod"

TEXTS = (
    "", "A=1", "A = 1 # one", "export A=1", "exportA=1", "export=1", "exports=1", "export\nA=1", "export A",
    "# A=1\n\n  # B\nC=3", "A=1\r\nB=2\rC=3", "A=1\rB=2\r#c\rC=3\nD=4", "A=1\n#c\r\nB=2\r\n", "A=1\nA=2",
    "A=", "A=\nB=1", "A=\n\n\nB=1", "A=a b  c ", "A=1=2", "A==1", "A=foo#bar", "A=#foo", "A='a#b' # c",
    'A="a#b"', 'A="a\\tb\\\\\\"c\\""', 'A="line\\nnext"', "A='line\\nnext'", 'A="line\nnext"\nB=2',
    "A='one\ntwo\nthree'\nB=2", "A='it\\'s'", "A='it\\'s\nB=2", "A='it's'", "A='a' 'b'", "A=''", 'A=""',
    "A='", 'A="', 'A="open', 'A="open\nB=2', 'A="a" b', 'A="a"b"', 'A="a\nb" c\nD=1', "A=\"'x'\"",
    "A='\"x\"'", "A=${B}", "A=$B", "A=`x`", "A=+40722000000", "A=007", "A=\\n", 'A="\\\\n"', 'A="\\q"',
    'A="a\r\nb\r\nc"\r\nB=1\r\n',
    "A='x' # c\r\nB=\"y\"\r\n", "A=\n'x'", 'A=\n\n  "x" # c\nB=1', "A\n=1", "A\n\n=\n1", "A B=1", "A: 1",
    "A", "=1", "{}", "A=1\nB\nC=2", "A='x\ny'\nB c=1", "a.b/c=1", "A-B=1", "1A=1", "\ufeffA=1",
    "\u00a0A=\u00a01\u00a0",
    "A=1\u2028B=2", "A='1\u2028'\nB=2", "A=x\u2028'y'", "A=\t1\v", "A=1\fB", "A=\x1c1\x1c", "\x85A=1", "A=é",
    "é=1", "A=1 #", "A= # c\nB=1", "  A=1", "\tA=1", "A=1;B=2", "A=1\n\n#\n\nB=2", "export   A  =  '1'  # c",
    "A='\\\\'", "A='\\'", "A=\"\\\"", "A='a\\' b' c'", "#A='\nB=1\n'", "A=b'c'", "A='a'#b", "A='a'\n'b'",
)  # fmt: skip
NAMES = (
    "A", "_", "A_1", "a", "1A", "A-B", "A.B", "PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION", "K_OTHER",
    "GCLOUD_PROJECT", "GCP_PROJECT", "GOOGLE_CLOUD_PROJECT", "GOOGLE_MAPS", "FIREBASE_CONFIG", "FIREBASE_X",
    "CLOUD_RUNTIME_CONFIG", "EVENTARC_CLOUD_EVENT_SOURCE", "ENTRY_POINT", "FUNCTION_TRIGGER_TYPE",
    "FUNCTION_NAME", "FUNCTION_MEMORY_MB", "FUNCTION_TIMEOUT_SEC", "FUNCTION_IDENTITY", "FUNCTION_REGION",
    "FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE", "FUNCTION_X", "X_GOOGLE_A", "X_GOOG", "EXT_A", "EXT",
    "EXT_MIGRATED_SYSTEM_", "EXT_MIGRATED_SYSTEM_A", "EXT_SELECTED_EVENTS", "EXT_SELECTED_EVENTS_A", "KIT_A",
    "KITCHEN", "LOG_EXECUTION_ID", "NODE_ENV", "PATH", "HOME",
)  # fmt: skip
# The files of a codebase for the project crm-prod with the alias "live"; None: the project has no alias.
FOLDERS: tuple[tuple[str | None, dict[str, str]], ...] = (
    ("live", {".env": "A=1\nB=1", ".env.crm-prod": "B=2"}),
    ("live", {".env": "A=1\nB=1", ".env.live": "B=3\nC=3"}),
    ("live", {".env.crm-prod": "B=2", ".env.live": "B=3"}),
    (None, {".env.crm-prod": "B=2", ".env.live": "B=3"}),
    (
        "live",
        {".env": "A=1", ".env.local": "A=2", ".env.example": "A: 3", ".env.other": "A=4", ".env.": "A=5"},
    ),
    ("live", {".env": "A=1\nbroken"}),
    ("live", {".env": "A=1", ".env.crm-prod": "PORT=1"}),
    ("live", {".env.local": "A=1"}),
    ("live", {".env": "A=1\nA=2\nB='x\ny'"}),
)


def recorded() -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(ANSWERS.read_text(encoding="utf-8")))


def of_firebase_tools(texts: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """What the env.js of firebase-tools makes of texts, of the names, and of the files of each folder."""
    places: list[tuple[str | None, str]] = []
    for number, (alias, files) in enumerate(FOLDERS):
        place = folder / str(number)
        place.mkdir()
        for name, text in files.items():
            (place / name).write_text(text, encoding="utf-8")
        places.append((alias, str(place)))
    script = f"""
    const env = require({json.dumps(str(ENV_JS))});
    const {{ texts, names, places }} = JSON.parse(require("fs").readFileSync(0, "utf8"));
    const tried = (run) => {{ try {{ return run(); }} catch {{ return null; }} }};
    const parsed = texts.map((one) => {{
      const {{ envs, errors }} = env.parse(one);
      return [envs, errors.length];
    }});
    const accepted = names.filter((one) => tried(() => env.validateKey(one) ?? true));
    const loaded = places.map(([projectAlias, functionsSource]) => tried(() => env.loadUserEnvs({{
      functionsSource, projectDir: functionsSource, projectId: "{PROJECT}", projectAlias,
    }})));
    process.stdout.write(JSON.stringify({{ parsed, accepted, loaded }}));
    """
    done = subprocess.run(
        ["node", "-e", script],
        input=json.dumps({"texts": texts, "names": NAMES, "places": places}),
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    found = cast("dict[str, Any]", json.loads(done.stdout))
    return {
        "parsed": dict(zip(texts, found["parsed"], strict=True)),
        "accepted": found["accepted"],
        "loaded": found["loaded"],
    }


def ours(text: str) -> list[object]:
    values, bad = parse(text)
    return [values, len(bad)]


def read(folder: Path, alias: str | None, files: dict[str, str]) -> dict[str, str] | None:
    """The values of a codebase's files; None if there is a problem."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    if alias is not None:
        (folder / ".firebaserc").write_text(json.dumps({"projects": {alias: PROJECT}}))
    found, problems = load(folder, folder, PROJECT, "functions")
    return None if problems else dict(found.values)


def test_the_tables_are_the_recorded_ones() -> None:
    assert len(set(TEXTS)) == len(TEXTS) > 60
    answers = recorded()
    assert set(answers["parsed"]) == set(TEXTS)
    assert len(answers["loaded"]) == len(FOLDERS)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_gives_the_same_variables_and_as_many_bad_lines(text: str) -> None:
    assert ours(text) == recorded()["parsed"][text]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_accepted_where_firebase_tools_accepts_it(name: str, tmp_path: Path) -> None:
    accepted = read(tmp_path, None, {".env": f"{name}=1"}) is not None
    assert accepted == (name in recorded()["accepted"])


@pytest.mark.parametrize("number", range(len(FOLDERS)))
def test_the_files_that_count_and_their_order_are_the_same(number: int, tmp_path: Path) -> None:
    alias, files = FOLDERS[number]
    assert read(tmp_path, alias, files) == recorded()["loaded"][number]


needs_firebase_tools = pytest.mark.skipif(
    not ENV_JS.is_file() and not os.environ.get("CI"), reason="firebase-tools is not installed (make peers)"
)
"""In CI, the test runs and fails without firebase-tools."""


@needs_firebase_tools
def test_the_answers_are_still_those_of_firebase_tools(tmp_path: Path) -> None:
    assert of_firebase_tools(TEXTS, tmp_path) == recorded()


PIECES = (
    "A", "B", "=", "=", "'", "'", '"', '"', "#", " ", "\n", "\n", "\r", "\r\n", "\\", "\\n", "\\'", '\\"',
    "export", "export ", "x", "\t", "\f", "\v", "\u2028", "\u00a0", "\ufeff", ".", "/", "1", "\x1c", "\x85",
    "A=", "B='",
)  # fmt: skip


@needs_firebase_tools
def test_random_texts_give_what_firebase_tools_gives(tmp_path: Path) -> None:
    source = random.Random(15_34)  # noqa: S311  (the same texts in each run)
    pieces = [source.choices(PIECES, k=source.randint(1, 16)) for _ in range(20_000)]
    texts = tuple(dict.fromkeys("".join(one) for one in pieces))
    answers = of_firebase_tools(texts, tmp_path)["parsed"]
    assert {text: ours(text) for text in texts} == answers


def record() -> None:
    """Write the answers of the installed firebase-tools."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        answers = of_firebase_tools(TEXTS, Path(folder))
    ANSWERS.write_text(json.dumps(answers, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
