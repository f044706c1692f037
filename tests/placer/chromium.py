"""Drive a headless Chromium as a user would, with nothing but the standard library.

The browser speaks the DevTools protocol over a pair of pipes (file descriptors 3 and 4): JSON messages that end in a
zero byte. No driver, no web socket and no port are needed.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-extensions",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--mute-audio", "--remote-debugging-pipe",
)  # fmt: skip


def find_browser() -> str | None:
    """The program to start: ``CHROME``, else the first Chromium in PATH."""
    named = os.environ.get("CHROME")
    names = [named] if named else ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    return next((found for name in names if (found := shutil.which(name))), None)


class Browser:
    """A browser with one page; records console messages, exceptions and every request."""

    def __init__(self, program: str, profile: Path) -> None:
        # The child's descriptors 3 and 4 must not be taken by the pipes themselves.
        to_child, self._write = (fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in os.pipe())
        self._read, from_child = (fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in os.pipe())

        def wire() -> None:
            os.dup2(to_child, 3)
            os.dup2(from_child, 4)

        self.log = open(profile / "browser.log", "wb")  # noqa: SIM115 - closed with the browser
        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile / 'profile'}", "about:blank"],
            preexec_fn=wire, close_fds=False, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            start_new_session=True,
        )  # fmt: skip
        os.close(to_child)
        os.close(from_child)
        self._buffer, self._next, self._session = b"", 0, None
        self.errors: list[str] = []
        self.requests: list[str] = []
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        found = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = found["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: object) -> dict:
        """Send one command and wait for its answer."""
        self._next += 1
        message = {"id": self._next, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message(60.0)
            if answer.get("id") == self._next:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def _message(self, patience: float) -> dict:
        end = time.monotonic() + patience
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            chunk = os.read(self._read, 1 << 20) if ready else b""
            if not chunk:
                raise TimeoutError("the browser does not answer")
            self._buffer += chunk
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event: dict) -> None:
        params = event.get("params", {})
        match event.get("method"):
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description") or details["text"])
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.errors.append(" ".join(str(a.get("value", a.get("description"))) for a in params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.errors.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])

    def open(self, path: Path, width: int = 1280, height: int = 800, *, touch: bool = False) -> None:
        """Open a file at a window size and wait until the page says that it is ready."""
        self.errors.clear()
        self.requests.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        self.call("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait("document.readyState === 'complete'")

    def run(self, script: str) -> object:
        """Value of an expression in the page; promises are awaited."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description"))
        return answer["result"].get("value")

    def wait(self, script: str, patience: float = 30.0) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + patience
        while not self.run(f"Boolean({script})"):
            if time.monotonic() > end:
                raise TimeoutError(f"still not true: {script}; the page said {self.errors}")
            time.sleep(0.05)

    def move(self, x: float, y: float) -> None:
        """Move the mouse there, by way of a near point so that the page sees a movement."""
        for dx in (3, 0):
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x + dx, y=y)
            time.sleep(0.08)

    def click(self, x: float, y: float) -> None:
        """Move there and click."""
        self.move(x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def click_on(self, selector: str) -> None:
        """Click the middle of the first element a CSS selector finds, scrolled into view."""
        at = self.run(
            f"(e => {{ e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect();"
            f" return [r.x + r.width / 2, r.y + r.height / 2]; }})(document.querySelector({json.dumps(selector)}))"
        )
        self.click(*at)

    def screenshot(self, path: Path | None = None, *, whole: bool = False) -> bytes:
        """PNG of the window, or of the whole page."""
        picture = base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole, **(
            {"clip": {**self._page_size(), "x": 0, "y": 0, "scale": 1}} if whole else {}
        ))["data"])  # fmt: skip
        if path is not None:
            path.write_bytes(picture)
        return picture

    def _page_size(self) -> dict:
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"width": size["width"], "height": size["height"]}

    def close(self) -> None:
        """End the browser."""
        self._session = None
        with contextlib.suppress(Exception):
            self.call("Browser.close")
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        for fd in (self._read, self._write):
            os.close(fd)
        self.log.close()
