"""The files of an open edit: the working copy of a notebook, and beside it a note of what it was made from."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbpart.assets.notebook_files import read_notebook
from nbpart.errors import DeclarationError, MissingInputError
from nbpart.partitions import PartitionRef
from nbpart.project.edit_copy import hash_cells, spell_copy
from nbpart.storage import LocalStore, write_bytes_atomic
from nbpart.storage.own_files import check_own, find_own, make_folder, open_own_folder, read_own

#: The folder of working copies in a workspace, made when the first is.
FOLDER = "edits"
MOST_BYTES = 1 << 28
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Note:
    """What a working copy was made from: the ``file`` of the person, as `keep_path` spells it, None for a function.

    ``digest`` is the hash of its content, ``cells`` that of the cells of the copy when it was made or last saved.
    ``inputs``: how many partitions of each input there were when it was last opened.
    """

    file: str | None = None
    digest: str = ""
    cells: str = ""
    inputs: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class WorkingCopy:
    """The working copy of a partition in the workspace ``root``."""

    root: Path
    partition: PartitionRef

    @property
    def folder(self) -> str:
        """The folder of its files, relative to the workspace: also of the checkpoints that Jupyter keeps of it."""
        return f"{FOLDER}/{self.partition.folder}"

    @property
    def path(self) -> Path:
        partition = self.partition
        name = partition.asset if partition.key is None else partition.folder.rpartition("/")[2][:_LONGEST_NAME]
        return find_own(self.root, f"{self.folder}/{name}.ipynb", f"the edit of {partition.label}")

    @property
    def is_there(self) -> bool:
        return check_own(self.path) and check_own(self._note_path)

    @property
    def is_changed(self) -> bool:
        """Whether its cells differ from what they were when it was made or last saved."""
        return hash_cells(self.read()["cells"]) != self.note.cells

    @property
    def note(self) -> Note:
        """What it was made from; an empty note where that is not known any more."""
        try:
            return Note(**json.loads(read_own(self._note_path, MOST_BYTES)))
        except (FileNotFoundError, ValueError, TypeError):
            return Note()

    def read(self) -> Any:
        """The notebook. Raises `MissingInputError` where it is gone, `DeclarationError` where it is none any more."""
        try:
            return read_notebook(read_own(self.path, MOST_BYTES))
        except FileNotFoundError:
            raise MissingInputError(
                f"the edit of {self.partition.label} is gone ({self.path}): it was discarded; ws.edit opens it anew."
            ) from None
        except ValueError as error:
            raise DeclarationError(
                f"{self.path} is no notebook any more ({error}): delete it, and ws.edit begins anew."
            ) from error

    def write(self, notebook: Any) -> None:
        os.close(open_own_folder(self.root / FOLDER, create=True))
        make_folder(self.root, self.path.parent)
        write_bytes_atomic(self.path, spell_copy(notebook))

    def write_note(self, note: Note) -> None:
        write_bytes_atomic(self._note_path, json.dumps(vars(note)).encode())

    def remove(self) -> None:
        store = LocalStore(self.root)
        store.remove(*(file.path for file in store.list(self.folder, with_leftovers=True)))

    @property
    def _note_path(self) -> Path:
        return self.path.with_suffix(".json")


def hash_content(content: bytes) -> str:
    """The hash by which the content of a person's file is known."""
    return hashlib.sha256(content).hexdigest()
