"""Section D of the runbook, after the deployment: the backend and the functions answer and log no errors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from statistics import median
from typing import cast
from urllib.parse import urlsplit

from firebase.errors import JsonObject
from ops.readiness import functions_http
from ops.readiness.context import Context
from ops.readiness.findings import counted, failed, passed, some, unknown
from ops.readiness.model import Finding
from railway import health
from railway.clock import Clock
from user_errors import printable

SESSIONS_WORD, FIREBASE_WORD = "session", "firebase"
"""By these words the texts of `logExpectations` belong to D1 and D2."""

WARM_CALLS = 3
WORST = "ERROR"
MOST_ENTRIES = 100
_SHOWN = 160  # characters of a log entry


def sessions_writable(context: Context) -> Finding:
    """D1: the backend logged that it can write to its volume."""
    return _logged(
        context,
        [one for one in context.declared.log_lines if FIREBASE_WORD not in one.lower()],
        ("sessions dir exists/writable: true"),
    )


def firebase_initialized(context: Context) -> Finding:
    """D2: the backend logged that it reached Firebase."""
    expected = [one for one in context.declared.log_lines if FIREBASE_WORD in one.lower()]
    return _logged(context, expected, "Firebase initialized")


def _logged(context: Context, expected: Sequence[str], usual: str) -> Finding:
    if not expected:
        setting = f"pulumi config set --path 'whatsapp-crm:logExpectations[0]' '{usual}' -s {context.name}"
        fix = f"{setting}\n{context.up}"
        return unknown("logExpectations has no text for this line", fix)
    running = context.running
    if running is None:
        return failed("no deployment runs", context.up, follows=("C5",), waiting=_deploying(context))
    times = {text: context.times_logged(running.id, text) for text in expected}
    seen = [
        context.seen(f'Railway: lines with "{text}" in the log of {running.id}', _at(found))
        for text, found in times.items()
    ]
    missing = [text for text, found in times.items() if not found]
    if not missing:
        return passed(f"logged: {'; '.join(expected)}", *seen)
    fix = f"railway logs {running.id}  # what it logged instead\n{context.refresh}"
    return failed(f"not in the log of {running.id}: {'; '.join(missing)}", fix, *seen)


def healthy(context: Context) -> Finding:
    """D3: the health path answers 200 through the public address."""
    found = context.once("health", lambda: _health(context))
    url, path = context.spec.backend_url, context.spec.health_path
    seen = context.seen(f"GET {url}{path}", found.outcome)
    if found.healthy:
        return passed(f"{path} answers {found.outcome}", seen)
    running = context.running
    follows = ("D6", "C5") if running is None else ("D6",)
    where = running.id if running else "<the deployment>"
    fix = f"railway logs {where}  # why it is not healthy"
    return failed(f"{path} answers {found.outcome}", fix, seen, follows=follows, waiting=_deploying(context))


def _health(context: Context) -> health.Health:
    return health.wait_until_healthy(
        urlsplit(context.spec.backend_url).netloc,
        context.spec.health_path,
        deadline=Clock().deadline(0),
        edge_url=context.environ.get("RAILWAY_EDGE_URL"),
    )


def proxies_answer(context: Context) -> Finding:
    """D4: each public function that knows the backend's address answers; cold and warm latency.

    A GET without a login: the function itself must answer, whatever it says (401, 405). It changes nothing.
    """
    proxies = _proxies(context)
    if not proxies:
        return unknown(
            "no public function reads the backend's address",
            "pulumi config set whatsapp-crm:backendUrlVariable <the variable that the functions read>",
        )
    evidence, problems, lines = [], list[str](), list[str]()
    unreachable = False
    for name, address in proxies:
        calls = [functions_http.get(address, context.environ) for _ in range(1 + WARM_CALLS)]
        cold, warm = calls[0], median(call.seconds for call in calls[1:])
        statuses = ", ".join(dict.fromkeys(call.outcome for call in calls))
        timing = f"first {cold.seconds * 1000:.0f} ms, then {warm * 1000:.0f} ms (median of {WARM_CALLS})"
        evidence.append(context.seen(f"GET {address}", f"{statuses}; {timing}"))
        lines.append(f"{name}: {timing}")
        if not all(call.answered for call in calls):
            problems.append(f"{name}: {statuses}")
            unreachable = unreachable or any(call.status is None for call in calls)
    if problems and unreachable:
        return unknown(
            some(problems), "check the network and the proxy, then run the command again", *evidence
        )
    if problems:
        fix = f"{context.refresh}\nThen read the function's log in the Google Cloud console."
        return failed(some(problems), fix, *evidence)
    return passed(some(lines), *evidence)


def _proxies(context: Context) -> list[tuple[str, str]]:
    variable = context.settings.secrets.backend_url_variable
    readers = {function for function, name, _, _ in context.secrets_read() if name == variable}
    found: list[tuple[str, str]] = []
    for (region, name), one in sorted(context.functions.items()):
        service = cast("JsonObject", one.get("serviceConfig") or {})
        plain = variable in cast("JsonObject", service.get("environmentVariables") or {})
        run = str(service.get("service") or "").rpartition("/")[2]
        if (name in readers or plain) and (region, run) in context.declared.public:
            found.append((name, str(service.get("uri") or one.get("url") or "")))
    return found


def no_errors(context: Context) -> Finding:
    """D5: no function logged an error since it was deployed (Cloud Logging, severity ERROR or worse)."""
    declared = {(one.region, one.id) for one in context.spec.functions}
    since: dict[str, datetime] = {}
    for place, one in context.functions.items():
        service = cast("JsonObject", one.get("serviceConfig") or {})
        run = str(service.get("service") or "").rpartition("/")[2]
        if place in declared and one.get("updateTime"):
            since[run] = datetime.fromisoformat(str(one["updateTime"]))
    if not since:
        return unknown("no declared function is deployed", context.up)
    earliest = min(since.values())
    asked = f'resource.type="cloud_run_revision" severity>={WORST} timestamp>="{earliest:%Y-%m-%dT%H:%M:%SZ}"'
    entries = context.once("errors", lambda: _entries(context, asked))
    bad: dict[str, list[str]] = {}
    for entry in entries:
        resource = cast("JsonObject", entry.get("resource") or {})
        name = str(cast("JsonObject", resource.get("labels") or {}).get("service_name", ""))
        if name in since and datetime.fromisoformat(str(entry["timestamp"])) >= since[name]:
            bad.setdefault(name, []).append(_text(entry))
    most = "at least " if len(entries) >= MOST_ENTRIES else ""
    count = sum(map(len, bad.values()))
    seen = context.seen(
        f"Cloud Logging: {asked}", f"{most}{counted(count, 'entry', 'entries')} of {len(since)} functions"
    )
    if bad:
        found = some(f"{name}: {len(texts)}, the newest: {texts[0]}" for name, texts in sorted(bad.items()))
        filter_ = f"resource.type=cloud_run_revision AND severity>={WORST}"
        logs = f"gcloud logging read '{filter_}' --project {context.spec.project} --limit 20"
        fix = f"{logs}\nCorrect the cause, then deploy: the count begins again.\n{context.up}"
        return failed(found, fix, seen)
    return passed(f"no errors of {counted(len(since), 'function')} since they were deployed", seen)


def _entries(context: Context, asked: str) -> list[JsonObject]:
    """The newest entries that match (Cloud Logging API v2, entries.list)."""
    body: JsonObject = {
        "resourceNames": [f"projects/{context.spec.project}"],
        "filter": asked,
        "orderBy": "timestamp desc",
        "pageSize": MOST_ENTRIES,
    }
    found: JsonObject = context.google.call(
        "POST", "logging", "entries:list", operation="read the functions' errors", body=body, repeatable=True
    )
    return cast("list[JsonObject]", found.get("entries") or [])


def _text(entry: JsonObject) -> str:
    payload = cast("JsonObject", entry.get("jsonPayload") or {})
    text = str(entry.get("textPayload") or payload.get("message") or entry.get("severity") or "")
    line = printable(text).strip().partition("\n")[0]
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def domain(context: Context) -> Finding:
    """D6: the public address leads to the backend; a domain of one's own is verified."""
    live = [one.domain for one in context.instance.service_domains]
    declared, own = context.declared.domain, context.declared.custom_domain
    seen = context.seen("Railway: the domains of the backend", ", ".join(live) or "none")
    if declared not in live:
        return failed(f"{declared or 'the domain'} does not lead to the backend", context.refresh, seen)
    if own is None:
        return passed(f"{declared}; no domain of one's own is declared", seen)
    custom = next((one for one in context.instance.custom_domains if one.domain == own), None)
    if custom is None:
        return failed(f"{own} does not lead to the backend", context.refresh, seen)
    records = "; ".join(f"{one.type} {one.name} {one.status}" for one in custom.records)
    verified = context.seen(f"Railway: the status of {own}", f"verified: {custom.verified}; {records}")
    if not custom.verified:
        wanted = some(f"{one.type} {one.name} = {one.value}" for one in custom.records)
        return failed(f"{own} is not verified", f"create these DNS records:\n{wanted}", seen, verified)
    return passed(f"{own} is verified; also {declared}", seen, verified)


def _deploying(context: Context) -> bool:
    newest = next((one for one in context.deployments if one.status != "SKIPPED"), None)
    return newest is not None and not newest.finished


def _at(times: Sequence[datetime]) -> str:
    return f"{len(times)}, the last at {times[-1]:%Y-%m-%d %H:%M:%S} UTC" if times else "none"
