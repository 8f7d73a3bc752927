"""Notebooks as text: the same cells in another form are the same code, both ways."""

from __future__ import annotations

import builtins
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from nbpart.assets.code import version_of_notebook
from nbpart.assets.notebook_files import read_declared_notebook, read_notebook_file
from nbpart.assets.notebook_patterns import find_notebooks, is_pair
from nbpart.assets.parameters_cell import read_parameters_cell
from nbpart.errors import DeclarationError, ExtraRequiredError

jupytext: Any = pytest.importorskip("jupytext", reason="jupytext is not installed: pip install nbpart[test]")

#: Cells of code as people write them.
SOURCES = [
    "%%bash\necho 1\n",
    "%%bash -s x y\n\necho 1\n\n\necho 2",
    "!ls -l\nfiles = !pwd",
    "%matplotlib inline\nimport os",
    "# !important\nx = 1",
    "# %% not a cell\ny = 1",
    "# + this\nz = 1",
    '# + {"tags": []}\nx = 2',
    "# -\nx = 1",
    "",
    "\n\nq = 1\n\n\n\nw = 2\n\n",
    "%%R\nx <- 1",
    "s = '''\n# %%\n'''",
    '"""doc\n\n# %% [markdown]\n"""',
    "s = '''\n```\nfoo\n```\n'''",
    "a?",
    "%%time\nx = 1",
    "def f(\n",
    "%run other.py",
    "%%html\n<b>x</b>\n",
    "%cd x\n# hi",
    "ls",
    "cat = f()",
    "%%python3\na = 1",
    "%%R -i x\nprint(x)",
    "%autosave 0\n# %autosave 0",
    "await f()",
    "# only a comment",
    "#region\nx = 1\n#endregion",
    "# ---\n# a: 1\n# ---\nx = 1",
    "tab = '\t'\n\ty",
    "é = 'ü'",
    "# # !x",
]
FORMS = {"py:percent": ".py", "py:light": ".py", "md": ".md", "md:myst": ".md", "Rmd": ".Rmd"}


def make(*sources: str) -> Any:
    cells = [
        v4.new_markdown_cell("# A *title*\n\n```python\nnot_code = 1\n```"),
        v4.new_code_cell("n: int = 3\nday = '2013-01-01'", metadata={"tags": ["parameters"], "collapsed": True}),
        *(v4.new_code_cell(source, metadata={"mine": {"a": [1]}} if n % 2 else {}) for n, source in enumerate(sources)),
        v4.new_raw_cell("raw\n%%"),
        v4.new_markdown_cell(""),
        v4.new_code_cell(""),
    ]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def version(path: Path) -> str:
    return version_of_notebook(read_notebook_file(path), path.parent).version


@pytest.mark.parametrize("form", FORMS)
def test_a_notebook_that_is_turned_into_text_and_back_is_the_same_code(tmp_path: Path, form: str) -> None:
    for number, sources in enumerate([SOURCES, *([source] for source in SOURCES)]):
        notebook = make(*sources)
        first = tmp_path / f"n{number}.ipynb"
        nbformat.write(notebook, first)
        text = tmp_path / f"n{number}{FORMS[form]}"
        jupytext.write(notebook, text, fmt=form)
        assert version(text) == version(first), sources
        back = tmp_path / f"back{number}.ipynb"
        nbformat.write(jupytext.read(text), back)
        assert version(back) == version(first), sources
        assert read_parameters_cell(read_notebook_file(text)) == read_parameters_cell(read_notebook_file(first))


@pytest.mark.parametrize("form", FORMS)
def test_other_code_in_text_is_another_version(tmp_path: Path, form: str) -> None:
    versions = set()
    for source in ("x = 1", "x = 2", "!ls", "!ls -l", "%%bash\necho 1", "%%bash\necho 2"):
        path = tmp_path / f"n{FORMS[form]}"
        jupytext.write(make(source), path, fmt=form)
        versions.add(version(path))
    assert len(versions) == 6


@pytest.mark.parametrize("change", [lambda t: t.replace("\n", "\r\n"), lambda t: "\ufeff" + t], ids=["ends", "mark"])
@pytest.mark.parametrize("suffix", [".py", ".md"])
def test_text_of_windows_is_the_same(tmp_path: Path, suffix: str, change: Callable[[str], str]) -> None:
    path = tmp_path / f"n{suffix}"
    jupytext.write(make("%%bash\necho 1\necho 2", "x = 1"), path)
    before = version(path)
    path.write_bytes(change(path.read_text("utf-8")).encode())
    assert version(path) == before


def test_ids_and_metadata_of_text_are_the_same_at_each_reading(tmp_path: Path) -> None:
    path = tmp_path / "n.py"
    path.write_text("# %%\nx = 1\n#%% a title\ny = 2\n", "utf-8")
    notebook = read_notebook_file(path)
    assert [cell["id"] for cell in notebook["cells"]] == ["cell-1", "cell-2"]
    assert read_notebook_file(path) == notebook
    nbformat.validate(notebook)


def test_a_script_without_cells_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "clean.py"
    path.write_text("# a comment of %% percents\nx = 1\n", "utf-8")
    with pytest.raises(DeclarationError, match=r"'clean': .*it has no cells: begin each with a line '# %%'") as caught:
        read_declared_notebook("clean", path)
    assert "\n" not in str(caught.value)
    path.write_text("# %%\nx = 1\n", "utf-8")
    assert len(read_declared_notebook("clean", path)["cells"]) == 1


def test_text_in_another_encoding_than_it_says_is_refused(tmp_path: Path) -> None:
    (tmp_path / "n.py").write_bytes(b"# %%\nx = '\xff'\n")
    (tmp_path / "n.md").write_bytes(b"\xff\xfe\n")
    for name in ("n.py", "n.md"):
        with pytest.raises(DeclarationError, match=f"{name} is no notebook that Jupyter could read"):
            read_declared_notebook("n", tmp_path / name)


def test_text_without_jupytext_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "n.py").write_text("# %%\nx = 1\n", "utf-8")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "jupytext" else find(name, *rest)
    )
    with pytest.raises(ExtraRequiredError, match=r"'n', n\.py: .*pip install nbpart\[text\]") as caught:
        read_declared_notebook("n", tmp_path / "n.py")
    assert isinstance(caught.value, builtins.ImportError)


def test_a_pattern_means_notebooks_in_the_order_of_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.ipynb", "a.ipynb", "work.ipynb", ".c.ipynb", "w/code/d.ipynb", "in/e.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "work.ipynb"))
    with caplog.at_level("INFO", "nbpart"):
        found = find_notebooks("**/*.ipynb", tmp_path / "w")
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a.ipynb", "b.ipynb", "in/e.ipynb"]
    assert "work.ipynb is left out" in caplog.text
    with pytest.raises(DeclarationError, match=r"no notebook is called like '\*\.py'"):
        find_notebooks("*.py", tmp_path / "w")
    (tmp_path / "a.csv").touch()
    with pytest.raises(DeclarationError, match=r"a\.csv is no notebook by its name"):
        find_notebooks("*.csv", tmp_path / "w")


def test_a_pair_is_one_name_in_two_forms() -> None:
    assert is_pair(Path("/x/a.py"), Path("/x/a.ipynb"))
    assert not is_pair(Path("/x/a.py"), Path("/y/a.ipynb"))
    assert not is_pair(Path("/x/a.py"), Path("/x/a.py"))
    assert not is_pair(Path("/x/a.csv"), Path("/x/a.ipynb"))
