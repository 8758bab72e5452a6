"""The fix beside a failed creation: only where Google has the object, or may have it."""

from __future__ import annotations

import pulumi
import pytest

from components.already_exists import name_the_command
from tests.components.engine import run_alone

pytestmark = pytest.mark.components

EXISTS = "googleapi: Error 409: Requested entity already exists, ALREADY_EXISTS"


@pytest.mark.parametrize(
    ("error", "operation", "said"),
    [
        (EXISTS, "create", "crm-fn: exists on Google"),
        ("googleapi: Error 504: error code: 504", "create", "crm-fn: may exist on Google"),
        ("POST https://...: ReadTimeout", "create", "crm-fn: may exist on Google"),
        ("googleapi: Error 403: The caller does not have permission", "create", None),
        ("googleapi: Error 409: too much contention on these documents, ABORTED", "create", None),
        (EXISTS, "update", None),
    ],
)
def test_the_fix_is_named_where_the_object_may_exist(
    monkeypatch: pytest.MonkeyPatch, error: str, operation: str, said: str | None
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", shown.append)
    monkeypatch.setattr(pulumi, "get_stack", lambda: "prod")
    failed = pulumi.ErrorHookArgs(
        urn="urn", id="", name="crm-fn", type="type", failed_operation=operation, errors=[error]
    )
    assert run_alone(name_the_command(failed)) is False
    if said is None:
        assert shown == []
    else:
        (text,) = shown
        assert text.startswith(said)
        assert "  fix: .venv/bin/python -m ops import --stack prod\n       pulumi up -s prod" in text
