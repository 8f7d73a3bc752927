"""Folders of kernels in the system's temporary folder, named by the process that has to remove them.

Those of a process that was killed are so known to the next one of the same user, which removes them.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
import zlib
from functools import cache
from pathlib import Path

from nbpart.run.kernels.processes import identify, is_gone

_NAME = re.compile(r"nbpart-([0-9a-f]{8})-(\d+\.\d+)-\w{8}")
# the system's limit for a socket's path is 104 to 108; a folder's name and a channel's take up to 48 of them
_LONGEST_PARENT = 56


def can_hold_sockets() -> bool:
    """Whether the path of a socket in such a folder is short enough for the system."""
    return os.name == "posix" and len(os.fsencode(tempfile.gettempdir())) <= _LONGEST_PARENT


def make_folder(remover: str | None = None) -> str:
    """A new folder for this user alone; `remover` is who removes it, as `identify` says, by default this process."""
    return tempfile.mkdtemp(prefix=f"nbpart-{_machine()}-{remover or identify(os.getpid())}-")


def name_folder(remover: str) -> str:
    """The name of a folder as `make_folder` makes one, which is not there; who makes it does so with `os.mkdir`."""
    name = f"nbpart-{_machine()}-{remover}-{secrets.token_hex(4)}"
    return os.path.join(tempfile.gettempdir(), name)


def remove_folders(remover: str) -> None:
    """Remove what is left of the folders of a remover."""
    for path, named in _find_folders():
        if named == remover:
            shutil.rmtree(path, ignore_errors=True)


def remove_abandoned() -> None:
    """Remove this user's folders whose remover is gone."""
    for path in find_abandoned():
        shutil.rmtree(path, ignore_errors=True)


def find_abandoned() -> list[str]:
    """This user's folders whose remover is gone."""
    return [path for path, named in _find_folders() if is_gone(named)]


def _find_folders() -> list[tuple[str, str]]:
    """Folders that this user made on this machine, since it was started, and their removers."""
    machine, found = _machine(), []
    try:
        entries = list(os.scandir(tempfile.gettempdir()))
    except OSError:
        return []
    for entry in entries:
        match = _NAME.fullmatch(entry.name)
        if match is None or match[1] != machine:
            continue
        try:
            is_own = entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.getuid()
        except OSError:
            continue
        if is_own:
            found.append((entry.path, match[2]))
    return found


@cache
def _machine() -> str:
    """What process ids are valid within: a machine since its start, and in it a namespace of processes.

    Containers and machines may share a temporary folder.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")
        text = f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        text = os.uname().nodename
    return f"{zlib.crc32(text.encode()):08x}"
