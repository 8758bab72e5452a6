"""The command line of the sandbox: `python -m sandbox`.

No command deletes state: `down` keeps it, and `demo` moves an earlier state aside.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

import requests
from rich.console import Console
from rich.table import Table

from checkout.firestore_emulator import FirestoreError
from sandbox import bench, copies, daemon, demo
from sandbox.engine.toolchain import ToolchainError
from sandbox.google.running.instance import InstanceError
from sandbox.run_server import RUNNING
from sandbox.running import MEGABYTE, RunOptions
from sandbox.supervisor import (
    APP_STACK,
    DEFAULT_NAME,
    PROJECT,
    STACK,
    UNSET_VARIABLES,
    Running,
    Sandbox,
    SandboxError,
    command_line,
)
from user_errors import add_fix

DESCRIPTION = "Fakes of Railway and Google on this machine, on which the real Pulumi engine runs the program."
APP_HELP = (
    "deploy the app in DIR, a folder with firebase.json, instead of the example. The app gets a stack of its "
    f"own, `{APP_STACK}`, with its settings in Pulumi.{APP_STACK}.yaml (created from Pulumi.{STACK}.yaml, "
    f"ignored by git; change them with `pulumi config set -s {APP_STACK}`)"
)
NAME_HELP = (
    f"the sandbox; several can run side by side (default: {DEFAULT_NAME}, with --app: {APP_STACK}, because "
    "two stacks in one sandbox would create the same Google resources)"
)


RUN_HELP = (
    "run what is deployed: the backend from DIR of --app (or the example) as a process behind its domain, "
    "with its volume as a folder"
)
SOURCE_HELP = "with --run: the folder of a repository that is not the app's; can be repeated"
EXAMPLE = PROJECT / "examples" / "crm"


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog=command_line(), description=DESCRIPTION)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str, *aliases: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:], aliases=aliases
        )
        command.set_defaults(command=name)
        return command

    named = [
        add("up", "start the sandbox and create its stack; the state of earlier runs is kept"),
        add("status", "print whether the sandbox is running, and its addresses (exit code 1: not running)"),
        add("env", f'print the variables for a shell: eval "$({command_line("env")})"'),
        add("down", "stop the sandbox; its state is kept"),
        add("demo", "run the demo with an empty state; an earlier state is moved aside", "life"),
    ]
    for command in named:
        command.add_argument("--name", help=NAME_HELP)
    for command in (named[0], named[-1]):
        command.add_argument("--app", type=Path, metavar="DIR", help=APP_HELP)
    add_run_options(named[0])
    add("bench", "print the requests of a first up, a no-op up and a refresh, one `name value` per line")
    serve = add("serve", "run the servers in the foreground; `up` starts this in the background")
    serve.add_argument("--root", type=Path, required=True, help="the folder of the sandbox's state")
    serve.add_argument("--run", type=Path, metavar="APP", help="run what is deployed, with this app")
    serve.add_argument("--source", action="append", type=source, default=[], help="see `up`")
    serve.add_argument("--attached", action="store_true", help="end when standard input is closed")
    copy = add("copy", "serve copies of real objects, read from standard input, until it is closed")
    copy.add_argument("--root", type=Path, required=True, help="the folder of the sandbox's state")
    return parser


def add_run_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `up` that run what is deployed."""
    command.add_argument("--run", action="store_true", help=RUN_HELP)
    command.add_argument(
        "--source", action="append", type=source, default=[], metavar="OWNER/NAME=DIR", help=SOURCE_HELP
    )


def source(text: str) -> tuple[str, Path]:
    """Parse `OWNER/NAME=DIR`.

    Raises:
        ArgumentTypeError: it has another form, or there is no such folder.
    """
    repo, equals, folder = text.partition("=")
    if not equals or repo.count("/") != 1 or not Path(folder).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not OWNER/NAME=DIR with a folder DIR")
    return repo, Path(folder)


def main(argv: list[str]) -> int:
    """Run one command; return its exit code."""
    options = arguments().parse_args(argv)
    if options.command == "serve":
        run = RunOptions(app=options.run, sources=dict(options.source)) if options.run else None
        daemon.serve(options.root, attached=options.attached, run=run)
        return 0
    if options.command == "copy":
        copies.serve(options.root)
        return 0
    if options.command == "bench":
        return bench.run()
    app: Path | None = getattr(options, "app", None)
    sandbox = Sandbox(PROJECT / ".sandbox" / (options.name or (APP_STACK if app else DEFAULT_NAME)))
    if options.command == "up":
        if options.source and not options.run:
            raise SandboxError(add_fix("--source has a meaning with --run only.", "add --run", ""))
        run = RunOptions(app=app or EXAMPLE, sources=dict(options.source)) if options.run else None
        return up(sandbox, app, run)
    if options.command == "demo":
        return demo.show(sandbox, app)
    return {"status": status, "env": env, "down": down}[options.command](sandbox)


def up(sandbox: Sandbox, app: Path | None, run: RunOptions | None = None) -> int:
    """Start the sandbox and create its stack, or with an app the app's stack."""
    if app is not None:
        sandbox.check_app(app)
    sandbox.start(run=run)
    if app is None:
        sandbox.ensure_stack(STACK)
        return status(sandbox)
    stack = sandbox.ensure_app_stack(app)
    status(sandbox, stack)
    print(f"\nsettings of the stack: Pulumi.{stack}.yaml (not tracked by git)")
    print(f"change them with:      pulumi config set -s {stack} whatsapp-crm:KEY VALUE")
    return 0


def status(sandbox: Sandbox, stack: str = STACK) -> int:
    """Print the addresses of the sandbox; exit code 1 if it is not running."""
    running = sandbox.running()
    if running is None:
        print(add_fix(f"the sandbox `{sandbox.name}` is not running.", sandbox.command("up"), ""))
        return 1
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("sandbox", f"{sandbox.name}, process {running.pid}")
    table.add_row("Railway", running.railway_url)
    table.add_row("Google", running.google_url)
    table.add_row("Firestore", running.firestore_host)
    if running.run_app:
        add_programs(table, running)
    table.add_row("log", str(sandbox.log))
    table.add_row("use it", f'eval "$({sandbox.command("env")})"')
    table.add_row("", f"pulumi preview -s {stack}")
    Console(soft_wrap=True, highlight=False).print(table)
    return 0


def add_programs(table: Table, running: Running) -> None:
    """Add what runs, with its memory in megabytes."""
    found = requests.get(f"http://{running.auth_host}{RUNNING}", timeout=30)
    found.raise_for_status()
    table.add_row("Firebase Auth", running.auth_host)
    for one in found.json()["programs"]:
        memory = f" {one['memory'] / MEGABYTE:.0f} MB" if one["pid"] else ""
        table.add_row(one["what"], f"{one['state']}{memory} {one['address']}".rstrip())
    table.add_row("memory", f"{found.json()['memory'] / MEGABYTE:.0f} MB, all of the sandbox")


def env(sandbox: Sandbox) -> int:
    """Print the commands that set the variables in a shell."""
    variables = sandbox.variables()
    print(f"unset {' '.join(UNSET_VARIABLES)}")
    for name, value in sorted(variables.items()):
        print(f"export {name}={shlex.quote(value)}")
    return 0


def down(sandbox: Sandbox) -> int:
    """Stop the sandbox."""
    result = "has been stopped; its state is kept" if sandbox.stop() else "is not running"
    print(f"the sandbox `{sandbox.name}` {result}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (SandboxError, ToolchainError, FirestoreError, InstanceError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
