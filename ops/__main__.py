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
from ops import access, check_results, google, stack, verify
from ops.acceptance import options as acceptance_options
from ops.readiness import options as readiness_options
from railway.clock import Clock
from railway.graphql.credentials import access_from
from railway.graphql.errors import RailwayError
from user_errors import UserError, add_fix, printable, shell_word

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
    adopting = commands.add_parser(
        "adopt",
        help="import into the state what both clouds have and the program declares; changes nothing on them",
    )
    adopting.add_argument("--stack", required=True)
    adopting.add_argument("--yes", action="store_true", help="import without a question")
    adopting.add_argument(
        "--drop-undeclared-variables",
        action="store_true",
        help="the next `up` may remove variables of the backend that are not declared",
    )
    adopting.add_argument(
        "--write-config",
        action="store_true",
        help="write the settings that keep what exists into the stack's file, where it does not set them",
    )
    adopting.add_argument(
        "--secrets-from-google",
        action="store_true",
        help="write the values of secrets that only Secret Manager has into the stack's file, encrypted",
    )
    ways = adopting.add_mutually_exclusive_group()
    ways.add_argument("--undo", action="store_true", help="take what was imported out of the state again")
    ways.add_argument(
        "--rehearse",
        action="store_true",
        help="copy what exists into a sandbox on this machine, and adopt, deploy and check there; writes "
        "neither on the clouds nor in your stack",
    )
    adopting.add_argument(
        "--report", type=_report, metavar="json:FILE", help="write the report to this file as well"
    )
    adopting.set_defaults(run=_adopt)
    listing = commands.add_parser(
        "backups", help="list the backups of both clouds, and how each is restored; changes nothing"
    )
    listing.add_argument("--stack", required=True)
    listing.set_defaults(run=_backups)
    checking = commands.add_parser(
        "readiness", help="check every line of the production runbook, with evidence; changes nothing"
    )
    readiness_options.add(checking)
    checking.set_defaults(run=_readiness)
    accepting = commands.add_parser(
        "accept",
        help="run the five acceptance tests; on production, a person with a phone follows its instructions",
    )
    acceptance_options.add_options(accepting)
    accepting.set_defaults(run=_accept)
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
    api = google.Remembering()
    results = [*verify.check(spec, api), *verify.check_access(state, api, spec.stack)]
    check_results.show(f"Verification of {spec.project}", results)
    if any(result.failed for result in results):
        return FAILED
    if options.stack is None:
        from ops.readiness import (
            in_up,
        )  # it imports Pulumi, which takes longer than `verify --stack` should wait

        for line in in_up.report(spec, api, os.environ):
            sys.stdout.write(f"{line}\n")
    return OK


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


def _adopt(options: argparse.Namespace) -> int:
    from ops.adopt import rehearse, run

    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    chosen = run.Options(
        stack=options.stack,
        yes=options.yes,
        drop_undeclared=options.drop_undeclared_variables,
        write_config=options.write_config,
        secrets_from_google=options.secrets_from_google,
        report=options.report,
        ask=_ask if terminal else None,
    )
    again = f".venv/bin/python -m ops adopt --stack {options.stack}"
    try:
        if options.rehearse:
            return rehearse.rehearse(chosen)
        return run.undo(options.stack) if options.undo else run.adopt(chosen)
    except (UserError, stack.StackError) as error:
        return _usage_error("adopt", str(error))
    except KeyboardInterrupt:
        if options.rehearse:
            what = "interrupted; the rehearsal was taken down"
            return _usage_error("adopt", add_fix(what, f"{again} --rehearse  # begins again"))
        return _usage_error("adopt", add_fix("interrupted", f"{again}  # continues"))
    except OSError as error:
        fix = f"make {error.filename} writable" if error.filename else "free space on this disk"
        return _usage_error("adopt", add_fix(f"{error.strerror or error}: {error.filename}", fix))


def _ask(question: str) -> bool:
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _report(value: str) -> Path:
    """The file in `json:FILE`."""
    form, _, file = value.partition(":")
    if form != "json" or not file:
        raise argparse.ArgumentTypeError("must be json:FILE, for example json:adoption.json")
    # Now: it is written after the import.
    folder = Path(file).parent
    if not folder.is_dir():
        text = add_fix(f"there is no folder {folder}", f"mkdir -p {shell_word(folder)}")
        raise argparse.ArgumentTypeError(printable(text))
    return Path(file)


def _backups(options: argparse.Namespace) -> int:
    # Imported here: the other commands send Railway nothing.
    from ops import backups
    from railway.graphql.api import RailwayApi
    from railway.graphql.client import RailwayClient

    try:
        railway_access = access_from(os.environ, stack.config(options.stack).get)
        client = RailwayClient(railway_access, Clock(railway_access.wait_scale))
        backups.run(options.stack, GoogleApi(), RailwayApi(client), lambda text: print(printable(text)))
    except (GoogleError, RailwayError, stack.StackError) as error:
        return _usage_error("backups", str(error))
    return OK


def _readiness(options: argparse.Namespace) -> int:
    from ops.readiness import command

    again = f".venv/bin/python -m ops readiness --stack {options.stack}"
    try:
        return command.main(options)
    except (UserError, stack.StackError) as error:
        return _usage_error("readiness", str(error))
    except KeyboardInterrupt:
        return _usage_error("readiness", add_fix("interrupted", f"{again}  # begins again"))
    except OSError as error:
        fix = f"make {error.filename} writable" if error.filename else "free space on this disk"
        return _usage_error("readiness", add_fix(f"{error.strerror or error}: {error.filename}", fix))


def _accept(options: argparse.Namespace) -> int:
    from ops.acceptance import command, model  # Firestore's client takes a second to load

    again = f".venv/bin/python -m ops accept --stack {shell_word(options.stack)}"
    try:
        return command.accept(acceptance_options.options_of(options))
    except (model.CannotTellError, model.Failed) as error:
        return _usage_error("accept", add_fix(error.found, error.fix))
    except (UserError, stack.StackError, GoogleError, RailwayError) as error:
        return _usage_error("accept", str(error))
    except KeyboardInterrupt:
        what = "interrupted; the results so far are kept, and what was made is marked as a test"
        return _usage_error("accept", add_fix(what, f"{again}  # continues, with the same options"))
    except OSError as error:
        fix = f"make {error.filename} writable" if error.filename else "free space on this disk"
        return _usage_error("accept", add_fix(f"{error.strerror or error}: {error.filename}", fix))


def _usage_error(command: str, message: str) -> int:
    print(printable(f"python -m ops {command}: {message}"), file=sys.stderr)
    return USAGE_ERROR


if __name__ == "__main__":
    sys.exit(main())
