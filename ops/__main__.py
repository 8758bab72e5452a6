"""Checks after deployment. Exit code 0: all checks passed; 1: a check failed; 2: it could not start.

`drift` ends with Pulumi's exit code: 0 without drift, 7 with drift.
"""

from __future__ import annotations

import argparse
import os
import sys

from components import verification_spec
from firebase.errors import GoogleError
from firebase.rest import GoogleApi
from ops import check_results, importing, stack, verify
from user_errors import printable

OK, FAILED, USAGE_ERROR = 0, 1, 2


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
        return _usage_error("verify", "nothing to verify on stdin\n  fix: python -m ops verify --stack NAME")
    try:
        if options.stack is None:
            spec = verification_spec.from_lines(sys.stdin.read(), os.environ)
        else:
            spec = stack.verification(options.stack)
    except (verification_spec.SpecError, stack.StackError) as error:
        return _usage_error("verify", str(error))
    results = verify.check(spec, GoogleApi())
    check_results.show(f"Verification of {spec.project}", results)
    return FAILED if any(result.failed for result in results) else OK


def _drift(options: argparse.Namespace) -> int:
    try:
        return stack.drift(options.stack, sys.stdout)
    except stack.StackError as error:
        return _usage_error("drift", str(error))


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
