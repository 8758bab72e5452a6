"""What functions write, and the requests that they get, as entries of Cloud Logging.

A line of JSON becomes a structured entry, as on Cloud Run: `severity`, `message`, `time` and the keys
`logging.googleapis.com/…` are special fields (Cloud Run docs, "Logging", "Writing structured logs"). Any
other line is text without a severity; one that is a stack trace of Node is an ERROR, as Error Reporting
reads it. A request is an entry of its own: status 500 and above is an ERROR, 400 and above a WARNING.
"""

from __future__ import annotations

import json
import os
import re
import threading
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from sandbox.google.timestamps import timestamp

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.google.running.revisions import Revision
    from sandbox.google.store import Json

KEPT = 20_000
SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
_SPECIAL = "logging.googleapis.com/"
_FIELDS = {"insertId": "insertId", "labels": "labels", "spanId": "spanId", "trace": "trace"}
_TRACE = re.compile(
    r"^(?:\s+at .+|(?:Uncaught |Unhandled)?[\w$.]*(?:Error|Exception)\b.*|.*JavaScript heap out of memory.*)$"
)


class Log:
    """The entries, the newest last; kept in a file (mode 0600) if there is one.

    Args:
        file: one entry a line, or None.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._entries: deque[Json] = deque(maxlen=KEPT)
        if file is not None and file.exists():
            # The last line of a process that was killed may be incomplete.
            text = file.read_text(encoding="utf-8", errors="replace")
            lines = text.rpartition("\n")[0].splitlines()
            self._entries.extend(json.loads(line) for line in lines[-KEPT:])
            if len(lines) > KEPT or not text.endswith("\n"):
                file.write_text("".join(f"{line}\n" for line in lines[-KEPT:]), encoding="utf-8")

    def entries(self) -> list[Json]:
        """Return all entries, the oldest first."""
        with self._lock:
            return list(self._entries)

    def lines(self, revision: str, count: int) -> list[str]:
        """Return the last lines that a revision wrote."""
        shown = [text_of(entry) for entry in self.entries() if _is_of(entry, revision)]
        return shown[-count:]

    def write(self, revision: Revision, stream: str, line: str, instance: str) -> None:
        """Add a line that a function wrote to stdout or stderr."""
        body = _structured(line)
        if body is None:
            severity = "ERROR" if stream == "stderr" and _TRACE.match(line) else "DEFAULT"
            self._add(revision, stream, severity, {"textPayload": line}, instance)
            return
        severity = str(body.pop("severity", "DEFAULT")).upper()
        special = {
            field: body.pop(_SPECIAL + name) for name, field in _FIELDS.items() if _SPECIAL + name in body
        }
        at = body.pop("time", None)
        message = body.get("message")
        if isinstance(message, str) and stream == "stderr" and severity == "DEFAULT":
            severity = "ERROR" if _TRACE.match(message.partition("\n")[0]) else severity
        # An entry whose only field is a message is text.
        payload: Json = {"textPayload": message} if list(body) == ["message"] else {"jsonPayload": body}
        known = severity if severity in SEVERITIES else "DEFAULT"
        self._add(revision, stream, known, {**payload, **special}, instance, at)

    def request(self, revision: Revision, *, method: str, url: str, status: int, seconds: float) -> None:
        """Add a request that the service got."""
        severity = "ERROR" if status >= 500 else "WARNING" if status >= 400 else "INFO"
        http = {
            "requestMethod": method,
            "requestUrl": url,
            "status": status,
            "latency": f"{seconds:.6f}s",
            "protocol": "HTTP/1.1",
        }
        self._add(revision, "requests", severity, {"httpRequest": http}, "")

    def system(self, revision: Revision, severity: str, text: str) -> None:
        """Add what Cloud Run says about a revision."""
        self._add(revision, "varlog/system", severity, {"textPayload": text}, "")

    def _add(
        self,
        revision: Revision,
        stream: str,
        severity: str,
        fields: Json,
        instance: str,
        at: object = None,
    ) -> None:
        now = timestamp()
        labels = {**cast("Json", fields.pop("labels", None) or {}), "goog-managed-by": "cloudfunctions"}
        if instance:
            labels["instanceId"] = instance
        name = f"run.googleapis.com/{stream}".replace("/", "%2F")
        entry: Json = {
            "insertId": uuid.uuid4().hex[:24],
            "logName": f"projects/{revision.project}/logs/{name}",
            "resource": {
                "type": "cloud_run_revision",
                "labels": {
                    "project_id": revision.project,
                    "location": revision.region,
                    "service_name": revision.service_id,
                    "configuration_name": revision.service_id,
                    "revision_name": revision.name,
                },
            },
            "severity": severity,
            "timestamp": at if isinstance(at, str) and at else now,
            "receiveTimestamp": now,
            "labels": labels,
            **fields,
        }
        with self._lock:
            self._entries.append(entry)
            if self._file is not None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                with open(self._file, "a", encoding="utf-8", opener=_private) as out:
                    out.write(json.dumps(entry, separators=(",", ":")) + "\n")


def text_of(entry: Json) -> str:
    """Return an entry's text."""
    if "textPayload" in entry:
        return str(entry["textPayload"]).rstrip()
    body = cast("Json", entry.get("jsonPayload", {}))
    return str(body.get("message") or json.dumps(body)).rstrip()


def _is_of(entry: Json, revision: str) -> bool:
    return (
        cast("Json", entry["resource"])["labels"]["revision_name"] == revision and "httpRequest" not in entry
    )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _structured(line: str) -> Json | None:
    if not line.startswith("{"):
        return None
    try:
        body: Any = json.loads(line)
    except ValueError:
        return None
    return cast("Json", body) if isinstance(body, dict) else None
