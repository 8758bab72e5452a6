"""Waivers of `python -m ops readiness` that the preview refuses."""

from __future__ import annotations

from tests.bad_rows import Bad, one, put_part

_KEY = "readinessWaivers"
_GOOD = {"reason": "no backup yet", "person": "Ana", "expires": "2027-01-31"}
_REMOVE = f"pulumi config rm --path 'whatsapp-crm:{_KEY}"

SETTINGS: tuple[Bad, ...] = (
    one("waiver of no line", _KEY, {"H1": _GOOD}, f"{_REMOVE}.H1'"),
    one("waiver without its parts", _KEY, {"C3": "later"}, f"{_REMOVE}.C3'"),
    one("waiver with another part", _KEY, {"C3": {**_GOOD, "until": "May"}}, f"{_REMOVE}.C3.until'"),
    one(
        "waiver without a reason",
        _KEY,
        {"C3": {**_GOOD, "reason": "later"}},
        f"{put_part(f'{_KEY}.C3.reason')} '<why production may run without this line>'",
    ),
    one(
        "waiver of nobody",
        _KEY,
        {"C3": {**_GOOD, "person": " "}},
        f"{put_part(f'{_KEY}.C3.person')} '<who decided it>'",
    ),
    one(
        "waiver without an end",
        _KEY,
        {"C3": {**_GOOD, "expires": "in May"}},
        f"{put_part(f'{_KEY}.C3.expires')} '<the last day, such as 2027-01-31>'",
    ),
)
