"""`python -m sandbox`: start, look at, use and end a sandbox; show the life of a stack on it.

Refuses to delete state: `down` keeps it.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sandbox import bench, daemon, demo
from sandbox.engine.toolchain import ToolchainError
from sandbox.firestore import FirestoreError
from sandbox.supervisor import PROJECT, STACK, UNSET_VARIABLES, Sandbox, SandboxError


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    described = {
        "up": "start the sandbox and make its stack; its state is what it was",
        "status": "say whether it is up, and where it answers",
        "env": 'print the exports for a shell: eval "$(python -m sandbox env)"',
        "down": "stop it; the state stays",
        "life": "show the life of a stack, from nothing (an earlier state is set aside)",
        "bench": "print what a first up, a no-op and a refresh cost, one `name value` a line",
        "serve": "serve in the foreground (what `up` starts)",
    }
    for name, text in described.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == "serve":
            command.add_argument("--root", type=Path, required=True)
            command.add_argument("--tied", action="store_true", help="end when standard input ends")
        elif name != "bench":
            command.add_argument("--name", default="default", help="which sandbox; several run side by side")
    return parser


def main(argv: list[str]) -> int:
    """Run one command; returns its exit code."""
    options = arguments().parse_args(argv)
    if options.command == "serve":
        daemon.serve(options.root, attached=options.tied)
        return 0
    if options.command == "bench":
        return bench.run()
    sandbox = Sandbox(PROJECT / ".sandbox" / options.name)
    commands = {"up": up, "status": status, "env": env, "down": down, "life": demo.show}
    return commands[options.command](sandbox)


def up(sandbox: Sandbox) -> int:
    """Start it and make its stack."""
    sandbox.start()
    sandbox.ensure_stack()
    return status(sandbox)


def status(sandbox: Sandbox) -> int:
    """Say where it answers; exit code 1 when it is down."""
    running = sandbox.running()
    if running is None:
        print(f"the sandbox `{sandbox.name}` is down; start it: python -m sandbox up --name {sandbox.name}")
        return 1
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("sandbox", f"{sandbox.name}, process {running.pid}")
    table.add_row("Railway", running.railway_url)
    table.add_row("Google", running.google_url)
    table.add_row("Firestore", running.firestore_host)
    table.add_row("stack", STACK)
    table.add_row("log", str(sandbox.root / "sandbox.log"))
    Console(soft_wrap=True, highlight=False).print(table)
    return 0


def env(sandbox: Sandbox) -> int:
    """Print the exports."""
    variables = sandbox.variables()
    print(f"unset {' '.join(UNSET_VARIABLES)}")
    for name, value in sorted(variables.items()):
        print(f"export {name}={shlex.quote(value)}")
    return 0


def down(sandbox: Sandbox) -> int:
    """Stop it."""
    stopped = sandbox.stop()
    print(f"the sandbox `{sandbox.name}` {'is down; its state is kept' if stopped else 'was not up'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (SandboxError, ToolchainError, FirestoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
