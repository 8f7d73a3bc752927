"""The command ``nbpart`` for a terminal that types many: each is a fork of one process that has imported it already.

Starting Python and importing nbpart anew is most of what a short command takes.
"""

from __future__ import annotations

import array
import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

#: What the shell starts: it hands its arguments, its folder and its open files on, and ends as the fork does.
_COMMAND = """
import array, json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    asked = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    files = array.array("i", [0, 1, 2])
    server.sendmsg([len(asked).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
    server.sendall(asked)
    sys.exit(int(server.recv(16) or b"1"))
"""


@contextmanager
def serve_commands(folder: Path, environment: dict[str, str]) -> Iterator[Path]:
    """A folder for PATH in which ``nbpart`` is forked; the process that forks ends with the block."""
    folder.mkdir()
    address = str(folder / "s")
    script, command = folder / "ask.py", folder / "nbpart"
    script.write_text(_COMMAND.format(address=address), encoding="utf-8")
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -SEI {shlex.quote(str(script))} "$@"\n')
    command.chmod(0o755)
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.forked_commands", address], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        yield folder
    finally:
        server.terminate()
        server.wait()


def _serve(address: str) -> NoReturn:
    import pandas  # noqa: F401
    import pyarrow  # noqa: F401

    import nbpart.workspace.workspace  # noqa: F401
    from nbpart.cli import main

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        print("ready", flush=True)
        waiting: list[int] = []
        while True:
            asking, _ = listening.accept()
            if hands_on := os.fork():
                asking.close()
                waiting.append(hands_on)
                waiting = [pid for pid in waiting if os.waitpid(pid, os.WNOHANG)[0] == 0]
                continue
            if child := os.fork():  # nobody has to wait for this one: it hands the exit code on
                _, status = os.waitpid(child, 0)
                asking.sendall(str(os.waitstatus_to_exitcode(status)).encode())
                os._exit(0)
            break
    arguments, folder, environment = _take(asking)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    main(arguments, prog_name="nbpart")
    sys.exit(0)


def _take(asking: socket.socket) -> tuple[list[str], str, dict[str, str]]:
    """The arguments, folder and environment of a command, whose open files become those of this process."""
    with asking:
        size, passed, _, _ = asking.recvmsg(4, socket.CMSG_SPACE(3 * 4))
        files = array.array("i", passed[0][2])
        text = b""
        while len(text) < int.from_bytes(size, "big"):
            text += asking.recv(1 << 16)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115  of these files, not others
    arguments, folder, environment = json.loads(text)
    return arguments, folder, environment


if __name__ == "__main__":
    _serve(sys.argv[1])
