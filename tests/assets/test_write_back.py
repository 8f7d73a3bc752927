"""Writing edited cells back: what did not change stays as it is in the file, down to its bytes."""

from __future__ import annotations

import copy
import difflib
import json
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbpart.assets.notebook_files import read_notebook_content
from nbpart.assets.write_back import write_back
from nbpart.errors import DeclarationError

NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "id": "title", "metadata": {"tags": ["top"]}, "source": ["# Über\n", "text"]},
        {"cell_type": "code", "execution_count": 3, "id": "first", "metadata": {"tags": ["parameters"]},
         "outputs": [{"name": "stdout", "output_type": "stream", "text": ["1\n"]}], "source": ["x = 1"]},
        {"cell_type": "raw", "id": "raw", "metadata": {}, "source": ["raw"]},
        {"cell_type": "code", "execution_count": 4, "id": "second", "metadata": {"mine": {"a": 1}},
         "outputs": [{"name": "stdout", "output_type": "stream", "text": ["2\n"]}], "source": ["y = 2\n", "y"]},
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}  # fmt: skip
PERCENT = """# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Title
#%% tags=["parameters"]
x = 1
# %%


!ls


# %% {"mine": 1}
y = 2
"""
BARE = PERCENT.partition("# ---\n\n")[2]
MARKDOWN = (
    '# Title\n\n\n```python tags=["parameters"]\nx = 1\n```\nBetween.\n\n```bash\nls\n```\n\n```python\ny = 2\n```\n'
)


def spell(notebook: Any = NOTEBOOK, **how: Any) -> bytes:
    return (json.dumps(notebook, **{"indent": 1, "ensure_ascii": False, **how}) + "\n").encode()


def cells_of(content: bytes, suffix: str = ".ipynb") -> list[Any]:
    return copy.deepcopy(list(read_notebook_content(content, suffix)["cells"]))


def changed_lines(before: bytes, after: bytes) -> list[str]:
    lines = difflib.unified_diff(before.decode().splitlines(), after.decode().splitlines(), lineterm="", n=0)
    return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]


LAYOUTS = {
    "jupyter": spell(),
    "four": spell(indent=4),
    "tabs": spell(indent="\t"),
    "one line": spell(indent=None),
    "escapes": spell(ensure_ascii=True),
    "windows": spell().replace(b"\n", b"\r\n"),
    "mark": b"\xef\xbb\xbf" + spell(),
    "no end": spell().rstrip(),
    "minor 4": spell({**NOTEBOOK, "nbformat_minor": 4,
                      "cells": [{k: v for k, v in c.items() if k != "id"} for c in NOTEBOOK["cells"]]}),  # type: ignore[attr-defined]
    "texts": spell({**NOTEBOOK, "cells": [{**c, "source": "".join(c["source"])} for c in NOTEBOOK["cells"]]}),  # type: ignore[attr-defined]
}  # fmt: skip
TEXTS = {
    "percent": (PERCENT, ".py"),
    "bare": (BARE, ".py"),
    "md": (MARKDOWN, ".md"),
    "windows": (PERCENT.replace("\n", "\r\n"), ".py"),
}


@pytest.mark.parametrize("content", LAYOUTS.values(), ids=LAYOUTS)
def test_a_file_without_changes_stays_byte_for_byte(content: bytes) -> None:
    cells = cells_of(content)
    for cell in cells:
        cell["metadata"] = {**cell["metadata"], "execution": {"iopub.status.busy": "now"}, "scrolled": True}
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [{"output_type": "error"}], 9
    assert write_back(content, ".ipynb", cells).content is content


@pytest.mark.parametrize("content", LAYOUTS.values(), ids=LAYOUTS)
def test_one_changed_cell_is_all_that_changes(content: bytes) -> None:
    cells = cells_of(content)
    cells[3]["source"] = "y = 3\ny"
    done = write_back(content, ".ipynb", cells)
    assert (done.changed, done.removed, done.is_moved) == (1, 0, False)
    before, after = json.loads(content.decode("utf-8-sig")), json.loads(done.content.decode("utf-8-sig"))
    assert after["cells"][:3] == before["cells"][:3]
    assert "".join(after["cells"][3].pop("source")) == "y = 3\ny"
    assert after["cells"][3] == {k: v for k, v in before["cells"][3].items() if k != "source"} | {
        "outputs": [],
        "execution_count": None,
    }
    again = write_back(done.content, ".ipynb", cells)
    assert again.content is done.content
    cells[3]["source"] = "y = 2\ny"
    assert len(write_back(done.content, ".ipynb", cells).content) < len(content)
    nbformat.validate(read_notebook_content(done.content, ".ipynb"))
    if content not in (LAYOUTS["one line"],):
        assert 2 <= len(changed_lines(content, done.content)) <= 15


def test_new_moved_and_removed_cells_and_tags_are_written() -> None:
    content = spell()
    title, first, _, second = cells_of(content)
    new = {"cell_type": "code", "id": "new", "metadata": {"tags": ["t"], "execution": {}}, "source": "z = 1\nz",
           "outputs": [{"output_type": "stream"}], "execution_count": 1}  # fmt: skip
    first["metadata"] = {"tags": ["parameters", "more"]}
    second["metadata"] = {}
    done = write_back(content, ".ipynb", [second, new, title, first])
    assert (done.changed, done.removed, done.is_moved) == (3, 1, True)
    found = json.loads(done.content)
    assert [cell["id"] for cell in found["cells"]] == ["second", "new", "title", "first"]
    assert found["cells"][1] == {"cell_type": "code", "execution_count": None, "id": "new",
                                 "metadata": {"tags": ["t"]}, "outputs": [], "source": ["z = 1\n", "z"]}  # fmt: skip
    assert found["cells"][3]["metadata"] == {"tags": ["parameters", "more"]}
    assert found["cells"][3]["outputs"], "of the same code"
    assert found["cells"][0]["metadata"] == {}
    nbformat.validate(nbformat.from_dict(found))


def test_a_cell_that_lost_its_id_is_known_by_its_source() -> None:
    content = spell()
    cells = cells_of(content)
    for number, cell in enumerate(cells):
        cell["id"] = f"other-{number}"
    assert write_back(content, ".ipynb", cells).content is content
    cells[1]["source"] = "x = 2"
    found = json.loads(write_back(content, ".ipynb", cells).content)
    assert [cell["id"] for cell in found["cells"]] == ["title", "other-1", "raw", "second"]


def test_a_code_cell_that_becomes_markdown_has_no_outputs() -> None:
    content = spell()
    cells = cells_of(content)
    cells[1] = {"cell_type": "markdown", "id": "first", "metadata": {}, "source": "text"}
    found = json.loads(write_back(content, ".ipynb", cells).content)
    nbformat.validate(nbformat.from_dict(found))
    assert found["cells"][1] == {"cell_type": "markdown", "id": "first", "metadata": {}, "source": ["text"]}


def test_a_notebook_of_an_old_format_is_not_written() -> None:
    sheet = {"cells": [{"cell_type": "code", "input": "x = 1", "language": "python", "outputs": []}], "metadata": {}}
    content = json.dumps({"metadata": {}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [sheet]}).encode()
    cells = cells_of(content)
    assert write_back(content, ".ipynb", cells).content is content
    cells[0]["source"] = "x = 2"
    with pytest.raises(DeclarationError, match="before 4"):
        write_back(content, ".ipynb", cells)


@pytest.mark.parametrize(("text", "suffix"), TEXTS.values(), ids=TEXTS)
def test_of_a_text_one_changed_cell_is_one_changed_line(text: str, suffix: str) -> None:
    pytest.importorskip("jupytext", reason="jupytext is not installed: pip install nbpart[test]")
    content = text.encode()
    cells = cells_of(content, suffix)
    assert write_back(content, suffix, cells).content is content
    place = next(n for n, cell in enumerate(cells) if cell["source"] == "y = 2")
    cells[place]["source"] = "y = 3"
    done = write_back(content, suffix, cells)
    assert done.content == content.replace(b"y = 2", b"y = 3")
    new = {"cell_type": "code", "id": "new", "metadata": {}, "source": "z = 1\nz", "outputs": []}
    done = write_back(content, suffix, [*cells[:place], new, *cells[place:]])
    assert [cell["source"] for cell in cells_of(done.content, suffix)] == [
        *(cell["source"] for cell in cells[:place]),
        "z = 1\nz",
        *(cell["source"] for cell in cells[place:]),
    ]
    assert done.content.decode().startswith(text[:20])
    assert len(changed_lines(content, done.content)) <= 10


@pytest.mark.parametrize(("text", "suffix"), [("# %%\nx = 1\n", ".py"), ("```python\nx = 1\n```\n", ".md")])
def test_a_first_tag_is_written_to_a_text_that_has_none(text: str, suffix: str) -> None:
    pytest.importorskip("jupytext", reason="jupytext is not installed: pip install nbpart[test]")
    cells = cells_of(text.encode(), suffix)
    cells[0]["metadata"] = {"tags": ["parameters"], "scrolled": True}
    done = write_back(text.encode(), suffix, cells)
    assert cells_of(done.content, suffix)[0]["metadata"] == {"tags": ["parameters"]}
    assert len(done.content) - len(text) == len(' tags=["parameters"]')


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_what_was_edited(data: st.DataObject) -> None:
    pytest.importorskip("jupytext", reason="jupytext is not installed: pip install nbpart[test]")
    suffix, content = data.draw(
        st.sampled_from([(".ipynb", spell()), (".py", BARE.encode()), (".md", MARKDOWN.encode())])
    )
    cells = cells_of(content, suffix)
    chosen = data.draw(st.lists(st.sampled_from(range(len(cells))), unique=True, min_size=1))
    edited = [cells[n] for n in chosen]
    sources = st.sampled_from(["a = 1", "b = 1\n\n\nb", "%%bash\nls", "# c", "s = '''\n# %%\n'''"])
    for cell in edited:
        if cell["cell_type"] == "code" and data.draw(st.booleans()):
            cell["source"] = data.draw(sources)
    for place in data.draw(st.lists(st.integers(0, len(edited)), max_size=2)):
        edited.insert(place, {"cell_type": "code", "id": f"n{len(edited)}", "metadata": {}, "outputs": [],
                              "source": data.draw(sources)})  # fmt: skip
    written = cells_of(write_back(content, suffix, edited).content, suffix)
    wanted = [(cell["cell_type"], cell["source"]) for cell in edited]
    assert [(cell["cell_type"], cell["source"]) for cell in written if cell["source"]] == [w for w in wanted if w[1]]
    tags = [cell["metadata"].get("tags") for cell in edited if cell["cell_type"] == "code"]
    assert [cell["metadata"].get("tags") for cell in written if cell["cell_type"] == "code" and cell["source"]] == tags
