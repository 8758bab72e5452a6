"""Refused values of `functionServiceAccounts`, for `tests.bad_settings`."""

from __future__ import annotations

from tests.bad_rows import Bad, one, put_part

ROWS: tuple[Bad, ...] = (
    one(
        "kept account without a region",
        "functionServiceAccounts",
        {"send": "sender@"},
        "pulumi config rm --path 'whatsapp-crm:functionServiceAccounts[\"send\"]'",
    ),
    one(
        "kept account without a domain",
        "functionServiceAccounts",
        {"europe-west1/send": "sender"},
        put_part('functionServiceAccounts["europe-west1/send"]'),
    ),
    one(
        "kept account of the program",
        "functionServiceAccounts",
        {"europe-west1/send": "crm-fn-0a1b2c3d@"},
        "pulumi config rm --path 'whatsapp-crm:functionServiceAccounts[\"europe-west1/send\"]'",
    ),
)
