"""The code blocks of the documentation: found, and executed in order, as somebody does who reads a page."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel
from nbformat.v4 import output_from_msg

from nbpart.run.cell_errors import find_cell_error
from nbpart.run.kernels.error_report import report_code
from tests.forked_commands import serve_commands

#: A block is not executed where this stands behind its language.
NOT_RUN = "not-run"
_BLOCK = re.compile(r"(?:^<!-- (\w+) -->\n)?^( *)```(\w+)([^\n]*)\n(.*?)^ *```$", re.S | re.M)
_LIMIT_S = 300


@dataclass(frozen=True)
class Block:
    """A block of code; `line` is that of its fence, `label` the name that a comment above it gives it."""

    line: int
    language: str
    code: str
    label: str = ""
    is_run: bool = True


def read_blocks(text: str) -> list[Block]:
    """The code blocks of a page, in order."""
    blocks = []
    for match in _BLOCK.finditer(text):
        label, _, language, info, code = match.groups()
        line = text.count("\n", 0, match.start(3)) + 1
        blocks.append(Block(line, language, textwrap.dedent(code), label or "", NOT_RUN not in info.split()))
    return blocks


class Reader:
    """Somebody in a folder with a notebook and a terminal; what fails there is an AssertionError with its output."""

    def __init__(self, folder: Path, client: Any, environment: Mapping[str, str]) -> None:
        self._folder, self._client, self._environment = folder, client, environment

    def run(self, block: Block) -> None:
        if block.language == "python":
            self.execute(block.code)
        elif block.language == "shell":
            self.type(block.code)
        else:
            raise AssertionError(f"there is no way to run a block of {block.language}")

    def execute(self, code: str) -> str:
        """Execute a cell of the notebook; the text of its value."""
        outputs: list[Any] = []

        def take(message: dict[str, Any]) -> None:
            if message["msg_type"] in ("stream", "error", "execute_result", "display_data"):
                outputs.append(output_from_msg(message))  # type: ignore[no-untyped-call]

        reply = self._client.execute_interactive(code, output_hook=take, timeout=_LIMIT_S, allow_stdin=False)
        printed = "".join(output.get("text", "") for output in outputs)
        error = find_cell_error(outputs, reply["content"])
        assert error is None, f"{error and error.traceback}\n{printed}"
        return "".join(output.data["text/plain"] for output in outputs if output.output_type == "execute_result")

    def type(self, lines: str) -> None:
        """Type lines in the terminal, each of which has to succeed."""
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", lines],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"


@contextmanager
def open_reader(folder: Path, environment: Mapping[str, str], *, forks_commands: bool = False) -> Iterator[Reader]:
    """A reader whose notebook and terminal are in that folder, at home on no machine, with these variables.

    With ``forks_commands`` the command ``nbpart`` is forked from a process that has imported it; see `serve_commands`.
    """
    home = folder / "home"
    home.mkdir()
    scripts = os.path.dirname(sys.executable)
    variables = {
        **os.environ,
        "HOME": str(home),
        "XDG_STATE_HOME": str(home),
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        **environment,
    }
    with contextlib.ExitStack() as closing:
        if forks_commands:
            commands = closing.enter_context(serve_commands(folder / "commands", variables))
            variables["PATH"] = f"{commands}{os.pathsep}{variables['PATH']}"
        yield closing.enter_context(_start_reader(folder, variables))


@contextmanager
def _start_reader(folder: Path, variables: Mapping[str, str]) -> Iterator[Reader]:
    lines = ["--HistoryManager.hist_file=:memory:", f"--IPKernelApp.exec_lines={report_code()}"]
    manager, client = start_new_kernel(
        kernel_name="python3", extra_arguments=lines, cwd=str(folder), env=dict(variables), startup_timeout=_LIMIT_S
    )
    try:
        yield Reader(folder, client, variables)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
