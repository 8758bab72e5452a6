"""The command line of day two. Each subcommand is a module of this package; this one only picks and
prints."""

from __future__ import annotations

import argparse
import os
import sys

from components import verification_spec
from firebase.rest import GoogleApi
from ops import report, verify

OK, FAILED, MISUSED = 0, 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand. Returns 0 when all is well, 1 when something failed, 2 when it was asked wrongly."""
    parser = argparse.ArgumentParser(prog="python -m ops", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    verifying = commands.add_parser(
        "verify", help="check that what the program declared (stdin, VERIFY_*) is there and well"
    )
    verifying.set_defaults(run=_verify)
    chosen = parser.parse_args(arguments)
    return int(chosen.run())


def _verify() -> int:
    try:
        spec = verification_spec.parse(sys.stdin.read(), os.environ)
    except verification_spec.SpecError as wrong:
        print(f"python -m ops verify: {wrong}", file=sys.stderr)
        return MISUSED
    lines = verify.check(spec, GoogleApi())
    report.show(f"Verification of {spec.project}", lines)
    return FAILED if any(line.failed for line in lines) else OK


if __name__ == "__main__":
    sys.exit(main())
