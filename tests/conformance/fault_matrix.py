"""`make faults`: the whole fault matrix, in processes that each have sandboxes of their own, and next to them
the kills of the real engine; then the matrix of Google's requests under the real engine. Prints every
failure, then how many cases there were and how many failed. Last, clients try what the rules forbid while an
`up` that edits them is killed at each request.

Refuses to pass over a case: one that could not be run counts as failed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict
from multiprocessing import get_context

from tests.conformance.railway_faults import (
    CHANGED,
    LONG_DELAY,
    OPERATIONS,
    Case,
    Lab,
    matrix,
    run_until_it_came,
)
from tests.conformance.warm_processes import WarmProcesses
from tests.e2e import google_faults, rules_prober
from tests.e2e.engine_kills import EngineLab, Kill
from tests.e2e.google_faults import GoogleLab
from tests.e2e.rules_prober import Figures

WORKERS = 2 * (os.cpu_count() or 1) - 1
"""For the matrix, whose cases wait more than they work; one more kills engines."""
GOOGLE_WORKERS = os.cpu_count() or 1
"""For Google's matrix, whose cases run the engine. They run after the others, some of which wait less than
a busy machine needs."""
NOT_GOOGLE = ("create-", "change-", "refresh-", "engine-")
RULES = "rules-"
SHOWN = 2000
"""Characters of one failure that are printed."""

_kept = ExitStack()
_labs: list[Lab] = []
_engines: list[EngineLab] = []
_googles: list[GoogleLab] = []


def _begin() -> None:
    """A sandbox and a stack that is up, once for each worker."""
    _labs.append(_kept.enter_context(Lab(_kept.enter_context(WarmProcesses()))))


def _failure(run: Callable[[], object]) -> str | None:
    """Run a case; returns what is wrong."""
    try:
        run()
    # Any exception is this case's failure, counted and printed by `main`. It is made text here, because an
    # error of gRPC cannot be pickled and would arrive there without its message.
    except Exception:  # noqa: BLE001
        return traceback.format_exc()[-SHOWN:]
    return None


def _one(case: Case) -> str | None:
    """Run one; returns what is wrong."""
    return _failure(lambda: run_until_it_came(_labs[0], case))


def recorded(lab: Lab) -> list[str]:
    """Which operations send other requests than the matrix has; empty: none."""
    found = dict(lab.sequences)
    with lab.bench("change", LONG_DELAY) as (bench, engine):
        with bench.world.operation() as process:
            engine.up(process, CHANGED)
        found["change"] = bench.requests()
    with lab.bench("refresh", LONG_DELAY) as (bench, engine):
        with bench.world.operation() as process:
            engine.refresh(process)
        found["refresh"] = bench.requests()
    return [
        f"{name} sends {', '.join(found[name])}; the matrix has {', '.join(requests)}"
        for name, requests in OPERATIONS.items()
        if found[name] != list(requests)
    ]


def _begin_engine() -> None:
    """A stack that is up under the real engine."""
    _engines.append(_kept.enter_context(EngineLab()))


def _kills() -> list[Kill]:
    """Every boundary at which the engine is killed."""
    return list(_engines[0].kills())


def _kill(kill: Kill) -> str | None:
    """Kill it there; returns what is wrong after one more `up`."""
    return _failure(lambda: _engines[0].run(kill))


def _torn() -> int:
    """How many state files had a half-written file next to them."""
    return _engines[0].torn


def _begin_google() -> None:
    """A stack that was initialized, on both sandboxes under the real engine."""
    _googles.append(_kept.enter_context(GoogleLab()))


def _google_cases() -> list[google_faults.Case]:
    """Every failure of a request to Google, in a first `up` and in one that changes everything."""
    return [*_googles[0].matrix("create"), *_googles[0].matrix("change")]


def _google(case: google_faults.Case) -> str | None:
    """Run one; returns what is wrong."""
    return _failure(lambda: _googles[0].run_until_it_came(case))


def _report(name: str, wrong: str | None) -> int:
    """Print a failure; returns how many it is."""
    if wrong is not None:
        print(f"FAILED {name}\n{wrong}", flush=True)  # noqa: T201 - the command's output
    return int(wrong is not None)


def main(argv: Sequence[str]) -> int:
    """Run it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.fault_matrix", description=__doc__)
    parser.add_argument("--only", default="", help="cases whose name has this in it, as `engine-` or `kill`")
    only: str = parser.parse_args(argv).only
    cases = failures = 0
    for part, selected in (
        (railway_matrix, not only.startswith(("google-", RULES))),
        (google_matrix, not only.startswith((*NOT_GOOGLE, RULES))),
        (rules_matrix, not only or only.startswith(RULES)),
    ):
        if selected:
            more, failed = part(only)
            cases, failures = cases + more, failures + failed
    return 1 if failures or not cases else 0


def google_matrix(only: str) -> tuple[int, int]:
    """Run the cases of Google whose name contains `only`; returns how many there were and how many failed."""
    began = time.monotonic()
    failures = 0
    context = get_context("spawn")
    with ProcessPoolExecutor(GOOGLE_WORKERS, mp_context=context, initializer=_begin_google) as pool:
        cases = pool.submit(_google_cases).result()
        running = {pool.submit(_google, case): str(case) for case in cases if only in str(case)}
        for done, future in enumerate(as_completed(running), 1):
            failures += _report(running[future], future.result())
            if done % 50 == 0:
                print(f"{done} of {len(running)}", file=sys.stderr, flush=True)  # noqa: T201
    print(f"google_fault_seconds {time.monotonic() - began:.0f}")  # noqa: T201
    print(f"google_fault_cases {len(running)}\ngoogle_fault_failures {failures}", flush=True)  # noqa: T201
    return len(running), failures


def rules_matrix(_only: str) -> tuple[int, int]:
    """Kill an `up` that edits the rules at each request, with clients that try what the rules forbid.

    Returns how many kills there were, and whether a client ever met a release that was absent or open.
    """
    began = time.monotonic()
    figures: list[Figures] = []
    wrong = _failure(lambda: figures.append(rules_prober.probe()))
    for found in figures:
        for name, value in asdict(found).items():
            print(f"rules_probe_{name} {value}")  # noqa: T201
    print(f"rules_probe_seconds {time.monotonic() - began:.0f}", flush=True)  # noqa: T201
    kills = figures[0].kills if figures else 1
    return kills, _report("rules-", wrong)


def railway_matrix(only: str) -> tuple[int, int]:
    """Run the other cases whose name contains `only`; returns how many there were and how many failed."""
    began = time.monotonic()
    failures = 0
    with WarmProcesses() as warm, Lab(warm) as lab:
        for wrong in recorded(lab):
            failures += _report("the list of requests", wrong)
    context = get_context("spawn")
    with (
        ProcessPoolExecutor(WORKERS, mp_context=context, initializer=_begin) as pool,
        ProcessPoolExecutor(1, mp_context=context, initializer=_begin_engine) as engine,
    ):
        running: dict[Future[str | None], str] = {
            pool.submit(_one, case): str(case) for case in matrix() if only in str(case)
        }
        kills = engine.submit(_kills).result()
        running |= {engine.submit(_kill, kill): str(kill) for kill in kills if only in str(kill)}
        for done, future in enumerate(as_completed(running), 1):
            failures += _report(running[future], future.result())
            if done % 100 == 0:
                print(f"{done} of {len(running)}", file=sys.stderr, flush=True)  # noqa: T201
        torn = engine.submit(_torn).result()
    print(f"fault_seconds {time.monotonic() - began:.0f}")  # noqa: T201
    print(f"fault_torn_state_files {torn}")  # noqa: T201
    print(f"fault_cases {len(running)}\nfault_failures {failures}", flush=True)  # noqa: T201
    return len(running), failures


if __name__ == "__main__":
    os.environ.pop("RAILWAY_TOKEN", None)
    sys.exit(main(sys.argv[1:]))
