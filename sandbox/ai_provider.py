"""A stand-in for a provider of chat models (`POST /v1/chat/completions`, the protocol of OpenAI and Groq).

It answers from the request's own content, and the same request always gets the same answer:

- a JSON object is wanted (`response_format`): the event that the conversation in the user's message is about,
  with the keys that the example's prompt asks for (examples/crm/functions/src/draft.js): date, kind, amount;
- else: the answer to the question after the JSON with the client's figures (src/assistant.js), from those
  figures only: how much was spent, how many events, which is next.

A request without a key gets 401, as there. It knows no other task: an answer to any other text repeats it.
"""

from __future__ import annotations

import json
import re
import time
from datetime import date
from typing import TYPE_CHECKING, Any, cast

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.local_only import LocalOnly

if TYPE_CHECKING:
    from starlette.requests import Request

Json = dict[str, Any]

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january ianuarie", "february februarie", "march martie", "april aprilie", "may mai",
            "june iunie", "july iulie", "august", "september septembrie", "october octombrie",
            "november noiembrie", "december decembrie",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
KINDS = {
    "wedding": ("wedding", "nunta", "nuntă", "nunti"),
    "baptism": ("baptism", "christening", "botez"),
    "birthday": ("birthday", "aniversare", "zi de nastere"),
    "corporate": ("corporate", "conference", "team building", "firma"),
    "concert": ("concert",),
}
_STAMP = re.compile(r"^\[(\d{4})-(\d\d)-(\d\d)[^\]]*\] (client|company): ", re.MULTILINE)
_ISO = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_DAY_MONTH = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)?(?: of)? ([a-zăâîșț]+)(?:,? (20\d\d))?\b", re.IGNORECASE)
_NUMERIC = re.compile(r"\b(\d{1,2})[./](\d{1,2})[./](\d{4})\b")
_NUMBER = r"\d{1,3}(?:[., \u00a0]\d{3})+(?:[.,]\d\d?)?|\d+(?:[.,]\d\d?)?"
_MONEY = re.compile(rf"(?<![\d.,])({_NUMBER})\s*(ron|lei|eur|euro|euros|€)(?!\w)", re.IGNORECASE)
_CONFIRMED = re.compile(r"\b(confirm\w*|deal|agreed|de acord)\b", re.IGNORECASE)
_ADDRESS = re.compile(r"\b(?:at|la|address:?|adresa:?) ([A-Z][^\n,.!?]*)")
_QUESTION = "\n\nQuestion: "
_MUCH = re.compile(r"\b(how much|spent|paid|cost|total|c[âa]t|cheltuit|pl[ăa]tit)\b", re.IGNORECASE)
_MANY = re.compile(r"\b(how many|number of|c[âa]te|c[âa]ți|cati)\b", re.IGNORECASE)
_ROMANIAN = re.compile(
    r"\b(c[âa]t|c[âa]te|cheltuit|clientul|este|sunt|evenimente|pl[ăa]tit)\b", re.IGNORECASE
)


def extract_event(conversation: str) -> Json:
    """Return the event that a conversation is about, `{"found": false}` for none."""
    stamps = _STAMP.findall(conversation)
    said = _STAMP.sub("", conversation)
    year = int(stamps[-1][0]) if stamps else 1970
    day = _last_date(said, year, date(*map(int, stamps[-1][:3])) if stamps else None)
    kind = next((kind for kind, words in KINDS.items() if any(word in said.lower() for word in words)), None)
    if day is None and kind is None:
        return {"found": False}
    money = _MONEY.findall(said)
    address = _ADDRESS.findall(said)
    return {
        "found": True,
        "date": day.isoformat() if day else None,
        "type": kind,
        "title": None if kind is None else kind.capitalize(),
        "address": address[-1].strip() if address else None,
        "amount": _amount(money[-1][0]) if money else None,
        "currency": None if not money else "RON" if money[-1][1].lower() in ("ron", "lei") else "EUR",
        "status": "confirmed" if _CONFIRMED.search(said) else "planned",
    }


def _last_date(text: str, year: int, spoken: date | None) -> date | None:
    """Return the last date in a text. One without a year is the next one after the conversation."""
    found: list[tuple[int, date]] = []
    for match in _ISO.finditer(text):
        _add(found, match.start(), int(match[1]), int(match[2]), int(match[3]))
    for match in _NUMERIC.finditer(text):
        _add(found, match.start(), int(match[3]), int(match[2]), int(match[1]))
    for match in _DAY_MONTH.finditer(text):
        month = MONTHS.get(match[2].lower())
        if month is None:
            continue
        _add(found, match.start(), int(match[3] or year), month, int(match[1]))
        if match[3] is None and spoken is not None and found and found[-1][1] < spoken:
            at, day = found.pop()
            _add(found, at, year + 1, day.month, day.day)
    return max(found)[1] if found else None


def _add(found: list[tuple[int, date]], at: int, year: int, month: int, day: int) -> None:
    if 1 <= month <= 12 and 1 <= day <= (28 if month == 2 else 30 if month in (4, 6, 9, 11) else 31):
        found.append((at, date(year, month, day)))


def _amount(text: str) -> float | int:
    """Read "1.200", "1,200.50" or "1 200": a separator before one or two last digits is the decimal one."""
    match = re.fullmatch(r"(.*?)(?:[.,](\d\d?))?", re.sub(r"\s", "", text))
    assert match is not None
    whole = re.sub(r"[.,]", "", match[1])
    return float(f"{whole}.{match[2]}") if match[2] else int(whole)


def answer_question(user: str) -> str:
    """Return the answer to a question about a client's figures."""
    facts_text, _, question = user.partition(_QUESTION)
    try:
        facts = cast("Json", json.loads(facts_text))
    except ValueError:
        return user
    stats = cast("Json", facts.get("stats") or {})
    name = facts.get("name") or "the client"
    romanian = _ROMANIAN.search(question) is not None
    totals = {
        key: f"{_figure(value)} {key}" for key, value in sorted(cast("Json", stats.get("totals", {})).items())
    }
    count = stats.get("eventCount", 0)
    if _MANY.search(question) and not _MUCH.search(question):
        return f"{name}: {count} evenimente." if romanian else f"{name} has {count} events."
    if _MUCH.search(question):
        if not totals:
            return f"{name}: nicio sumă." if romanian else f"No amount is known for {name}."
        spent = (" și " if romanian else " and ").join(totals.values())
        return f"{name} a cheltuit {spent}." if romanian else f"{name} spent {spent}."
    latest = next(iter(cast("list[Json]", facts.get("latestEvents") or [])), None)
    if latest is None:
        return "Datele nu spun." if romanian else "The figures do not say."
    what = f"{latest.get('title') or latest.get('type')}, {latest.get('date')}"
    return f"Cel mai recent: {what}." if romanian else f"The latest event: {what}."


def _figure(value: float) -> str:
    """Return an amount with its cents, if it has any."""
    return str(int(value)) if value == int(value) else f"{value:.2f}"


def complete(body: Json) -> str:
    """Return a model's text for the body of a request."""
    messages = cast("list[Json]", body["messages"])
    user = next(str(one["content"]) for one in reversed(messages) if one.get("role") == "user")
    if cast("Json", body.get("response_format") or {}).get("type") == "json_object":
        return json.dumps(extract_event(user))
    return answer_question(user)


def create_app() -> Starlette:
    """Return the server."""

    async def completions(request: Request) -> JSONResponse:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            return _error(401, "You didn't provide an API key.", "invalid_api_key")
        try:
            body = cast("Json", await request.json())
            text = complete(body)
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
            return _error(400, f"Invalid request: {error!r}", "invalid_request_error")
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return JSONResponse(
            {
                "id": "chatcmpl-sandbox",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": body.get("model", ""),
                "choices": [choice],
                "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
            }
        )

    paths = ("/v1/chat/completions", "/openai/v1/chat/completions")  # of OpenAI, of Groq
    return Starlette(
        routes=[Route(path, completions, methods=["POST"]) for path in paths],
        middleware=[Middleware(LocalOnly, other_hosts=True)],
    )


def _error(status: int, message: str, code: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": code, "code": code}}, status)
