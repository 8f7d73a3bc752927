"""What a shell may complete: assets and keys of the workspace of a command. Nothing is printed, whatever is wrong."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbpart.project.project import Project

#: In it click's script says for which shell it asks.
ASKING = "_NBPART_COMPLETE"


def list_assets(path: Path, beginning: str) -> list[str]:
    """The assets of a workspace that begin so; behind ``+``, as selections have it, too."""
    from nbpart.project.completions import complete_assets

    plus = "+" if beginning.startswith("+") else ""
    found = _ask(path, lambda project: complete_assets(project, beginning.removeprefix("+")))
    return [f"{plus}{name}" for name in found]


def list_keys(path: Path, words: Sequence[str], beginning: str) -> list[str]:
    """The keys that begin so of the first asset among these words, as the shell that asks has to be given them."""
    from nbpart.project.completions import complete_keys

    def find(project: Project) -> list[str]:
        nodes = project.registry().nodes
        asset = next((name for name in (word.strip("+") for word in words) if name in nodes), None)
        return [] if asset is None else complete_keys(project, asset, beginning)

    return [_quote(key) for key in _ask(path, find)]


def _ask(path: Path, work: Callable[[Project], list[str]]) -> list[str]:
    """What a workspace answers; nothing where there is none, or anything is wrong with it."""
    from nbpart.project.folder import open_folder
    from nbpart.project.project import Project

    logging.disable()
    with contextlib.suppress(Exception):
        root, catalog = open_folder(path, create=False, purpose="completion")
        project = Project(root, catalog, "completion")
        try:
            return work(project)
        finally:
            project.close()
    return []


def _quote(key: str) -> str:
    """A key as one word of a command line. Other shells than bash quote what they are given by themselves."""
    if os.environ.get(ASKING, "").partition("_")[0] != "bash":
        return key
    return shlex.quote(key).replace("\\", "\\\\")  # click's script reads one level of them away
