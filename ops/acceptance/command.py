"""The command `python -m ops accept`: it connects to a stack, runs the tests, and says what they showed."""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from collections.abc import Mapping, Sequence

from firebase_admin import App as AdminApp
from google.auth.credentials import AnonymousCredentials

from firebase.rest import GoogleApi
from firebase.transport import credentials_of
from ops import stack
from ops.acceptance import connect, deployed, progress, run, sign_in
from ops.acceptance.app import SignedInApp
from ops.acceptance.firestore import FirestoreStore, admin_app
from ops.acceptance.loopback import TOKEN_VARIABLE, Loopback
from ops.acceptance.model import LINES, CannotTellError, Result, Verdict, now
from ops.acceptance.options import Options
from ops.acceptance.person import Person, Terminal
from ops.acceptance.progress import Progress
from ops.acceptance.user import User
from ops.acceptance.world import Account, Hands
from railway.clock import Clock
from railway.graphql.api import RailwayApi
from railway.graphql.client import RailwayClient
from railway.graphql.credentials import access_from
from settings.acceptance_names import Names
from user_errors import UserError, add_fix, printable

PASSED, FAILED, UNKNOWN = 0, 1, 2
_PHONE = re.compile(r"\+[1-9]\d{6,14}")


def accept(options: Options) -> int:
    """Run the tests; returns the exit code.

    Raises:
        UserError, StackError, CannotTellError: they could not begin.
        KeyboardInterrupt: the results so far are kept.
    """
    with progress.hold(options.stack):
        found = connect.read(options.stack)
        environ = os.environ
        emulated = bool(environ.get(connect.FIRESTORE_EMULATOR))
        given = AnonymousCredentials() if emulated else credentials_of(environ)
        with admin_app(found.spec.project, given, options.sign_as) as admin:
            store = FirestoreStore(admin, found.spec.database)
            if options.archive:
                return _archive_only(options, found.names, store)
            return _Session(options, found, admin, store, environ).run()


class _Session:
    """One command on one stack."""

    def __init__(
        self,
        options: Options,
        found: connect.Deployed,
        admin: AdminApp,
        store: FirestoreStore,
        environ: Mapping[str, str],
    ) -> None:
        self._options = options
        self._found = found
        self._admin = admin
        self._store = store
        self._environ = environ

    def run(self) -> int:
        """Run the tests, archive what they made, and report."""
        options, spec = self._options, self._found.spec
        site = connect.backend_site(spec, self._environ)
        if not options.by_hand and connect.is_loopback(site, spec.health_path):
            kind, client = run.LOOPBACK, options.client or f"+40799{secrets.randbelow(1_000_000):06}"
            hands = Loopback(site, self._admin_token(), client, options.within)
            accounts = hands.accounts()
        else:
            kind, client = run.PERSON, self._client()
            hands = Person(_terminal(options.stack), client, options.wait * 60)
            accounts = self._accounts()
        user = sign_in.signed_in(options, self._environ, self._admin, self._store)
        crm = self._crm(hands, accounts, user)
        fresh = Progress(
            stack=options.stack,
            project=spec.project,
            run=run.new_run_id(),
            hands=kind,
            client=client,
            accounts=(accounts[0].id, accounts[1].id),
            started=now(),
            deployed=deployed.digest(spec),
        )
        kept, ids = self._begin(fresh)
        run.check_client(crm, kept)
        accounts_shown = ", ".join(kept.accounts)
        say(f"acceptance of {options.stack}: run {kept.run}, client {client}, accounts {accounts_shown}")
        run.run(crm, kept, ids, say)
        return self._finish(kept, ids)

    def _admin_token(self) -> str:
        access = access_from(self._environ, stack.config(self._options.stack).get)
        client = RailwayClient(access, Clock(access.wait_scale))
        return connect.backend_variables(self._found, RailwayApi(client)).get(TOKEN_VARIABLE, "")

    def _client(self) -> str:
        phone = self._options.client
        if phone is None or not _PHONE.fullmatch(phone):
            what = (
                "a person tests this stack, and needs a phone"
                if phone is None
                else f"{phone} is no phone number"
            )
            command = f".venv/bin/python -m ops accept --stack {self._options.stack} --client +40700000000"
            fix = f"{command}  # the number of the phone that plays the client, which is no client of yours"
            raise UserError(add_fix(what, fix))
        return phone

    def _accounts(self) -> tuple[Account, Account]:
        names, chosen = self._found.names, self._options.accounts
        if chosen is None:
            listed = self._store.where(names.accounts, names.account_status, names.connected)
            chosen_ids = sorted(one.id for one in listed)[:2]
        else:
            chosen_ids = list(chosen)
        accounts: list[Account] = []
        for name in chosen_ids:
            known = self._store.get(f"{names.accounts}/{name}")
            if known is None or known.get(names.account_status) != names.connected:
                state = known.get(names.account_status) if known else "no such account"
                raise CannotTellError(
                    f"the account {name} is not connected: {state}",
                    "Pair it with its phone, then run the command again.",
                )
            accounts.append(Account(id=name, phone=str(known.get(names.account_phone) or "")))
        if len(accounts) < 2:
            raise CannotTellError(
                f"F1 needs two connected accounts, and {len(accounts)} is in {names.accounts}",
                "Pair a second WhatsApp account, then run the command again. If your app stores accounts in "
                "another way, name them:\n"
                f".venv/bin/python -m ops accept --stack {self._options.stack} --accounts '<id>,<id>'",
            )
        return accounts[0], accounts[1]

    def _crm(self, hands: Hands, accounts: tuple[Account, Account], user: User) -> run.Crm:
        spec, options = self._found.spec, self._options
        functions = connect.Functions(self._found, GoogleApi(self._environ), self._environ)
        app = SignedInApp(
            user=user,
            function=functions.site,
            documents=connect.documents_site(self._environ),
            database=f"projects/{spec.project}/databases/{spec.database}",
        )
        return run.Crm(
            names=self._found.names,
            store=self._store,
            app=app,
            hands=hands,
            accounts=accounts,
            by=user.email,
            patience=options.within,
            receive_within=options.receive_within,
        )

    def _begin(self, fresh: Progress) -> tuple[Progress, list[str]]:
        """The run that goes on, or the new one, and its tests."""
        chosen = self._options.only or tuple(LINES)
        before = progress.read(self._options.stack)
        if before is not None and not self._options.new and run.continues(before, fresh):
            passed = {name for name, one in before.lines.items() if one.verdict is Verdict.PASS}
            ids = [name for name in chosen if self._options.only or name not in passed]
            for name in sorted(passed - set(ids)):
                one = before.lines[name]
                say(f"{name}  passed already, at {one.at:%Y-%m-%d %H:%M} UTC, by {one.by}")
            return before, ids
        if before is not None:
            if not before.archived:
                run.archive(self._found.names, self._store, before)
            progress.keep(before)
        return fresh, list(chosen)

    def _finish(self, kept: Progress, ids: Sequence[str]) -> int:
        code = PASSED
        try:
            count = run.archive(self._found.names, self._store, kept)
            say(f"archived: {count} documents of the run {kept.run}; nothing was deleted")
        except CannotTellError as error:
            fix = f".venv/bin/python -m ops accept --stack {kept.stack} --archive"
            say(printable(add_fix(f"what the run made is not archived: {error.found}", fix)))
            code = UNKNOWN
        if self._options.report is not None:
            text = json.dumps(kept.document(), indent=2, ensure_ascii=False)
            self._options.report.write_text(f"{text}\n", encoding="utf-8")
        # With --only, other tests of the run do not decide.
        results = [kept.lines[name] for name in (ids if self._options.only else kept.lines)]
        say(summary(results))
        return exit_code(results) or code


def exit_code(results: Sequence[Result]) -> int:
    """0: all passed; 1: one failed; 2: one could not be carried out."""
    verdicts = {one.verdict for one in results}
    if Verdict.FAIL in verdicts:
        return FAILED
    return UNKNOWN if Verdict.UNKNOWN in verdicts else PASSED


def summary(results: Sequence[Result]) -> str:
    """The last line.

    Example:
        >>> summary([])
        '0 of 5 tests: nothing was tested'
    """
    counts = {verdict: sum(one.verdict is verdict for one in results) for verdict in Verdict}
    words = {Verdict.PASS: "passed", Verdict.FAIL: "failed", Verdict.UNKNOWN: "could not be carried out"}
    parts = [f"{count} {words[verdict]}" for verdict, count in counts.items() if count]
    return f"{len(results)} of {len(LINES)} tests: {', '.join(parts) or 'nothing was tested'}"


def say(text: str) -> None:
    """Write a line for the person who watches."""
    sys.stdout.write(f"{printable(text)}\n")
    sys.stdout.flush()


def _archive_only(options: Options, names: Names, store: FirestoreStore) -> int:
    before = progress.read(options.stack)
    if before is None or before.archived:
        say(f"there is nothing to archive for {options.stack}")
        return PASSED
    count = run.archive(names, store, before)
    say(f"archived: {count} documents of the run {before.run}; nothing was deleted")
    return PASSED


def _terminal(name: str) -> Terminal:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        what = "a person tests this stack, and there is no terminal"
        fix = f".venv/bin/python -m ops accept --stack {name}  # in a terminal"
        raise UserError(add_fix(what, fix))
    return Terminal()
