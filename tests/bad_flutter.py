"""Settings of the Flutter app's checks that must be refused; `tests.bad_settings` contains them."""

from __future__ import annotations

from tests.bad_rows import Bad, one, put, put_part

NAMES = "flutterNames"

SETTINGS: tuple[Bad, ...] = (
    one("Flutter app outside of the checkout", "flutterApp", "../other/app", put("flutterApp")),
    one("Flutter app with an invisible character", "flutterApp", "app\u200b", put("flutterApp")),
    one("list for the names of the app", NAMES, ["events"], put_part(f"{NAMES}.NAME"), cli=True),
    one("list for a name of the app", NAMES, {"events": ["x"]}, put_part(f"{NAMES}.events")),
    one("mistyped name of the app", NAMES, {"evnts": "events"}, f"{put_part(f'{NAMES}.events')} <name>"),
    one(
        "unknown name of the app",
        NAMES,
        {"zzz": "x"},
        f"pulumi config rm --path 'whatsapp-crm:{NAMES}.zzz'",
    ),
    one(
        "document for a collection of the Flutter app",
        NAMES,
        {"outbox": "outbox/{id}"},
        put_part(f"{NAMES}.outbox"),
    ),
    one("call for a method", NAMES, {"send": "sendViaProxy()"}, put_part(f"{NAMES}.send")),
    one(
        "address for a function", NAMES, {"sendFunction": "https://x.test"}, put_part(f"{NAMES}.sendFunction")
    ),
    one("field with a space", NAMES, {"createdBy": "created by"}, put_part(f"{NAMES}.createdBy")),
    one("no folder of Dart code", NAMES, {"lib": " "}, put_part(f"{NAMES}.lib")),
)
