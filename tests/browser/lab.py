"""A real JupyterLab on loopback and a real Chromium that looks at it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

#: The environment whose JupyterLab is looked at: this one, or the one of the Python that the variable names.
BIN = Path(os.environ.get("NBPART_LAB_PYTHON", sys.executable)).parent
TOKEN = "for-tests"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
READY_S = 90
#: The outputs with a widget that have a scrollbar of their own, and by how much they overflow.
SCROLLING = """() => [...document.querySelectorAll('.jp-OutputArea-output:has(.nbpart)')]
    .map((node) => [node.scrollHeight - node.clientHeight, node.scrollWidth - node.clientWidth])
    .filter(([down, across]) => down > 0 || across > 0)"""


@dataclass(frozen=True)
class Lab:
    """A running server; notebooks lie in ``root``."""

    url: str
    root: Path


@contextmanager
def start_lab(root: Path, theme: str | None = None) -> Iterator[Lab]:
    """Run JupyterLab with settings of its own; ``theme`` is a name as in its menu."""
    home = Path(tempfile.mkdtemp(prefix="nbpart-lab-"))
    _write(home / "set/@jupyterlab/apputils-extension/notification.jupyterlab-settings", {"fetchNews": "false"})
    if theme:
        _write(home / "set/@jupyterlab/apputils-extension/themes.jupyterlab-settings", {"theme": theme})
    port, log = _free_port(), home / "lab.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            _command(port, root), env=_environment(home), stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, server, log)
        yield Lab(url, root)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
        shutil.rmtree(home, ignore_errors=True)


@dataclass
class Notebook:
    """A notebook that is open in the browser, with a live kernel."""

    page: Any
    complaints: list[str] = field(default_factory=list)

    def run_all(self) -> Notebook:
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        return self

    def wait_done(self, timeout_s: float = 120) -> Notebook:
        """Until every code cell has its number."""
        self.page.wait_for_function(
            """() => {
                const cells = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell')];
                return cells.length && cells.every((cell) =>
                    /\\[\\d+\\]/.test(cell.querySelector('.jp-InputArea-prompt')?.textContent || ''));
            }""",
            timeout=timeout_s * 1000,
        )
        return self

    def execute(self, code: str) -> str:
        """Run code in the kernel beside the cells; what it prints. Raises AssertionError with its traceback."""
        result = self.page.evaluate(
            """async (code) => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const future = kernel.requestExecute({ code, store_history: false });
                let out = '', error = null;
                future.onIOPub = (message) => {
                    if (message.header.msg_type === 'stream') out += message.content.text;
                    if (message.header.msg_type === 'error') error = message.content.traceback.join('\\n');
                };
                await future.done;
                return { out, error };
            }""",
            textwrap.dedent(code),
        )
        assert result["error"] is None, result["error"]
        return str(result["out"]).strip()

    def close(self) -> None:
        """End the kernel and close the tab."""
        self.page.evaluate("() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.shutdown()")
        self.page.close()

    def check_quiet(self) -> None:
        """No error in the console, no widget that could not be shown, none that scrolls within its output."""
        assert self.page.locator("text=Error displaying widget").count() == 0
        assert self.page.evaluate(SCROLLING) == []
        assert self.complaints == []


@contextmanager
def open_browser(width: int = 1400, height: int = 1000) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # headless hides scrollbars, which people have: what overflows shall be seen
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=list(FLAGS), headless=True, ignore_default_args=["--hide-scrollbars"]
        )
        try:
            yield browser.new_context(viewport={"width": width, "height": height})
        finally:
            browser.close()


def find_chromium() -> str | None:
    """A Chromium of this machine; None leaves it to playwright's own."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def open_notebook(context: Any, lab: Lab, name: str, cells: Sequence[str]) -> Notebook:
    """Write a notebook, open it in a new tab, and wait until its kernel is there."""
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(textwrap.dedent(cell).strip()) for cell in cells],
        metadata={"kernelspec": kernelspec},
    )
    nbformat.write(made, lab.root / name)
    return open_file(context, lab, name)


def open_file(context: Any, lab: Lab, name: str) -> Notebook:
    """Open a notebook that lies below the server's root in a new tab, and wait until its kernel is there."""
    page = context.new_page()
    page.set_default_timeout(60_000)
    notebook = Notebook(page)
    page.on("console", lambda message: notebook.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: notebook.complaints.append(str(error)))
    page.goto(f"{lab.url}/lab/tree/{name}?reset&token={TOKEN}")
    wait_for_kernel(page)
    return notebook


def wait_for_kernel(page: Any) -> None:
    # a notebook behind another one is in the page too
    page.wait_for_selector(".jp-Notebook .jp-Cell >> visible=true", timeout=READY_S * 1000)
    # the toolbar says "idle" before the kernel is attached: running then opens a "Select Kernel" dialog
    page.wait_for_function(
        """async () => {
            const widget = window.jupyterapp?.shell?.currentWidget;
            if (!widget?.sessionContext) return false;
            await widget.context.ready;
            await widget.sessionContext.ready;
            const kernel = widget.sessionContext.session?.kernel;
            if (!kernel) return false;
            await kernel.info;
            return kernel.connectionStatus === 'connected';
        }""",
        timeout=READY_S * 1000,
    )


def _command(port: int, root: Path) -> list[str]:
    return [
        str(BIN / "jupyter"), "lab", "--no-browser", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", "--allow-root", f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={root}", "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip


def _environment(home: Path) -> dict[str, str]:
    folders = {
        "JUPYTER_CONFIG_DIR": "cfg", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "rt",
        "JUPYTERLAB_SETTINGS_DIR": "set", "JUPYTERLAB_WORKSPACES_DIR": "ws", "IPYTHONDIR": "ipy",
    }  # fmt: skip
    own = {name: str(home / folder) for name, folder in folders.items()}
    return {**os.environ, **own, "PATH": f"{BIN}:{os.environ['PATH']}"}


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY_S
    while True:
        assert server.poll() is None, log.read_text()[-3000:]
        try:
            urllib.request.urlopen(f"{url}/api/status?token={TOKEN}", timeout=2).close()
            return
        except OSError:
            assert time.monotonic() < end, log.read_text()[-3000:]
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _write(path: Path, settings: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings))
