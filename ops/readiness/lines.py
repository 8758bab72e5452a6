"""The runbook, line by line. Ids and their order never change: reports and waivers name them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ops.readiness import acceptance, after_deployment, code, final, firebase, flutter, railway
from ops.readiness.context import Context
from ops.readiness.model import Finding, Line, Severity
from user_errors import UserError, add_fix

SECTIONS = {
    "A": "Code",
    "B": "Firebase",
    "C": "Railway",
    "D": "After the deployment",
    "E": "Flutter",
    "F": "Acceptance",
    "G": "Final checklist and risks",
}
ALL_READY = "G5"
"""The line that is ready if all others are."""


def _line(id_: str, severity: Severity, words: str, check: Callable[[Context], Finding]) -> Line:
    return Line(id=id_, words=words, severity=severity, check=check)


_CRITICAL, _HIGH, _MEDIUM = Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM

# fmt: off
LINES: Sequence[Line] = (
    _line("A1", _HIGH, "The pull request is merged: the deployed commit is the head of main.", code.merged),
    _line("A2", _HIGH, "The service deploys from main, not from a feature branch.", code.branch),
    _line("A3", _CRITICAL, "Exactly one instance is configured and running, until every account has an "
          "ownership lease.", code.one_instance),
    _line("A4", _HIGH, "GitHub's checks of the deployed commit succeeded.", code.checks),
    _line("B1", _CRITICAL, "firebase deploy --only firestore:rules,firestore:indexes,functions: everything "
          "declared is live.", firebase.everything_live),
    _line("B2", _HIGH, "Indexes are Ready.", firebase.indexes_ready),
    _line("B3", _CRITICAL, "Functions are Deployed, from the declared source.", firebase.functions_active),
    _line("B4", _CRITICAL, "The rules are active: the live text is the declared one.", firebase.rules_active),
    _line("B5", _CRITICAL, "No client may delete clients, threads or messages.", firebase.never_delete),
    _line("B6", _CRITICAL, "The secrets RAILWAY_WHATSAPP_URL, OPENAI_API_KEY or GROQ_API_KEY, ADMIN_EMAILS "
          "are present, enabled and pinned.", firebase.secrets_present),
    _line("B7", _HIGH, "Each secret is readable by exactly its users.", firebase.secret_readers),
    _line("B8", _CRITICAL, "RAILWAY_WHATSAPP_URL is the backend's address.", firebase.backend_address),
    _line("B9", _HIGH, "Least privilege: accounts, roles, unknown keys and secret versions.",
          firebase.least_privilege),
    _line("C1", _CRITICAL, "The volume is mounted at SESSIONS_PATH (/app/sessions), with its declared size.",
          railway.volume_mounted),
    _line("C2", _HIGH, "There is room on the volume.", railway.volume_space),
    _line("C3", _HIGH, "There is a recent backup of the volume.", railway.last_backup),
    _line("C4", _CRITICAL, "The variables FIREBASE_SERVICE_ACCOUNT_JSON, ADMIN_TOKEN, "
          "WHATSAPP_SYNC_FULL_HISTORY, WHATSAPP_BACKFILL_COUNT, WHATSAPP_BACKFILL_THREADS and SESSIONS_PATH "
          "are set.", railway.variables_set),
    _line("C5", _CRITICAL, "The newest deployment succeeded.", railway.newest_deployment),
    _line("D1", _CRITICAL, "The log has: sessions dir exists: true, writable: true.",
          after_deployment.sessions_writable),
    _line("D2", _CRITICAL, "The log has: Firebase initialized.", after_deployment.firebase_initialized),
    _line("D3", _CRITICAL, "/health answers 200.", after_deployment.healthy),
    _line("D4", _HIGH, "The proxy functions answer, cold and warm.", after_deployment.proxies_answer),
    _line("D5", _MEDIUM, "The functions logged no errors since the deployment.", after_deployment.no_errors),
    _line("D6", _HIGH, "The domain leads to the backend; a domain of one's own is verified.",
          after_deployment.domain),
    _line("E1", _CRITICAL, "The app sends through sendViaProxy() and writes to outbox nowhere.",
          flutter.checked("E1")),
    _line("E2", _HIGH, "Events are created with createdBy, schemaVersion and isArchived: false.",
          flutter.checked("E2")),
    _line("E3", _HIGH, "Each query's fields exist and have the index that they need.", flutter.checked("E3")),
    _line("E4", _HIGH, "Accounts are deleted through the proxy.", flutter.checked("E4")),
    _line("E5", _HIGH, "The app contains no address of the backend.", flutter.checked("E5")),
    _line("E6", _CRITICAL, "The app's Firebase project is ours.", flutter.checked("E6")),
    _line("E7", _MEDIUM, "flutter analyze finds nothing, where Flutter is installed.", flutter.checked("E7")),
    _line("F1", _CRITICAL, "Thread isolation: one client and two accounts are two threads.",
          acceptance.accepted("F1")),
    _line("F2", _CRITICAL, "Receive: a message is visible within seconds.", acceptance.accepted("F2")),
    _line("F3", _CRITICAL, "Send: through the proxy; sent, delivered, read.", acceptance.accepted("F3")),
    _line("F4", _HIGH, "Extract an event, save it, see it in the client's aggregates.",
          acceptance.accepted("F4")),
    _line("F5", _HIGH, "The question: Cât a cheltuit clientul X?", acceptance.accepted("F5")),
    _line("G1", _HIGH, "Risk: no index is being built.", final.no_build),
    _line("G2", _CRITICAL, "Risk: no second instance runs.", final.no_second_instance),
    _line("G3", _CRITICAL, "Risk: no secret is missing.", final.no_secret_missing),
    _line("G4", _CRITICAL, "Risk: the backend is healthy, and not in a crash loop.", final.backend_stable),
    _line(ALL_READY, _CRITICAL, "Ready for 30 accounts: all of the above.", final.ready),
)
# fmt: on
IDS = tuple(one.id for one in LINES)


def chosen(only: str | None) -> list[Line]:
    """The lines that `--only` names: ids and letters of sections, separated by commas; all without it.

    Raises:
        UserError: a name is neither.

    Example:
        >>> [line.id for line in chosen("D4,F")]
        ['D4', 'F1', 'F2', 'F3', 'F4', 'F5']
    """
    if only is None:
        return list(LINES)
    names = [name.strip().upper() for name in only.split(",") if name.strip()]
    wrong = [name for name in names if name not in IDS and name not in SECTIONS]
    if wrong or not names:
        what = f"--only: {', '.join(wrong) or 'empty'} is neither a line of the runbook nor a section"
        raise UserError(add_fix(what, ".venv/bin/python -m ops readiness --list  # shows all of them"))
    return [line for line in LINES if line.id in names or line.section in names]
