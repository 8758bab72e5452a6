"""Params and their expressions: every form of the grammar is evaluated, everything else is an error."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.params import ExpressionError, Params, Sources, UnresolvedError, Value, resolve, unknown

pytestmark = pytest.mark.unit

VALUES: dict[str, Value] = {
    "NAME": "crm",
    "OTHER": "crm",
    "COUNT": 3,
    "RATE": 0.5,
    "FLAG": True,
    "OFF": False,
    "REGIONS": ("europe-west1", "us-central1"),
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("plain", "plain"),
        ("{{ params.NAME }}", "crm"),
        ("{{ params.COUNT }}", 3),
        ("{{ params.REGIONS }}", ("europe-west1", "us-central1")),
        ("{{ params.NAME }}-{{ params.COUNT }}", "crm-3"),
        ("on {{ params.FLAG }}", "on true"),
        ("Hi {{name}}", "Hi {{name}}"),
        ("{{", "{{"),
        ("{{name}} on {{ params.FLAG }}", "{{name}} on true"),
        ('{{ params.NAME == "crm" }}', True),
        ('{{ params.NAME != "crm" }}', False),
        ("{{ params.COUNT > 2 }}", True),
        ("{{ params.COUNT >= 3 }}", True),
        ("{{ params.COUNT < 3 }}", False),
        ("{{ params.COUNT <= 3.0 }}", True),
        ("{{ params.RATE < 1 }}", True),
        ('{{ params.NAME < "d" }}', True),
        ("{{ params.NAME == params.OTHER }}", True),
        ('{{ params.REGIONS == ["europe-west1", "us-central1"] }}', True),
        ("{{ params.FLAG == true }}", True),
        ('{{ params.NAME == "crm" ? 1 : 2 }}', 1),
        ("{{ params.NAME == params.OTHER ? params.COUNT : 0 }}", 3),
        ('{{ params.FLAG ? "a" : "b" }}', "a"),
        ('{{ params.OFF ? "a" : "b: c ? d" }}', "b: c ? d"),
        ('{{ params.OFF ? "a" : params.FLAG ? "b" : "c" }}', "b"),
        ('{{ params.FLAG ? "say \\"hi\\"" : "" }}', 'say "hi"'),
        ("{{ params.FLAG ? -1 : 1 }}", -1),
    ],
)
def test_an_expression_is_evaluated(expression: str, value: Value) -> None:
    found = Params(values=VALUES).resolve(expression)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "expression",
    [
        "{{ params.NAME",
        "{{params.NAME}}",
        "{{ NAME }}",
        "{{ params.NAME + 1 }}",
        "{{ params.NAME == }}",
        "{{ params.NAME == 3 }}",
        "{{ params.FLAG == 1 }}",
        "{{ params.FLAG > params.OFF }}",
        "{{ params.NAME ? 1 : 2 }}",
        "{{ params.FLAG ? 1 }}",
        "{{ params.FLAG ? 1 : 2 : 3 }}",
        "{{ == params.NAME }}",
        "{{ params.FLAG ? [1] : [2] }}",
        "{{ params.NAME params.OTHER }}",
    ],
)
def test_anything_else_is_an_error(expression: str) -> None:
    with pytest.raises(ExpressionError):
        Params(values=VALUES).resolve(expression)


def test_a_param_without_value_is_named() -> None:
    with pytest.raises(UnresolvedError, match="the param MISSING has no value"):
        Params(values=VALUES).resolve("{{ params.MISSING }}")


def test_other_types_than_strings_are_returned_unchanged() -> None:
    assert Params().resolve(5) == 5
    assert Params().resolve(None) is None


def declare(*declared: Mapping[str, object], **configured: object) -> tuple[Params, list[str]]:
    sources = Sources(configured=configured, builtin={"PROJECT_ID": "crm-sandbox"})
    params, problems = resolve(list(declared), sources, "functions")
    assert all(problem.fix for problem in problems)
    return params, [problem.what for problem in problems]


def test_values_come_from_config_then_from_defaults_with_expressions() -> None:
    params, problems = declare(
        {"name": "MODEL", "type": "string", "default": "small"},
        {"name": "LIMIT", "type": "int", "default": 5},
        {"name": "ON", "type": "boolean", "default": False},
        {"name": "RATE", "type": "float", "default": 1},
        {"name": "ZONES", "type": "list", "default": ["a"]},
        {"name": "BUCKET", "type": "string", "default": "{{ params.PROJECT_ID }}-files"},
        {"name": "KEY", "type": "secret"},
        LIMIT="7",
        ON="true",
        ZONES='["b","c"]',
    )
    assert problems == []
    assert params.environment() == {
        "MODEL": "small", "LIMIT": "7", "ON": "true", "RATE": "1", "ZONES": '["b","c"]',
        "BUCKET": "crm-sandbox-files",
    }  # fmt: skip
    assert params.secrets == ("KEY",)
    assert params.values["LIMIT"] == 7


def test_all_params_without_a_value_are_problems() -> None:
    _, problems = declare(
        {"name": "A", "type": "string", "label": "the sender's address"},
        {"name": "B", "type": "int"},
        {"name": "C", "type": "string", "default": "x"},
    )
    assert problems == [
        "functions declares the param A (the sender's address), which has no value and no default.",
        "functions declares the param B, which has no value and no default.",
    ]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("int", "many"), ("int", 1.5), ("int", True), ("float", "x"), ("boolean", "yes"), ("list", "a"),
     ("list", [1]), ("string", ["a"]), ("string", None)],
)  # fmt: skip
def test_a_value_of_another_type_is_a_problem(kind: str, value: object) -> None:
    _, problems = declare({"name": "A", "type": kind}, A=value)
    assert len(problems) == 1
    assert "the param A must be" in problems[0]


@pytest.mark.parametrize(
    ("given_input", "value", "message"),
    [
        ({"select": {"options": [{"value": "a"}, {"value": "b"}]}}, "c", "not one of its choices: a, b"),
        ({"text": {"validationRegex": "^[a-z]+$", "validationErrorMessage": "small letters only"}}, "A1",
         "small letters only"),
        ({"text": {"validationRegex": "^[a-z]+$"}}, "A1", "it must match"),
    ],
)  # fmt: skip
def test_a_value_that_is_no_choice_is_a_problem(given_input: object, value: str, message: str) -> None:
    _, problems = declare({"name": "A", "type": "string", "input": given_input}, A=value)
    assert len(problems) == 1
    assert message in problems[0]


def test_each_value_of_a_list_must_be_a_choice() -> None:
    choices = {"multiSelect": {"options": [{"value": "a"}, {"value": "b"}]}}
    assert declare({"name": "A", "type": "list", "input": choices}, A=["b", "a"])[1] == []
    assert declare({"name": "A", "type": "list", "input": choices}, A=["b", "z"])[1] != []


def test_a_pattern_that_python_cannot_parse_is_not_checked() -> None:
    regex = {"text": {"validationRegex": "(?<year>\\d+)\\k<year>"}}
    assert declare({"name": "A", "type": "string", "input": regex}, A="x")[1] == []


def test_a_param_with_an_unknown_type_or_without_a_name_is_a_problem() -> None:
    assert "the type colour" in declare({"name": "A", "type": "colour"})[1][0]
    assert "without a name" in declare({"type": "string"})[1][0]


def test_a_configured_param_that_is_not_declared_is_a_problem() -> None:
    (problem,) = unknown({"LIMITS": 1, "A": 2}, {"LIMIT", "A"})
    assert 'Did you mean "LIMIT"?' in problem.what
    assert "functionParams.LIMITS" in problem.fix


@given(st.text(alphabet='{} params.NAME?:=<>!"[]10', max_size=30))
def test_any_text_is_parsed_without_another_exception(text: str) -> None:
    with suppress(ExpressionError):
        Params(values=VALUES).resolve(text)


@given(st.integers(-9, 9), st.integers(-9, 9))
def test_comparisons_of_numbers(left: int, right: int) -> None:
    params = Params(values={"L": left, "R": right})
    for sign, truth in (("<", left < right), ("==", left == right), (">=", left >= right)):
        assert params.resolve(f"{{{{ params.L {sign} params.R }}}}") is truth
        assert params.resolve(f"{{{{ params.L {sign} {right} ? 1 : 0 }}}}") == int(truth)
