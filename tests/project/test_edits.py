"""Edits: a working copy with what a run gets, found again, saved back, refused where it cannot be."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

import nbpart
from nbpart.project.edit_copy import BOUND_IDS
from tests.backfill.pools import Stage
from tests.projects import import_written
from tests.recording import record

PARAMETERS = "partition_key = ''\nscale = 2\nbatch = None"


@pytest.fixture
def files(ws: nbpart.Workspace, project: Path) -> nbpart.PartitionSet:
    """A set with a source, an asset and a notebook over it."""
    files = ws.dynamic_partitions("files", columns={"batch": str})
    files.add_rows([{"key": key, "batch": "B1"} for key in ("a.csv", "b.csv")], key="key")

    @ws.asset(partitions=files)
    def cleaned(partition_key: str) -> dict[str, str]:
        return {}

    write_report(project / "report.ipynb")
    ws.notebook("report.ipynb", partitions=files, deps=["cleaned"], env={"MODE": "fast"})
    record(ws, "cleaned", "a.csv", {"x": 1})
    return files


def write_report(path: Path, *, ahead: bool = False) -> None:
    cells = [
        v4.new_markdown_cell("# Report"),
        *([v4.new_code_cell("import os")] if ahead else []),
        v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        v4.new_code_cell("import os\nimport nbpart\nrun = nbpart.current_run()\nvalue = run.load('cleaned')"),
        v4.new_code_cell("run.save({'told': [value, partition_key, scale, batch, run.settings, os.environ['MODE']]})"),
    ]
    nbformat.write(v4.new_notebook(cells=cells), path)


def change(edit: Any, old: str, new: str) -> None:
    text = edit.path.read_text("utf-8")
    assert old in text
    edit.path.write_text(text.replace(old, new), "utf-8")


def bound_source(edit: Any) -> str:
    cells = nbformat.read(edit.path, 4).cells
    return "\n".join(cell.source for cell in cells if cell.id in BOUND_IDS)


@pytest.mark.usefixtures("files")
def test_an_edit_gives_what_a_run_gets(ws: nbpart.Workspace, project: Path) -> None:
    edit = ws.edit("report", "a.csv", settings={"scale": 7})
    notebook = nbformat.read(edit.path, 4)
    nbformat.validate(notebook)
    assert edit.path.is_relative_to(ws.root / "edits" / "report")
    assert [cell.id for cell in notebook.cells if cell.id in BOUND_IDS] == [BOUND_IDS[1]]
    assert notebook.cells[2].id == BOUND_IDS[1], "behind the parameters cell"
    source = bound_source(edit)
    for line in ("partition_key = 'a.csv'", "scale = 7", "batch = 'B1'", f"_os.chdir({str(project)!r})",
                 "_os.environ.update({'MODE': 'fast'})", "settings={'scale': 7}"):  # fmt: skip
        assert line in source
    assert (edit.asset, edit.partition_key, edit.file, edit.is_changed) == (
        "report", "a.csv", project / "report.ipynb", False
    )  # fmt: skip
    html = edit._repr_html_()
    assert f'href="{edit.path.relative_to(project)}"' in html
    assert "with cleaned" in html
    assert "without changes" in repr(edit)


@pytest.mark.usefixtures("files")
def test_cells_before_the_parameters_have_the_run_too(ws: nbpart.Workspace, project: Path) -> None:
    write_report(project / "report.ipynb", ahead=True)
    edit = ws.edit("report", "a.csv")
    ids = [cell.id for cell in nbformat.read(edit.path, 4).cells]
    assert ids[0] == BOUND_IDS[0]
    assert ids[4] == BOUND_IDS[1]
    edit.save()
    assert BOUND_IDS[0] not in (project / "report.ipynb").read_text()


@pytest.mark.usefixtures("files")
def test_a_save_makes_stale_what_the_earlier_code_made(ws: nbpart.Workspace, project: Path) -> None:
    record(ws, "report", "a.csv", {"x": 1})
    edit = ws.edit("report", "a.csv")
    os.chmod(project / "report.ipynb", 0o640)
    before = (project / "report.ipynb").read_bytes()
    assert edit.save().status == "materialized"
    assert (project / "report.ipynb").read_bytes() == before
    change(edit, "# Report", "# Another")
    saved = edit.save()
    assert (saved.status, saved.is_changed) == ("materialized", True), "text is no code"
    change(edit, "run.save({'told'", "run.save({'said'")
    assert edit.is_changed
    saved = edit.save()
    assert saved.status == "stale"
    assert repr(saved) == (
        "report.ipynb: 1 cell changed; report/a.csv is stale: ws.backfill('report', 'a.csv') makes it with the code of "
        "now."
    )
    assert not edit.is_changed
    assert stat.S_IMODE(os.stat(project / "report.ipynb").st_mode) == 0o640
    change(edit, "run.save({'said'", "run.save({'told'")
    assert edit.save().status == "materialized", "it is the code that made it"


@pytest.mark.usefixtures("files")
def test_an_open_edit_is_found_with_its_changes(ws: nbpart.Workspace, project: Path) -> None:
    edit = ws.edit("report", "a.csv")
    change(edit, "import nbpart\\n", "import nbpart  # mine\\n")
    again = ws.edit("report", "a.csv", settings={"scale": 3})
    assert again.path == edit.path
    assert again.is_changed
    assert "# mine" in edit.path.read_text()
    assert "scale = 3" in bound_source(again), "with what a run gets now"
    assert "changed and not saved" in repr(again)
    edit.discard()
    assert "discarded" in repr(again)
    assert not list((ws.root / "edits").rglob("*.*"))
    assert "# mine" not in ws.edit("report", "a.csv").path.read_text()
    with pytest.raises(nbpart.MissingInputError, match=r"it was discarded; ws\.edit opens it anew"):
        discard_and_save(ws.edit("report", "a.csv"))


def discard_and_save(edit: Any) -> None:
    edit.discard()
    edit.save()


@pytest.mark.usefixtures("files")
def test_an_edit_without_changes_follows_the_file(ws: nbpart.Workspace, project: Path) -> None:
    edit = ws.edit("report", "a.csv")
    path = project / "report.ipynb"
    path.write_text(path.read_text().replace("# Report", "# Newer"))
    assert "# Newer" in ws.edit("report", "a.csv").path.read_text()
    assert edit.save().is_changed is False


@pytest.mark.usefixtures("files")
def test_a_file_that_changed_meanwhile_is_not_written_over(ws: nbpart.Workspace, project: Path) -> None:
    edit, path = ws.edit("report", "a.csv"), project / "report.ipynb"
    change(edit, "value = run.load", "given = run.load")
    path.write_text(path.read_text().replace("# Report", "# Newer"))
    with pytest.raises(nbpart.DeclarationError, match=r"report\.ipynb was changed since .* by \.save\(force=True\)"):
        edit.save()
    assert "given" not in path.read_text()
    assert "given" in ws.edit("report", "a.csv").path.read_text(), "an edit with changes stays"
    edit.save(force=True)
    assert "given" in path.read_text()
    assert "# Newer" not in path.read_text()
    path.unlink()
    with pytest.raises(nbpart.DeclarationError, match="is gone: bring it back"):
        edit.save()


@pytest.mark.parametrize("suffix", [".py", ".md"])
def test_an_edit_of_text_is_saved_as_text(ws: nbpart.Workspace, project: Path, suffix: str) -> None:
    pytest.importorskip("jupytext", reason="jupytext is not installed: pip install nbpart[test]")
    text = {
        ".py": '# a header\n\n# %% tags=["parameters"]\nscale = 2\n#%%\n\nprint(scale)\n',
        ".md": '# Title\n\n```python tags=["parameters"]\nscale = 2\n```\nText\n```python\nprint(scale)\n```\n',
    }[suffix]
    path = project / f"clean{suffix}"
    path.write_text(text)
    ws.notebook(path)
    record(ws, "clean", None, {"x": 1})
    edit = ws.edit("clean")
    assert edit.path.name == "clean.ipynb"
    assert edit.save().is_changed is False
    assert path.read_text() == text
    change(edit, "print(scale)", "print(scale + 1)")
    assert edit.save().status == "stale"
    assert path.read_text() == text.replace("print(scale)", "print(scale + 1)")


def test_what_runs_or_lacks_its_inputs_is_not_edited(ws: nbpart.Workspace, files: nbpart.PartitionSet) -> None:
    with pytest.raises(
        nbpart.MissingInputError, match=r"report/b\.csv needs cleaned/b\.csv, which is missing.*\+report"
    ):
        ws.edit("report", "b.csv")
    with pytest.raises(nbpart.UnknownNameError, match=r"no partition 'c\.csv'; did you mean"):
        ws.edit("report", "c.csv")
    with pytest.raises(nbpart.UnknownNameError, match="did you mean 'report'"):
        ws.edit("reports", "a.csv")
    with pytest.raises(nbpart.DeclarationError, match=r"settings names 'skale'.*'scale'"):
        ws.edit("report", "a.csv", settings={"skale": 1})
    ws.source("inbox", "inbox/{partition_key}", partitions=files)
    with pytest.raises(nbpart.DeclarationError, match="'inbox' is a source"):
        ws.edit("inbox", "a.csv")
    stage = Stage(answer=lambda spec: None)  # type: ignore[arg-type,return-value]
    ws.project.make_pool = stage.make_pool
    backfill = ws.backfill("report", "a.csv")
    try:
        with pytest.raises(
            nbpart.DeclarationError, match=r"report/a\.csv is queued or running, so it cannot be edited"
        ):
            ws.edit("report", "a.csv")
    finally:
        backfill.cancel()


@pytest.mark.usefixtures("files")
def test_an_edit_with_changes_is_handed_out_whatever_happened_to_its_inputs(
    ws: nbpart.Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    change(ws.edit("report", "a.csv"), "# Report", "# Mine")
    ws.wipe("cleaned", keys="a.csv")
    edit = ws.edit("report", "a.csv")
    assert "the edit is as it was left: report/a.csv needs cleaned/a.csv" in caplog.text
    assert edit.save().is_changed


def test_a_function_is_opened_to_try(ws: nbpart.Workspace, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "import nbpart\n\n\n@nbpart.asset\ndef total(scale=1):\n    return {'x': scale}\n"
    ws.register(import_written(project, "edited_flow", source, monkeypatch).total)
    edit = ws.edit("total")
    assert "total(scale=scale)" in edit.path.read_text()
    assert "says where the source" in edit._repr_html_()
    change(edit, "total(scale=scale)", "total(scale=3)")
    with pytest.raises(nbpart.DeclarationError, match=r"'total' is a function: edit it at .*edited_flow\.py:5; "):
        edit.save()

    @ws.asset
    def inner() -> dict[str, int]:
        return {}

    with pytest.raises(nbpart.DeclarationError, match="edit the cell that defines 'inner'"):
        ws.edit("inner").save()


HOSTILE = ["../../x", 'a\'\\"""b{x}', "CON", "🎈" * 40, "<script>", "x" * 500]


@pytest.mark.parametrize("key", HOSTILE)
def test_any_key_has_a_safe_edit(ws: nbpart.Workspace, files: nbpart.PartitionSet, key: str, project: Path) -> None:
    files.add(key)
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})]),
                   project / "alone.ipynb")  # fmt: skip
    ws.notebook("alone.ipynb", partitions=files)
    edit = ws.edit("alone", key)
    assert edit.path.resolve().is_relative_to(ws.root.resolve() / "edits" / "alone")
    found: dict[str, Any] = {}
    exec(bound_source(edit).partition("_bind_run(")[2].partition("\n")[2], found)  # noqa: S102
    assert found["partition_key"] == key
    assert "<script>" not in edit._repr_html_()
    compile(bound_source(edit), "cell", "exec")


@pytest.mark.usefixtures("files")
def test_what_is_erased_takes_its_edit_along(ws: nbpart.Workspace, files: nbpart.PartitionSet) -> None:
    edit = ws.edit("report", "a.csv")
    checkpoint = edit.path.parent / ".ipynb_checkpoints" / "a.csv-checkpoint.ipynb"
    checkpoint.parent.mkdir()
    checkpoint.write_text("outputs")
    files.remove("a.csv", delete_data=True)
    assert not edit.path.exists()
    assert not checkpoint.exists()


@pytest.mark.usefixtures("files")
def test_an_edit_moves_along_with_its_project(
    ws: nbpart.Workspace, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(ws.edit("report", "a.csv"), "# Report", "# Mine")
    ws.close()
    monkeypatch.chdir(tmp_path)
    project.rename(tmp_path / "moved")
    with nbpart.open("moved/workspace", trust=True) as moved:
        edit = moved.edit("report", "a.csv")
        assert edit.file == tmp_path / "moved" / "report.ipynb"
        assert f"workspace={str(moved.root)!r}" in bound_source(edit)
        assert f"_os.chdir({str(tmp_path / 'moved')!r})" in bound_source(edit)
        assert edit.save().is_changed
    assert "# Mine" in (tmp_path / "moved" / "report.ipynb").read_text()


@pytest.mark.usefixtures("files")
def test_a_notebook_that_is_a_link_stays_one(ws: nbpart.Workspace, project: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.ipynb"
    (project / "report.ipynb").rename(real)
    (project / "report.ipynb").symlink_to(real)
    edit = ws.edit("report", "a.csv")
    change(edit, "# Report", "# Mine")
    edit.save()
    assert (project / "report.ipynb").is_symlink()
    assert "# Mine" in real.read_text()


@pytest.mark.usefixtures("files")
def test_a_working_copy_that_somebody_broke_says_so(ws: nbpart.Workspace, tmp_path: Path) -> None:
    edit = ws.edit("report", "a.csv")
    edit.path.write_text("{")
    with pytest.raises(
        nbpart.DeclarationError, match=r"is no notebook any more .*: delete it, and ws\.edit begins anew"
    ):
        edit.save()
    assert "broken" in repr(edit)
    edit.path.unlink()
    edit.path.symlink_to(tmp_path / "secret")
    with pytest.raises(nbpart.NbpartError, match="link"):
        edit.save()


@pytest.mark.usefixtures("files")
def test_a_workspace_that_is_not_trusted_opens_no_edit(ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise nbpart.UntrustedWorkspaceError("not yours")

    monkeypatch.setattr(ws.project, "check_trust", refuse)
    with pytest.raises(nbpart.UntrustedWorkspaceError):
        ws.edit("report", "a.csv")


@pytest.mark.usefixtures("files")
def test_the_prewarmed_kernel_is_taken_where_it_is_installed(
    ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbpart.project.edit_copy.find_prewarmed", lambda: ("nbpart", "Pre-warmed"))
    assert nbformat.read(ws.edit("report", "a.csv").path, 4).metadata.kernelspec.name == "nbpart"


@pytest.mark.kernel
@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("ahead", [False, True])
def test_the_cells_of_an_edit_run_as_in_a_run(ws: nbpart.Workspace, project: Path, ahead: bool) -> None:
    write_report(project / "report.ipynb", ahead=ahead)
    ws.materialize("report", "a.csv", settings={"scale": 7})
    edit = ws.edit("report", "a.csv", settings={"scale": 7})
    execute(edit.path)
    [saved] = (ws.root / "data" / "_scratch" / "report").rglob("data.json")
    assert json.loads(saved.read_text()) == ws.load("report", "a.csv")
    assert len(ws.runs("report")) == 1, "nothing is recorded"
    assert edit.save().is_changed is False


def execute(path: Path, run: Callable[..., Any] | None = None) -> None:
    from nbclient import NotebookClient

    notebook = nbformat.read(path, 4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute()
    nbformat.write(notebook, path)
