"""Checks after deployment. Exit code 0: all checks passed; 1: a check failed; 2: it could not start.

`drift` ends with Pulumi's exit code: 0 without drift, 7 with drift. Keys, secret versions and members of IAM
roles that are not in the state count as drift.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from components import verification_spec
from firebase.errors import GoogleError, JsonObject
from firebase.rest import GoogleApi
from ops import access, check_results, importing, stack, verify
from user_errors import add_fix, printable

OK, FAILED, USAGE_ERROR, DRIFT = 0, 1, 2, 7


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    verifying = commands.add_parser(
        "verify", help="check that everything that `pulumi up` declared exists and is healthy"
    )
    verifying.add_argument(
        "--stack", help="what the last successful `pulumi up` of this stack declared (default: read stdin)"
    )
    verifying.set_defaults(run=_verify)
    drifting = commands.add_parser(
        "drift", help="show what differs from the program in both clouds; changes nothing"
    )
    drifting.add_argument("--stack", required=True)
    drifting.set_defaults(run=_drift)
    discovering = commands.add_parser(
        "discover", help="load the functions where there are no credentials, and keep what was found"
    )
    discovering.add_argument("--stack", required=True)
    discovering.add_argument("--out", required=True, type=Path, help="the folder for the results")
    discovering.add_argument(
        "--no-isolation",
        action="store_true",
        help="let the code read all files of this machine and use the network; only without credentials",
    )
    discovering.set_defaults(run=_discover)
    unpacking = commands.add_parser("unpack", help="put what `discover` found and packed in place")
    unpacking.add_argument("results", type=Path, help="the folder that `discover` wrote")
    unpacking.add_argument("--stack", required=True)
    unpacking.add_argument(
        "--pull-request",
        type=Path,
        metavar="TAR",
        help="the repository of a pull request: its app and settings replace those of this checkout",
    )
    unpacking.set_defaults(run=_unpack)
    taking = commands.add_parser(
        "import",
        help="import into the state what Google has and the program declares; changes nothing on Google",
    )
    taking.add_argument("--stack", required=True)
    taking.set_defaults(run=_import)
    options = parser.parse_args(arguments)
    return int(options.run(options))


def _verify(options: argparse.Namespace) -> int:
    if options.stack is None and sys.stdin.isatty():
        return _usage_error(
            "verify",
            add_fix("nothing to verify on stdin", ".venv/bin/python -m ops verify --stack <stack>"),
        )
    state: list[JsonObject] = []
    try:
        if options.stack is None:
            spec = verification_spec.from_lines(sys.stdin.read(), os.environ)
        else:
            state = stack.resources(options.stack)
            spec = stack.verification(options.stack, state)
    except (verification_spec.SpecError, stack.StackError) as error:
        return _usage_error("verify", str(error))
    api = GoogleApi()
    results = [*verify.check(spec, api), *verify.check_access(state, api, spec.stack)]
    check_results.show(f"Verification of {spec.project}", results)
    return FAILED if any(result.failed for result in results) else OK


def _drift(options: argparse.Namespace) -> int:
    try:
        code = stack.drift(options.stack, sys.stdout)
        if code not in (OK, DRIFT):
            return code
        state, api = stack.resources(options.stack), GoogleApi()
        unknown = [
            result
            for result in (*access.credentials(state, api), *access.members(state, api, options.stack))
            if result.failed
        ]
    except (stack.StackError, GoogleError) as error:
        return _usage_error("drift", str(error))
    if unknown:
        check_results.show(f"Not in the state of {options.stack}", unknown)
        return DRIFT
    return code


def _discover(options: argparse.Namespace) -> int:
    from ops import discover  # it imports Pulumi, which takes longer than `verify` should wait

    try:
        discover.discover(options.stack, options.out, sys.stdout, isolate=not options.no_isolation)
    except stack.StackError as error:
        print(error, file=sys.stderr)
        return FAILED
    return OK


def _unpack(options: argparse.Namespace) -> int:
    from ops import discover, pull_request_source

    try:
        if options.pull_request is not None:
            pull_request_source.take(options.stack, options.pull_request, sys.stdout)
        discover.unpack(options.stack, options.results, sys.stdout)
    except stack.StackError as error:
        print(error, file=sys.stderr)
        return FAILED
    return OK


def _import(options: argparse.Namespace) -> int:
    try:
        return importing.run(options.stack, GoogleApi(), lambda text: print(printable(text)))
    except (GoogleError, stack.StackError) as error:
        return _usage_error("import", str(error))


def _usage_error(command: str, message: str) -> int:
    print(printable(f"python -m ops {command}: {message}"), file=sys.stderr)
    return USAGE_ERROR


if __name__ == "__main__":
    sys.exit(main())
