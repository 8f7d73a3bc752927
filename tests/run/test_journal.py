"""The journal: what was appended is read whole and in its order, by who comes later too, and a torn end is no error."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.run.execution_options import OutputTargets
from nbpart.run.journal import Journal, JournalReader, to_message
from nbpart.run.journal_follower import JournalFollower
from nbpart.run.kernels.local_output import LocalMessage, LocalSession
from nbpart.run.report import SUCCEEDED


@pytest.fixture
def file() -> Any:
    descriptor = os.memfd_create("journal")
    yield descriptor
    os.close(descriptor)


def make_message(kind: str, content: dict[str, Any], of: str, buffers: tuple[bytes, ...] = ()) -> LocalMessage:
    packed = LocalSession().pack(content)
    return LocalMessage(kind, {"msg_id": of}, content, packed, {"msg_type": kind}, {}, list(buffers))


@given(st.lists(st.text(max_size=30), max_size=8), st.binary(max_size=20), st.integers(0, 10_000), st.integers(1, 300))
def test_what_is_written_is_read_in_pieces_too_and_what_is_torn_later(
    texts: list[str], buffer: bytes, cut: int, read_size: int
) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    whole, part = os.memfd_create("whole"), os.memfd_create("part")
    try:
        journal = Journal(whole)
        for number, text in enumerate(texts):
            journal.write({"cell": number, "id": text})
            journal.write_message(make_message("stream", {"name": "stdout", "text": text}, text, (buffer,)))
        content = os.pread(whole, 1 << 20, 0)
        reader = JournalReader(part)
        os.write(part, content[:cut])
        with patch("nbpart.run.journal._READ_SIZE", read_size):
            found = list(reader.read())
            os.write(part, content[cut:])
            assert reader.has_news == bool(content[cut:])
            found += reader.read()
        assert [entry["id"] for entry in found if "cell" in entry] == texts
        messages = [to_message(entry) for entry in found if "kind" in entry]
        assert [message["content"]["text"] for message in messages] == texts
        assert all(message["buffers"] == [buffer] for message in messages)
        os.write(part, b'{"cell": 1, "i')
        assert list(reader.read()) == []
    finally:
        os.close(whole)
        os.close(part)


def test_a_notebook_is_made_of_its_journal(file: int, tmp_path: Path) -> None:
    v4: Any = nbformat.v4
    notebook = v4.new_notebook(cells=[v4.new_code_cell("1"), v4.new_markdown_cell("text"), v4.new_code_cell("2")])
    for cell in notebook.cells:
        cell.metadata["papermill"] = {}
    notebook.metadata["papermill"] = {}
    journal = Journal(file)
    saved: list[str] = []
    follower = JournalFollower(notebook, OutputTargets(lambda nb: saved.append(nbformat.writes(nb)), print), file)
    journal.write({"cell": 0, "id": "a", "at": 1.0, "now": 10.0})
    journal.write_message(make_message("execute_input", {"code": "1", "execution_count": 7}, "a"))
    for text in ("one\n", "two\r", "three\n"):
        journal.write_message(make_message("stream", {"name": "stdout", "text": text}, "a"))
    follower.follow()
    assert (follower.cell, follower.running_cell, follower.cell_began_at) == (0, 0, 1.0)
    shown = {"data": {"text/plain": "1"}, "metadata": {}, "transient": {"display_id": "d"}}
    journal.write_message(make_message("display_data", shown, "a"))
    journal.write({"done": 0, "at": 3.5, "now": 12.5, "ending": None})
    journal.write({"done": 1, "at": 3.6, "now": 12.6, "ending": None})
    journal.write({"cell": 2, "id": "b", "at": 4.0, "now": 13.0})
    update = shown | {"data": {"text/plain": "2"}}
    journal.write_message(make_message("update_display_data", update, "b"))
    journal.write_message(make_message("stream", {"name": "stderr", "text": "late"}, "a"))  # of a thread of the first
    follower.follow()
    assert (follower.cell, follower.running_cell, follower.cells_s) == (2, 2, 2.6)
    journal.write({"done": 2, "at": 6.0, "now": 15.0, "ending": None})
    follower.follow()
    follower.finish(SUCCEEDED)
    made: Any = nbformat.reads(saved[-1], as_version=4)
    nbformat.validate(made)
    first, text, last = made.cells
    assert first.execution_count == 7
    assert [output.get("text") or output.data["text/plain"] for output in first.outputs] == [
        "one\nthree\n",
        "2",
        "late",
    ]
    assert [cell.metadata.papermill.status for cell in made.cells] == ["completed"] * 3
    assert (first.metadata.papermill.duration, last.metadata.papermill.duration) == (2.5, 2.0)
    assert follower.cells_s == 5.0
    assert made.metadata.nbpart.status == "succeeded"
