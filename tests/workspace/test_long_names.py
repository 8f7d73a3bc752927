"""The longest names that are allowed, in one project that runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import nbpart
from nbpart.errors import DeclarationError
from nbpart.partitions.names import MAX_NAME_BYTES
from tests.recording import write_notebook

LETTERS = "ä" * (MAX_NAME_BYTES // 2 - 1)
SAVES = f"""
import nbpart
run = nbpart.current_run()
run.log(**{{'m' + {LETTERS!r}: 1}})
run.save({{'x': len(run.load())}}, 'f' + {LETTERS!r})
path = run.output_path('y' * 200 + '.bin')
path.write_bytes(b'mine')
run.save(path)
"""


@pytest.mark.kernel
def test_the_longest_names_run(ws: nbpart.Workspace, project: Path) -> None:
    keys = [f"{n:03d}" + "é" * 126 for n in range(60)]
    files = ws.dynamic_partitions("p" + "ä" * 300)
    files.add(keys)
    for key in keys:
        (project / "inbox" / key).touch()
    ws.source(f"s{LETTERS}", "inbox/{partition_key}", partitions=files)
    notebook = project / "book.ipynb"
    write_notebook(notebook, SAVES)
    # an input of many keys goes by a file of its own, which has its name
    ws.notebook(notebook, name=f"a{LETTERS}", deps=[f"s{LETTERS}"])

    @ws.sensor(every="1h", name=f"w{LETTERS}", partitions=files)
    def find_files(context: object) -> list[str]:
        return []

    ws.backfill().wait(progress=False).raise_for_failures()
    assert ws.tick(f"w{LETTERS}").added in ({}, {files.name: []})
    assert ws.load(f"a{LETTERS}", file=f"f{LETTERS}") == {"x": 60}
    assert not list(ws.root.rglob("*.tmp"))
    with pytest.raises(DeclarationError, match="choose a shorter one"):
        ws.notebook(notebook, name="a" * 260)
