"""Apps that must be refused; see `tests.bad_settings`."""

from __future__ import annotations

from tests.bad_rows import Bad, functions, index, one, put, put_part

_ASCENDING = {"fieldPath": "a", "order": "ASCENDING"}
_V2 = 'require("firebase-functions/v2")'

APP: tuple[Bad, ...] = (
    Bad(
        name="broken firebase.json",
        key="firebase.json",
        fix="firebase.json at line 1",
        files={"firebase.json": '{"firestore": {"rules": "firestore.rules",}}'},
    ),
    Bad(
        name="no firebase.json",
        key="whatsapp-crm:appDir",
        fix=put("appDir"),
        files={"firebase.json": None},
    ),
    Bad(
        name="rules file missing",
        key="firebase.json",
        fix="Create firestore.rules",
        files={"firestore.rules": None},
    ),
    Bad(
        name="rules outside of the app",
        key="firebase.json",
        fix="relative to firebase.json",
        files={"firebase.json": '{"firestore": {"rules": "../firestore.rules"}}'},
    ),
    Bad(
        name="functions folder missing",
        key="firebase.json",
        fix="correct functions.source",
        files={"firebase.json": '{"functions": {"source": "fonctions"}}'},
    ),
    Bad(
        name="mistyped section",
        key="firebase.json",
        fix='Did you mean "firestore"?',
        edits={"firebase.json": ('"firestore":', '"firestor":')},
    ),
    Bad(name="empty rules", key="firestore.rules", fix="Write the rules", files={"firestore.rules": "\n"}),
    Bad(
        name="database elsewhere than firebase.json says",
        key="whatsapp-crm:firestoreLocation",
        fix=put("firestoreLocation", "asia-east1"),
        edits={"firebase.json": ('"rules":', '"location": "asia-east1", "rules":')},
    ),
    Bad(
        name="broken index file",
        key="firestore.indexes.json",
        fix="firestore.indexes.json at line 1",
        files={"firestore.indexes.json": '{"indexes": [}'},
    ),
    index("one-field composite", {"collectionGroup": "threads", "fields": [_ASCENDING]}, "Remove indexes[0]"),
    index(
        "unknown order",
        {"collectionGroup": "threads", "fields": [_ASCENDING, {"fieldPath": "b", "order": "UPWARDS"}]},
        "Use one of ASCENDING, DESCENDING",
    ),
    index(
        "mistyped property",
        {
            "collectionGroup": "threads",
            "queryscope": "COLLECTION",
            "fields": [_ASCENDING, _ASCENDING | {"fieldPath": "b"}],
        },
        'Did you mean "queryScope"?',
    ),
    Bad(
        name="runtime that has ended",
        key="firebase.json",
        fix=put("functionsRuntime", "nodejs22"),
        edits={"firebase.json": ("nodejs22", "nodejs20")},
    ),
    Bad(
        name="override with a runtime that has ended",
        key="whatsapp-crm:functionsRuntime",
        fix=put("functionsRuntime", "nodejs22"),
        config={"functionsRuntime": "nodejs18"},
    ),
    Bad(
        name="secret declared but not configured",
        key="whatsapp-crm:secrets",
        fix="pulumi config set --secret --path 'whatsapp-crm:secrets.ADMIN_EMAILS'",
        config={"secrets": {"GROQ_API_KEY": "gsk-not-a-real-key"}},
    ),
    Bad(
        name="no AI provider's key",
        key="whatsapp-crm:secrets",
        fix="pulumi config set --secret --path 'whatsapp-crm:secrets.GROQ_API_KEY'",
        config={"secrets": {"ADMIN_EMAILS": "owner@example.com"}},
    ),
    one(
        "unknown param",
        "functionParams",
        {"AI_MODEL_NAME": "x"},
        "pulumi config rm --path 'whatsapp-crm:functionParams.AI_MODEL_NAME'",
    ),
    one(
        "param of another type",
        "functionParams",
        {"FOLLOW_UP_BATCH": "many"},
        "pulumi config set --path 'whatsapp-crm:functionParams.FOLLOW_UP_BATCH' 1",
    ),
    functions("syntax error", "exports.broken = (;", "functions/index.js:"),
    functions("module that throws", 'throw new Error("no mailbox");', "functions/index.js:"),
    functions("missing module", 'require("left-pad-of-nobody");', "npm install left-pad-of-nobody"),
    functions(
        "custom event",
        f'exports.onPayment = {_V2}.eventarc.onCustomEventPublished("com.example.paid", () => {{}});',
        "Remove the export onPayment, or move it to a codebase that this firebase.json does not list",
    ),
    functions(
        "1st generation",
        'exports.old = require("firebase-functions/v1").https.onRequest(() => {});',
        "Write it with firebase-functions/v2",
    ),
    functions(
        "1st generation that is not named as unmanaged",
        'exports.old = require("firebase-functions/v1").https.onRequest(() => {});',
        "pulumi config set --path --type string 'whatsapp-crm:unmanagedFunctions.old' '<the reason>'",
    ),
    functions(
        "odd region of a function",
        f'exports.far = {_V2}.https.onRequest({{ region: "Europe West 1" }}, () => {{}});',
        "Correct the region of far",
    ),
    functions(
        "half a CPU with concurrency",
        f"exports.slow = {_V2}.https.onRequest({{ cpu: 0.5, concurrency: 10 }}, () => {{}});",
        "Set cpu to 1, or concurrency to 1",
    ),
    functions(
        "param without value",
        'require("firebase-functions/params").defineString("SUPPORT_EMAIL");',
        put_part("functionParams.SUPPORT_EMAIL"),
        key="whatsapp-crm:functionParams",
    ),
    Bad(
        name="file that is not deployed",
        key="functions/test/helper.js",
        fix='Remove "test" from "functions.ignore" in firebase.json.',
        files={"functions/test/helper.js": "module.exports = 1;\n"},
        edits={"functions/index.js": ('"use strict";', '"use strict"; require("./test/helper");')},
    ),
    Bad(
        name="exception from what is not protected",
        key="whatsapp-crm:allowClientDeletes",
        fix="pulumi config rm --path 'whatsapp-crm:allowClientDeletes[\"logs\"]'",
        config={"allowClientDeletes": {"logs": "logs are private"}},
    ),
    Bad(
        name="rules that let members delete clients",
        key="firestore.rules:55",
        fix="Write `allow delete: if false`, in firestore.rules, line 55.",
        edits={
            "firestore.rules": (
                "allow delete: if false;\n    }\n\n    // threads",
                "allow delete: if isMember();\n    }\n\n    // threads",
            )
        },
    ),
    Bad(
        name="rules that do not compile",
        key="firestore.rules",
        fix="line",
        files={"firestore.rules": "rules_version = '2';\nservice cloud.firestore {\n  match /x {\n"},
        remote=True,
    ),
)
