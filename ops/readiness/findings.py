"""How checks say what they found: `passed`, `failed`, `unknown`, `needs_a_person`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ops.check_results import CheckResult
from ops.readiness.model import Evidence, Finding, Verdict

SHOWN = 5


def passed(found: str, *evidence: Evidence) -> Finding:
    """The line is as the runbook says."""
    return Finding(verdict=Verdict.PASS, found=found, evidence=evidence)


def failed(
    found: str, fix: str, *evidence: Evidence, follows: Sequence[str] = (), waiting: bool = False
) -> Finding:
    """The line is broken."""
    return Finding(
        verdict=Verdict.FAIL,
        found=found,
        fix=fix,
        evidence=evidence,
        follows=tuple(follows),
        waiting=waiting,
    )


def unknown(found: str, fix: str, *evidence: Evidence, follows: Sequence[str] = ()) -> Finding:
    """Nothing proves that the line is broken, and nothing that it is not."""
    return Finding(verdict=Verdict.UNKNOWN, found=found, fix=fix, evidence=evidence, follows=tuple(follows))


def needs_a_person(found: str, fix: str, *evidence: Evidence) -> Finding:
    """No program can check the line; `fix` is what a person does."""
    return Finding(verdict=Verdict.PERSON, found=found, fix=fix, evidence=evidence)


def of_results(results: Sequence[CheckResult], passes: str, *evidence: Evidence) -> Finding:
    """The finding of several checks: it passes with `passes` if none of them failed."""
    bad = [one for one in results if one.fix is not None]
    if not bad:
        return passed(passes, *evidence)
    fixes = list(dict.fromkeys(one.fix for one in bad if one.fix))
    return failed(some(f"{one.thing}: {one.found}" for one in bad), "\n".join(fixes[:SHOWN]), *evidence)


def some(texts: Iterable[str], separator: str = "\n", most: int = SHOWN) -> str:
    """The first few texts, and how many are left out."""
    shown = list(texts)
    more = len(shown) - most
    return separator.join([*shown[:most], *([f"and {more} more"] if more > 0 else [])])


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    Example:
        >>> counted(1, "index", "indexes"), counted(2, "function")
        ('1 index', '2 functions')
    """
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"
