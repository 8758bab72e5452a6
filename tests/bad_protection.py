"""Settings of backups and protection that must be refused; `tests.bad_settings` contains them."""

from __future__ import annotations

from tests.bad_rows import Bad, one, put, put_part

SETTINGS: tuple[Bad, ...] = (
    one("text for backups", "volumeBackups", "DAILY", put_part("volumeBackups[0]"), cli=True),
    one("number among backups", "volumeBackups", ["DAILY", 7], put_part("volumeBackups[0]"), cli=True),
    one("unknown backup", "volumeBackups", ["DAILY", "HOURLY"], f"{put_part('volumeBackups[1]')} DAILY"),
    one("mistyped backup", "volumeBackups", ["weakly"], f"{put_part('volumeBackups[0]')} WEEKLY"),
    one(
        "backup named twice",
        "volumeBackups",
        ["DAILY", "daily"],
        "pulumi config rm --path 'whatsapp-crm:volumeBackups[1]'",
    ),
    one(
        "point-in-time recovery in words",
        "firestorePointInTimeRecovery",
        "on",
        put("firestorePointInTimeRecovery", "true"),
        cli=True,
    ),
    one(
        "deletion protection in words",
        "firestoreDeleteProtection",
        "off",
        put("firestoreDeleteProtection", "false"),
        cli=True,
    ),
    one("creation of a database in words", "createDatabase", "yes", put("createDatabase", "true"), cli=True),
    one("backup in words", "backupBeforeDeploy", "always", put("backupBeforeDeploy", "false"), cli=True),
    one("unknown edition", "firestoreEdition", "ENTERPRIZE", put("firestoreEdition", "ENTERPRISE")),
    one(
        "hourly backups of Firestore",
        "firestoreBackups",
        {"HOURLY": "7d"},
        "pulumi config rm --path 'whatsapp-crm:firestoreBackups.HOURLY'",
    ),
    one(
        "mistyped backups of Firestore",
        "firestoreBackups",
        {"weekly": "7d"},
        f"{put_part('firestoreBackups.WEEKLY')} 7d",
    ),
    one(
        "backups kept for ever", "firestoreBackups", {"DAILY": "for ever"}, put_part("firestoreBackups.DAILY")
    ),
    one(
        "backups kept for 15 weeks",
        "firestoreBackups",
        {"WEEKLY": "15w"},
        put_part("firestoreBackups.WEEKLY"),
    ),
    one("backups kept for 0 days", "firestoreBackups", {"DAILY": "0d"}, put_part("firestoreBackups.DAILY")),
    one("backups kept for a number", "firestoreBackups", {"DAILY": 7}, put_part("firestoreBackups.DAILY")),
    one(
        "list for the backups of Firestore",
        "firestoreBackups",
        ["DAILY"],
        put_part("firestoreBackups.NAME"),
        cli=True,
    ),
    one("pruning in words", "pruneUnknownKeys", "old ones", put("pruneUnknownKeys", "false"), cli=True),
    one(
        "tests of the rules in a list",
        "firestoreRulesTests",
        ["npm", "test"],
        put("firestoreRulesTests", "'npm test --prefix rules-tests'"),
        cli=True,
    ),
    one(
        "invisible character in the tests of the rules",
        "firestoreRulesTests",
        "npm\u200b test",
        put("firestoreRulesTests", "'npm test --prefix rules-tests'"),
    ),
    one(
        "no time for the tests of the rules",
        "firestoreRulesTestsTimeout",
        "0",
        put("firestoreRulesTestsTimeout", "300"),
    ),
    one(
        "a day for the tests of the rules",
        "firestoreRulesTestsTimeout",
        "86400",
        put("firestoreRulesTestsTimeout", "300"),
    ),
)
