"""The command edit: a working copy, found again, saved and discarded."""

from __future__ import annotations

from pathlib import Path

import nbpart
from tests.cli.conftest import Ask
from tests.recording import write_notebook


def test_an_edit_is_opened_saved_and_discarded(project: Path, ask: Ask) -> None:
    with nbpart.open("workspace") as ws:
        files = ws.partitions("files")
        ws.notebook(write_notebook(project / "alone.ipynb", "print(1)", parameters="scale = 2"), partitions=files)
        key = files.page()[0]
    opened = ask("edit", "alone", key, "--setting", "scale=3")
    path = Path(opened.stdout.strip())
    assert "scale = 3" in path.read_text()
    assert f"nbpart edit alone {key} --save" in opened.stderr
    path.write_text(path.read_text().replace("print(1)", "print(2)"))
    assert "alone.ipynb: 1 cell changed; alone/" in ask("edit", "alone", key, "--save").stdout
    assert "print(2)" in (project / "alone.ipynb").read_text()
    ask("edit", "alone", key, "--discard")
    assert not path.exists()
    assert "no edit of alone/" in ask("edit", "alone", key, "--save", code=2).stderr
    assert "did you mean 'alone'" in ask("edit", "alon", key, code=2).stderr
    assert "--save or --discard" in ask("edit", "alone", key, "--save", "--discard", code=2).stderr
    ask("edit", "sizes", key)
    assert "'sizes' is a function: edit it at" in ask("edit", "sizes", key, "--save", code=2).stderr
