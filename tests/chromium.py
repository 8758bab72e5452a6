"""A page in headless Chromium, spoken to by the DevTools protocol over two pipes: no port, no driver.

Protocol: https://chromedevtools.github.io/devtools-protocol/, with `--remote-debugging-pipe`: messages are
JSON, each ended by a zero byte; Chromium reads from descriptor 3 and writes to 4.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

BINARIES = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 60.0
FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-extensions",
    "--disable-sync", "--hide-scrollbars", "--mute-audio",
)  # fmt: skip
"""`--no-sandbox`: a container's root cannot use Chromium's. The pages are our own, from a file."""


def binary() -> str | None:
    """The installed Chromium; None without one."""
    return next((found for name in BINARIES if (found := shutil.which(name))), None)


class Page:
    """One page.

    Args:
        send, receive: descriptors of the pipes.
    """

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._rest = b""
        self._id = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []
        """What Chromium reported since the page was opened: requests, messages of the console, ..."""

    def open(self) -> None:
        """Make the page, and have everything about it reported."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def show(self, file: Path, *, width: int, height: int = 800, **media: str) -> None:
        """Load a file at a size in CSS pixels; `media` are media features, such as `prefers-color-scheme`."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.media("", **media)
        self.events.clear()
        self.call("Page.navigate", url=file.as_uri())
        self._wait_for("Page.loadEventFired")

    def media(self, kind: str, **features: str) -> None:
        """Emulate a medium ("print", or "" for the screen) and media features, with _ for -."""
        listed = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", media=kind, features=listed)

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression in the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def screenshot(self, file: Path) -> None:
        """Write the whole page as a picture."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self) -> bytes:
        """The page as it is printed on A4."""
        printed = self.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)
        return base64.b64decode(printed["data"])

    @property
    def requested(self) -> list[str]:
        """The addresses that the page requested."""
        return [
            one["params"]["request"]["url"]
            for one in self.events
            if one["method"] == "Network.requestWillBeSent"
        ]

    @property
    def complaints(self) -> list[str]:
        """Messages of the console and exceptions."""
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(one["params"]) for one in self.events if one["method"] in kinds]

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self._id += 1
        message: dict[str, Any] = {"id": self._id, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while (found := self._next()).get("id") != self._id:
            self.events.append(found)
        assert "error" not in found, (method, found)
        return cast("dict[str, Any]", found["result"])

    def _wait_for(self, event: str) -> None:
        while not any(one.get("method") == event for one in self.events):
            self.events.append(self._next())

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._receive], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(self._receive, 1 << 16) if ready else b""
            assert part, "Chromium ended, or did not answer"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        return cast("dict[str, Any]", json.loads(message))


@contextmanager
def page(folder: Path, environ: Mapping[str, str] | None = None) -> Generator[Page]:
    """A page in a Chromium of its own, which ends with the block.

    Args:
        folder: for its profile and its log.
        environ: its environment variables.
    """
    found = binary()
    assert found is not None, "install Chromium: apt-get install -y chromium"
    ours, theirs = os.pipe(), os.pipe()
    # Above 9, so that neither is one of the two that are given to Chromium.
    read, write = (fcntl.fcntl(one, fcntl.F_DUPFD, 20) for one in (ours[0], theirs[1]))
    command = ["bash", "-c", f'exec "$0" "$@" 3<&{read} 4>&{write}', found, *FLAGS]
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--user-data-dir={folder / 'profile'}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(read, write),
            env={**os.environ, "HOME": str(folder), **(environ or {})},
        )
    for one in (ours[0], theirs[1], read, write):
        os.close(one)
    try:
        made = Page(ours[1], theirs[0])
        made.open()
        yield made
    finally:
        os.close(ours[1])  # Chromium ends when its pipe is closed
        os.close(theirs[0])
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
