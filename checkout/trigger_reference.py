"""Write the table of triggers into docs/limits.md: `python -m checkout.trigger_reference`."""

from __future__ import annotations

from pathlib import Path

from checkout.trigger_kinds import ALL, FIRST_GENERATION, TriggerKind

PAGE = Path(__file__).resolve().parent.parent / "docs" / "limits.md"
BEGIN, END = "<!-- begin: triggers -->\n", "<!-- end: triggers -->"


def table() -> str:
    """The table in Markdown: supported kinds first."""
    rows = ["| trigger | in `firebase-functions/v2` | supported |", "|---|---|---|"]
    for kind in sorted(ALL, key=lambda kind: not kind.longest_timeout):
        functions = ", ".join(f"`{function}`" for function in kind.functions)
        rows.append(f"| {kind.name} | {functions} | {_supported(kind)} |")
    old = f"| {FIRST_GENERATION.name} | `firebase-functions/v1` | {_supported(FIRST_GENERATION)} |\n"
    return "\n".join((*rows, old))


def _supported(kind: TriggerKind) -> str:
    if kind.longest_timeout:
        return f"yes; time-out up to {kind.longest_timeout} s"
    return f"no: {kind.reason}"


def written(page: str) -> str:
    """The page with the current table between the markers."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
