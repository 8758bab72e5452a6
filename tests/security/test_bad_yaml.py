"""YAML that PyYAML's loader ends with a traceback or not at all, or reads as a type that JSON has not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from checkout import discovery
from checkout.discovery_source import Source
from ops import stack_file
from settings.model import GoogleSettings
from settings.yaml_text import YamlError, yaml_value
from tests.time_limit import cpu_limit

pytestmark = pytest.mark.unit

GOOGLE = GoogleSettings(project="crm-sandbox", firestore_location="eur3", storage_bucket=None)

BAD = {
    "a: !!bool x": "as bool, which it is not",
    "a: !!int ''": "as int, which it is not",
    "a: !!int x": "as int, which it is not",
    "a: !!float x": "as float, which it is not",
    "a: !!timestamp x": "holds the date x",
    "a: 2026-02-03": "holds the date 2026-02-03, of which the type is ambiguous: put it in quotes",
    "a: 2026-02-03T10:00:00Z": "put it in quotes",
    "a: !!binary aGk=": "binary, which is not a type of JSON",
    "a: !!set {b, c}": "set, which is not a type of JSON",
    "a: !!omap [b: c]": "omap, which is not a type of JSON",
    "a: !!pairs [b: c]": "pairs, which is not a type of JSON",
    "a: !!map x": "map, which is not a type of JSON",
    "a: !!seq {b: c}": "seq, which is not a type of JSON",
    "a: !own x": "!own, which is not a type of JSON",
    "a: 190" + ":2" * 200 + ".5": "as float, which it is not",
    "a: 1" + ":1" * 300_000: "as int, which it is not",
    "a: 1\nb: 2\n\na: 3": 'line 4 holds the key "a" twice',
    "a: 1\n---\nb: 2": "line 2 holds a second document",
    "a: *b": 'the alias "*b" of no value',
    "<<: 1": "a key << whose value is not an object",
    "<<: [1]": "a key << whose value is not an object",
    "{a: b}: c": "a list or an object as a key",
    "a: &a\n  <<: *a\n  b: *a": "100 levels",
}  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:30])
def test_bad_yaml_is_a_problem(tmp_path: Path, text: str) -> None:
    with cpu_limit(5):
        with pytest.raises(YamlError) as error:
            yaml_value(text)
        assert BAD[text] in str(error.value)
        assert len(str(error.value)) < 200
        (tmp_path / "functions.yaml").write_text(text, encoding="utf-8")
        source = Source(
            folder=tmp_path,
            app_dir=tmp_path,
            where="functions",
            digest="",
            google=GOOGLE,
            environment={},
            timeout=5,
        )
        found, (problem,) = discovery.discover(source, tmp_path)
        assert found is None
        assert (problem.key, problem.what) == ("functions/functions.yaml", str(error.value))
        document, (problem,) = stack_file.parse(text, "Pulumi.prod.yaml")
        assert document is None
        assert (problem.key, problem.fix) == ("Pulumi.prod.yaml", "Correct Pulumi.prod.yaml.")


GOOD = """
text: "2026-02-03"
quoted: 'yes'
tagged: !!str 2026-02-03
local: ! 12
numbers: [1, -1, 0x10, 0b11, 1_000, 1.5, 1e3, 1.0e+3, .5, !!int '7', !!float 1]
booleans: [yes, No, TRUE, off, !!bool "true"]
nulls: [~, null, Null, , !!null x]
"": empty
1: a number as a key
base: &base {a: 1, b: 2}
other: &other {b: 3, c: 4}
merged: {<<: *base, a: 5}
merged lists: {a: 6, <<: [*base, *other]}
twice: [*base, *base]
value: =
"<<": a text
list: [<<]
folded: >-
  a
  b
block: |
  a
  b
""".replace(", ,", ",")


def test_other_yaml_is_read_as_by_pyyaml() -> None:
    expected = yaml.safe_load(
        GOOD.replace("value: =\n", "").replace("list: [<<]\n", "").replace("!!null x", "~")
    )
    found = yaml_value(GOOD)
    assert isinstance(found, dict)
    assert found.pop("value") == "="
    assert found.pop("list") == ["<<"]
    assert found == expected
    assert json.dumps(found) == json.dumps(expected)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**62), 2**62)

        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=("Cs", "Cc"))),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text("abc<~y0", max_size=3), inner, max_size=4)
        ),
        max_leaves=20,
    )
)  # fmt: skip
def test_what_pyyaml_writes_is_read_unchanged(value: object) -> None:
    assert yaml_value(yaml.safe_dump(value, allow_unicode=True)) == value


@given(st.text("ab:-[]{}&*!<>|,?#'\"% \n012.=~"))
def test_random_yaml_is_a_value_or_a_problem(text: str) -> None:
    try:
        found = yaml_value(text)
    except YamlError:
        return
    json.dumps(found, default=str)


def test_a_manifest_of_two_megabytes_is_read_in_time(tmp_path: Path) -> None:
    entry = "  f{}:\n    httpsTrigger: {{}}\n    entryPoint: f{}\n    labels: {{a: b, c: {}}}\n"
    text = "endpoints:\n" + "".join(entry.format(number, number, "d" * 60) for number in range(14_000))
    assert 1_600_000 < len(text) < 2_000_000
    with cpu_limit(15):
        assert isinstance(yaml_value(text), dict)


def test_without_libyaml_a_large_file_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("settings.yaml_text.MAX_CHARACTERS", 200_000)
    with pytest.raises(YamlError, match="has more than 200 KB of YAML, the limit on this machine"):
        yaml_value("a: b\n" * 50_000)


def test_a_stack_with_a_long_name_is_a_problem(tmp_path: Path) -> None:
    found, (problem,) = stack_file.load("s" * 300, tmp_path)
    assert found is None
    assert problem.what.startswith("there is no Pulumi.sss")
