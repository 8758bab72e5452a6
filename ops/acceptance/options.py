"""The options of `python -m ops accept`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from ops.acceptance.model import LINES
from user_errors import printable


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of the command; `None` for what was not given.

    Args:
        stack: the stack.
        only: ids of LINES.
        report: the file of the report.
        user: the address of the test user.
        custom_token: sign in with a custom token instead of a password.
        sign_as: the service account that signs it.
        client: the phone of the test client.
        accounts: two ids of accounts.
        by_hand: a person tests, also where the backend has no WhatsApp.
        new: begin anew, do not continue a run.
        archive: only archive what earlier runs made.
        within: seconds for an effect.
        receive_within: seconds in which a received message must be visible.
        wait: minutes that a person has for each action.
    """

    stack: str
    only: tuple[str, ...] = ()
    report: Path | None = None
    user: str | None = None
    custom_token: bool = False
    sign_as: str | None = None
    client: str | None = None
    accounts: tuple[str, str] | None = None
    by_hand: bool = False
    new: bool = False
    archive: bool = False
    within: float = 60.0
    receive_within: float = 10.0
    wait: float = 10.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--stack", required=True)
    parser.add_argument("--only", type=_ids, default=(), metavar="F2,F3", help="only these tests")
    parser.add_argument(
        "--report", type=_report, metavar="json:FILE", help="write the results to this file as well"
    )
    parser.add_argument("--user", metavar="ADDRESS", help="a user of the app, for tests only; a member")
    parser.add_argument(
        "--custom-token",
        action="store_true",
        help="sign in with a custom token instead of a password; needs a service account's key, or --sign-as",
    )
    parser.add_argument(
        "--sign-as", metavar="ACCOUNT", help="the service account that signs it; you need signBlob on it"
    )
    parser.add_argument(
        "--client", metavar="PHONE", help="the phone that plays the client, such as +40700000000"
    )
    parser.add_argument(
        "--accounts", type=_pair, metavar="A,B", help="two accounts (default: the first connected)"
    )
    parser.add_argument(
        "--by-hand", action="store_true", help="a person tests, also where WhatsApp is simulated"
    )
    parser.add_argument("--new", action="store_true", help="begin anew; do not continue a run")
    parser.add_argument("--archive", action="store_true", help="only archive what the last run made")
    parser.add_argument(
        "--within", type=_positive, default=60.0, metavar="SECONDS", help="for each effect (default: 60)"
    )
    parser.add_argument(
        "--receive-within",
        type=_positive,
        default=10.0,
        metavar="SECONDS",
        help="until a received message is visible (default: 10)",
    )
    parser.add_argument(
        "--wait",
        type=_positive,
        default=10.0,
        metavar="MINUTES",
        help="for each action of a person (default: 10)",
    )


def options_of(parsed: argparse.Namespace) -> Options:
    """The parsed options."""
    return Options(**{name: getattr(parsed, name) for name in Options.__annotations__})


def _ids(value: str) -> tuple[str, ...]:
    chosen = [one.strip().upper() for one in value.split(",")]
    unknown = [one for one in chosen if one not in LINES]
    if unknown:
        raise argparse.ArgumentTypeError(f"{printable(unknown[0])!r} is not one of {', '.join(LINES)}")
    return tuple(name for name in LINES if name in chosen)


def _pair(value: str) -> tuple[str, str]:
    parts = [one.strip() for one in value.split(",")]
    if len(parts) != 2 or not all(parts) or parts[0] == parts[1] or any("/" in one for one in parts):
        raise argparse.ArgumentTypeError("must be two different accounts, such as sales,support")
    return parts[0], parts[1]


def _positive(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number <= 86400:
        raise argparse.ArgumentTypeError(f"{printable(value)!r} is not a number between 0 and 86400")
    return number


def _report(value: str) -> Path:
    form, _, file = value.partition(":")
    if form != "json" or not file:
        raise argparse.ArgumentTypeError("must be json:FILE, for example json:acceptance.json")
    if not Path(file).parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {printable(str(Path(file).parent))}")
    return Path(file)
