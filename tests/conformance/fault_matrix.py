"""`make faults`: the whole fault matrix, in two processes that each have a sandbox of their own;
then the kills of the real engine. Prints every failure, then how many cases there were and how many failed.

Refuses to pass over a case: one that could not be run counts as failed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from multiprocessing import get_context

from tests.conformance.railway_faults import (
    CHANGED,
    OPERATIONS,
    Case,
    Lab,
    matrix,
    run_until_it_came,
)
from tests.conformance.warm_processes import WarmProcesses
from tests.e2e.engine_kills import EngineLab

WORKERS = 2
SHOWN = 2000
"""Characters of one failure that are printed."""

_kept = ExitStack()
_labs: list[Lab] = []


def _begin() -> None:
    """A sandbox and a stack that is up, once for each worker."""
    _labs.append(_kept.enter_context(Lab(_kept.enter_context(WarmProcesses()))))


def _one(case: Case) -> str | None:
    """Run one; returns what is wrong."""
    try:
        run_until_it_came(_labs[0], case)
    except Exception:  # noqa: BLE001 - whatever it is, it is this case's failure, and it is printed
        return traceback.format_exc()[-SHOWN:]
    return None


def recorded(lab: Lab) -> list[str]:
    """Which operations send other requests than the matrix has; empty: none."""
    found = dict(lab.sequences)
    with lab.bench("change") as (bench, engine):
        with bench.world.operation() as process:
            engine.up(process, CHANGED)
        found["change"] = bench.requests()
    with lab.bench("refresh") as (bench, engine):
        with bench.world.operation() as process:
            engine.refresh(process)
        found["refresh"] = bench.requests()
    return [
        f"{name} sends {', '.join(found[name])}; the matrix has {', '.join(requests)}"
        for name, requests in OPERATIONS.items()
        if found[name] != list(requests)
    ]


def engine_kills() -> Iterator[tuple[str, str | None]]:
    """Kill the engine at every request boundary: each kill's name, and what is wrong after it."""
    with EngineLab() as lab:
        for kill in lab.kills():
            wrong = None
            try:
                lab.run(kill)
            except Exception:  # noqa: BLE001 - whatever it is, it is this case's failure, and it is printed
                wrong = traceback.format_exc()[-SHOWN:]
            yield str(kill), wrong
        print(f"fault_torn_state_files {lab.torn}")  # noqa: T201 - the command's output


def main(argv: list[str]) -> int:
    """Run it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.fault_matrix", description=__doc__)
    parser.add_argument("--only", default="", help="cases whose name has this in it, or `engine`")
    only: str = parser.parse_args(argv).only
    began = time.monotonic()
    cases = [case for case in matrix() if only in str(case)]
    failures = 0

    def told(name: str, wrong: str | None) -> int:
        if wrong is not None:
            print(f"FAILED {name}\n{wrong}", flush=True)  # noqa: T201 - the command's output
        return int(wrong is not None)

    with WarmProcesses() as warm, Lab(warm) as lab:
        for wrong in recorded(lab):
            failures += told("the list of requests", wrong)
    context = get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context, initializer=_begin) as pool:
        running = {pool.submit(_one, case): case for case in cases}
        for done, future in enumerate(as_completed(running), 1):
            failures += told(str(running[future]), future.result())
            if done % 100 == 0:
                print(f"{done} of {len(cases)}", file=sys.stderr, flush=True)  # noqa: T201
    count = len(cases)
    for name, wrong in engine_kills() if only in "engine" else ():
        count += 1
        failures += told(name, wrong)
    print(f"fault_seconds {time.monotonic() - began:.0f}")  # noqa: T201
    print(f"fault_cases {count}\nfault_failures {failures}", flush=True)  # noqa: T201
    return 1 if failures or not count else 0


if __name__ == "__main__":
    os.environ.pop("RAILWAY_TOKEN", None)
    sys.exit(main(sys.argv[1:]))
