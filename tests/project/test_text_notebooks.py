"""Assets whose notebook is a text: registered, edited, run, and turned from one form into another."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

import nbpart
from tests.recording import record, write_notebook

jupytext: Any = pytest.importorskip("jupytext", reason="jupytext is not installed: pip install nbpart[test]")

PERCENT = """# %% [markdown]
# A report

# %% tags=["parameters"]
partition_key = ""
scale = 2

# %%
import nbpart
run = nbpart.current_run()
!echo from the shell
run.save({"key": partition_key, "scale": scale})
"""


def statuses(ws: nbpart.Workspace, asset: str) -> list[str]:
    return list(ws.partition_status(asset)["status"])


def test_a_percent_script_has_settings_and_is_seen_when_it_is_edited(ws: nbpart.Workspace, project: Path) -> None:
    (project / "report.py").write_text(PERCENT)
    ws.dynamic_partitions("files").add("a.csv")
    ws.notebook("report.py", partitions=ws.partitions("files"))
    assert ws.assets["report"].settings == {"scale": "2"}
    record(ws, "report", "a.csv", {"x": 1})
    (project / "report.py").write_text(PERCENT.replace("# A report", "# Another report").replace("# %%\n", "# %%\n\n"))
    ws.refresh()
    assert statuses(ws, "report") == ["materialized"]
    (project / "report.py").write_text(PERCENT.replace("scale = 2", "scale = 3"))
    assert ws.refresh().edited == {"report": ("report.py",)}
    assert statuses(ws, "report") == ["stale"]
    assert "report.py, cell 2" in str(ws.why("report", "a.csv"))


def test_a_notebook_turned_into_text_and_back_makes_nothing_stale(ws: nbpart.Workspace, project: Path) -> None:
    files = ws.dynamic_partitions("files")
    files.add("a.csv")
    nbformat.write(jupytext.reads(PERCENT, "py"), project / "report.ipynb")
    ws.notebook("report.ipynb", partitions=files)
    record(ws, "report", "a.csv", {"x": 1})
    for name, form in {"report.py": "py:percent", "report.md": "md", "report.Rmd": "Rmd", "report.ipynb": None}.items():
        jupytext.write(jupytext.reads(PERCENT, "py"), project / name, fmt=form)
        asset = ws.notebook(name, partitions=files)
        assert asset.name == "report"
        assert not ws.refresh().edited
        assert statuses(ws, "report") == ["materialized"], name
        assert Path(ws.assets["report"].path or "").name == name


def test_without_jupytext_a_plan_goes_on_and_the_reason_is_told(
    ws: nbpart.Workspace, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "report.py").write_text(PERCENT)
    ws.notebook("report.py")
    write_notebook(project / "other.ipynb", "1")
    ws.notebook("other.ipynb")
    find = nbpart.assets.text_notebooks.importlib.util.find_spec  # type: ignore[attr-defined]
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None if name == "jupytext" else find(name))
    (project / "report.py").write_text(PERCENT + "\n# %%\nprint(1)\n")
    assert "pip install nbpart[text]" in ws.refresh().unreadable["report"]
    assert list(ws.plan("other").frame["asset"]) == ["other"]
    with pytest.raises(nbpart.ExtraRequiredError, match=r"pip install nbpart\[text\]"):
        ws.notebook("report.py")


def test_notebooks_registers_all_that_a_pattern_means_together(ws: nbpart.Workspace, project: Path) -> None:
    files = ws.dynamic_partitions("files")
    for name in ("b-side", "a"):
        write_notebook(project / f"{name}.ipynb", "1", parameters="scale = 1")
    (project / "c.py").write_text(PERCENT)
    assets = ws.notebooks("*.ipynb", partitions=files, tags=["nightly"])
    assert [(one.name, one.partitions and one.partitions.set_name) for one in assets] == [
        ("a", "files"),
        ("b_side", "files"),
    ]
    assert ws.assets["a"].tags == ("nightly",)
    assert assets[0].load is not None
    write_notebook(project / "b_side.ipynb", "2")
    with pytest.raises(nbpart.DeclarationError, match=r"would both be the asset 'b_side': give one of them another"):
        ws.notebooks("*.ipynb")
    assert [one.name for one in ws.notebooks("*.py", partitions=files)] == ["c"]
    assert "b_side.ipynb" not in str(ws.assets["b_side"].path)


@pytest.mark.kernel
@pytest.mark.parametrize(("name", "form"), [("report.py", "py:percent"), ("report.md", "md")])
def test_text_runs_and_leaves_an_executed_notebook(ws: nbpart.Workspace, project: Path, name: str, form: str) -> None:
    text = jupytext.writes(jupytext.reads(PERCENT, "py"), fmt=form)
    (project / name).write_text(text)
    files = ws.dynamic_partitions("files")
    files.add("a.csv")
    ws.notebook(name, partitions=files)
    run = ws.materialize("report", "a.csv", settings={"scale": 5})
    assert ws.load("report", "a.csv") == {"key": "a.csv", "scale": 5}
    executed = nbformat.read(run.notebook, as_version=4)
    nbformat.validate(executed)
    assert run.notebook.suffix == ".ipynb"
    tags = [cell.metadata.get("tags", []) for cell in executed.cells if cell.cell_type == "code"]
    assert tags[:2] == [["parameters"], ["injected-parameters"]]
    assert "from the shell" in str(executed.cells[-1].outputs)
    assert (project / name).read_text() == text
    assert sorted(os.listdir(project)) == ["inbox", name, "workspace"]
    assert v4.new_notebook().nbformat == executed.nbformat
