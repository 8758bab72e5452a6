"""Settings of the acceptance tests that must be refused; `tests.bad_settings` contains them."""

from __future__ import annotations

from tests.bad_rows import Bad, one, put_part

NAMES = "acceptanceNames"
REMOVE = "pulumi config rm --path 'whatsapp-crm:acceptanceNames"

SETTINGS: tuple[Bad, ...] = (
    one("list for the names of the tests", NAMES, ["amount"], put_part(f"{NAMES}.NAME"), cli=True),
    one("list for a name of the tests", NAMES, {"amount": ["x"]}, put_part(f"{NAMES}.amount")),
    one("mistyped name of the tests", NAMES, {"amuont": "suma"}, f"{put_part(f'{NAMES}.amount')} <name>"),
    one("unknown name of the tests", NAMES, {"zzz": "x"}, f"{REMOVE}.zzz'"),
    one("collection among the names of the tests", NAMES, {"events": "bookings"}, f"{REMOVE}.events'"),
    one("thread id without the account", NAMES, {"threadId": "{clientJid}"}, put_part(f"{NAMES}.threadId")),
    one("field with a space in the tests", NAMES, {"text": "the text"}, put_part(f"{NAMES}.text")),
    one("unknown part of a path", NAMES, {"total": "sums.{money}"}, put_part(f"{NAMES}.total")),
    one(
        "address for a function of the tests",
        NAMES,
        {"askFunction": "https://x.test"},
        put_part(f"{NAMES}.askFunction"),
    ),
    one("status with a space", NAMES, {"delivered": "on phone"}, put_part(f"{NAMES}.delivered")),
)
