"""The generated token, in the SDK's provider process."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from components.generated_token import GeneratedTokenProvider
from tests.conformance.dynamic_process import DynamicProcess, DynamicResource

pytestmark = pytest.mark.conformance

INPUTS = {"rotation": "1", "token_bytes": 32, "token": None}


@pytest.fixture(scope="module")
def token() -> Iterator[DynamicResource]:
    with DynamicProcess(os.environ) as process:
        yield process.resource(GeneratedTokenProvider())


def test_the_pickle_in_the_state_is_the_class_path_and_nothing_else() -> None:
    """Renaming the module or the class, or giving the provider an attribute, breaks every existing stack."""
    pickled = base64.b64decode(serialize_provider(GeneratedTokenProvider()))
    assert pickled == (
        b"\x80\x04\x95<\x00\x00\x00\x00\x00\x00\x00\x8c\x1acomponents.generated_token\x94\x8c\x16"
        b"GeneratedTokenProvider\x94\x93\x94)\x81\x94."
    )


def test_tokens_are_long_and_different(token: DynamicResource) -> None:
    made = [token.create(INPUTS) for _ in range(5)]
    values = {live.outs["token"] for live in made}
    assert len(values) == 5
    assert all(len(value) >= 43 for value in values)


def test_the_id_is_not_part_of_the_token(token: DynamicResource) -> None:
    live = token.create(INPUTS)
    assert live.id.removeprefix("token-") not in live.outs["token"]


def test_read_and_update_keep_the_token(token: DynamicResource) -> None:
    live = token.create(INPUTS)
    found, _ = token.read(live)
    assert (found.id, found.outs) == (live.id, live.outs)
    assert token.update(found, INPUTS).outs == live.outs


def test_unchanged_inputs_are_no_diff(token: DynamicResource) -> None:
    assert not token.diff(token.create(INPUTS), INPUTS).changes


@pytest.mark.parametrize("change", [{"rotation": "2"}, {"token_bytes": 48}])
def test_another_rotation_or_size_is_a_replacement(token: DynamicResource, change: dict[str, object]) -> None:
    expected = token.diff(token.create(INPUTS), {**INPUTS, **change})
    assert (expected.changes, expected.replaces) == (True, tuple(change))


def test_check_rejects_a_short_token(token: DynamicResource) -> None:
    assert set(token.check({**INPUTS, "token_bytes": 8})) == {"token_bytes"}
    assert token.check(INPUTS) == {}
