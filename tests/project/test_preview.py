"""Previews of logs, notebooks and figures."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pandas as pd
import pytest

from nbpart.errors import MissingInputError
from nbpart.project.preview import preview_file, read_log, read_notebook
from nbpart.storage import FORMATS, save_value
from nbpart.storage.store import publish_bytes
from tests.storage.stores import make_in_memory

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 20
HOSTILE = "<img src=x onerror=alert(1)>"


def test_a_log_is_read_from_the_given_offset_on(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_bytes(b"one\n")
    assert read_log(log, None, 100) == ("one\n", 0, 4)
    log.write_bytes("one\ntwo ü".encode()[:-1])
    text, start, end = read_log(log, 4, 100)
    assert (text, start, end) == ("two ", 4, 8)  # the half of a letter is left for later
    log.write_bytes("one\ntwo ü".encode())
    assert read_log(log, end, 100)[0] == "ü"


def test_the_end_of_a_long_log_is_read_and_a_shortened_one_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_bytes(b"a" * 50 + b"b" * 50)
    assert read_log(log, None, 10) == ("b" * 10, 90, 100)
    assert read_log(log, 20, 10) == ("b" * 10, 90, 100)
    log.write_bytes(b"again")
    assert read_log(log, 100, 10) == ("again", 0, 5)


def test_a_notebook_preview_has_only_texts_and_pictures(tmp_path: Path) -> None:
    outputs = [
        {"output_type": "stream", "text": [HOSTILE, "\n"]},
        {"output_type": "display_data", "data": {"text/html": HOSTILE, "text/plain": "plain"}},
        {"output_type": "display_data", "data": {"image/png": base64.b64encode(PNG).decode(), "text/html": HOSTILE}},
        {"output_type": "display_data", "data": {"image/png": "PHNjcmlwdD4=", "image/svg+xml": HOSTILE}},
        {"output_type": "display_data", "data": {"text/html": HOSTILE}},
        {"output_type": "error", "ename": "E", "evalue": HOSTILE, "traceback": []},
    ]
    cells = [
        {"cell_type": "code", "source": ["a\n", "b"], "outputs": outputs},
        {"cell_type": "markdown", "source": "#"},
    ]
    path = tmp_path / "x.ipynb"
    path.write_text(json.dumps({"cells": cells * 60}))
    shown = read_notebook(path)
    assert (len(shown.cells), shown.omitted_cells) == (100, 20)
    assert shown.cells[0].source == "a\nb"
    assert shown.cells[0].outputs == (f"{HOSTILE}\n", "plain", PNG, f"E: {HOSTILE}")
    assert shown.cells[1].kind == "markdown"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"cells": 3}'])
def test_a_file_that_is_no_notebook_raises_an_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.ipynb"
    path.write_text(content)
    with pytest.raises(MissingInputError, match="cannot be read"):
        read_notebook(path)


def test_a_figure_is_shown_only_if_it_is_a_png(tmp_path: Path) -> None:
    store = make_in_memory(tmp_path)
    publish_bytes(store, "data/roc.png", PNG)
    assert preview_file(store, "data/roc.png", "figure", "c").image == PNG
    publish_bytes(store, "data/roc.png", f"<svg>{HOSTILE}</svg>".encode())
    shown = preview_file(store, "data/roc.png", "figure", "c")
    assert (shown.kind, shown.image) == ("text", b"")


def test_each_format_is_previewed_from_whatever_store(tmp_path: Path) -> None:
    store = make_in_memory(tmp_path)
    save_value(store, {"a": 1}, "data/x")
    save_value(store, "some text", "data/x")
    save_value(store, pd.DataFrame({"n": [1, 2]}), "data/x")
    save_value(store, b"abc", "data/x")
    shown = [preview_file(store, f"data/x{FORMATS[f]}", f, "c") for f in ("json", "text", "frame", "bytes")]
    assert [one.kind for one in shown] == ["text", "text", "table", "text"]
    assert (shown[1].text, shown[2].rows, shown[3].text) == ("some text", (("1",), ("2",)), "x.bin: 3 bytes")
    with pytest.raises(MissingInputError, match="is gone"):
        preview_file(store, "data/none", "json", "c")
