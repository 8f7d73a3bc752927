"""Code that is edited on disk: what is registered of it, and what is refused."""

from __future__ import annotations

import importlib
import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart import DeclarationError
from tests.recording import record, write_notebook

Load = Callable[..., Any]


@pytest.fixture
def load(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Write a module of the project and import it."""
    monkeypatch.syspath_prepend(str(project))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load_module(name: str, source: str) -> Any:
        (project / f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield load_module
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(project)):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def notices(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The messages that were logged since the last call."""
    caplog.set_level(logging.INFO, "nbpart")

    def take() -> list[str]:
        messages = list(caplog.messages)
        caplog.clear()
        return messages

    return take


def reasons(ws: nbpart.Workspace, selection: Any = "*") -> dict[str, str]:
    frame = ws.plan(selection).frame
    return dict(zip(frame.asset, frame.reason, strict=True))


def code_of(ws: nbpart.Workspace, asset: str) -> str:
    """The code cells of what a run of the asset would execute."""
    snapshot = ws.assets[asset].snapshot
    assert snapshot is not None
    cells = json.loads((ws.root / snapshot).read_text())["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


TakeNotices = Callable[[], list[str]]


def test_a_plan_registers_an_edited_notebook_and_logs_one_line(
    ws: nbpart.Workspace, project: Path, notices: TakeNotices
) -> None:
    write_notebook(project / "train.ipynb", "x = 1", parameters="lr = 0.1")
    ws.notebook("train.ipynb")
    record(ws, "train", None, {"n": 1})
    assert reasons(ws) == {}
    write_notebook(project / "train.ipynb", "x = 2", parameters="lr = 0.1\ndepth = 3")
    assert ws.status()["stale"].sum() == 0, "only a plan, a tick and a refresh scan the code"
    assert notices() == []
    assert reasons(ws) == {"train": "code changed"}
    assert notices() == ["edited and taken up: train.ipynb (train); what the earlier code made is stale."]
    assert ws.assets["train"].settings == {"lr": "0.1", "depth": "3"}
    assert "x = 2" in code_of(ws, "train")
    assert reasons(ws) == {"train": "code changed"}
    assert notices() == [], "it is logged once"
    write_notebook(project / "train.ipynb", "x = 1", parameters="lr = 0.1")
    assert reasons(ws) == {}, "what was undone is undone"


def test_comments_outputs_and_cell_boundaries_are_no_edit(
    ws: nbpart.Workspace, project: Path, notices: TakeNotices
) -> None:
    path = write_notebook(project / "train.ipynb", "x = 1\ny = 2")
    ws.notebook("train.ipynb")
    record(ws, "train", None, {"n": 1})
    write_notebook(path, "x = 1  # one", "\n\ny  =  2")
    found = json.loads(path.read_text())
    found["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    path.write_text(json.dumps(found))
    assert reasons(ws) == {}
    assert notices() == []


PARTS = "def half(x):\n    return x / 2\n\n\ndef unused():\n    return 1\n"
TOOL = '''import nbpart
from tool_parts import half

LIMIT = 3
SCALE = 2.5


@nbpart.asset(description="cleans")
def clean(limit=LIMIT, *, scale=SCALE):
    """Cleans."""
    return {"n": half(limit) * scale}


@nbpart.asset
def other():
    return {"n": 1}
'''


@pytest.fixture
def tool(ws: nbpart.Workspace, project: Path, load: Load) -> Path:
    """A module with two assets, which this process has imported; it imports another."""
    (project / "tool_parts.py").write_text(PARTS)
    made = load("tool", TOOL)
    ws.register(made.clean, made.other)
    for name in ("clean", "other"):
        record(ws, name, None, {"n": 1})
    assert reasons(ws) == {}
    return project / "tool.py"


def test_an_edited_function_is_read_from_its_file_even_if_it_is_imported(
    ws: nbpart.Workspace, tool: Path, notices: TakeNotices
) -> None:
    tool.write_text(TOOL.replace("half(limit)", "half(limit) + 1"))
    assert reasons(ws) == {"clean": "code changed"}
    assert notices() == [
        "edited and taken up: tool.py (clean); what the earlier code made is stale. "
        "This kernel has imported an earlier tool: runs take the file, calls here do not."
    ]
    kept, _ = ws.assets["clean"].modules["tool"]
    assert "half(limit) + 1" in (ws.root / kept).read_text()
    importlib.reload(sys.modules["tool"])
    tool.write_text(TOOL)
    importlib.reload(sys.modules["tool"])
    assert reasons(ws) == {}
    assert notices() == ["edited and taken up: tool.py (clean); what the earlier code made is stale."]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('    """Cleans."""\n', "    # cleans\n"),
        ("def other():\n    return {", "def other():\n    return {  # another\n        "),
        ("\n\n\n@nbpart.asset\ndef other", "\n\ndef third():\n    return 3\n\n\n@nbpart.asset\ndef other"),
        ("LIMIT = 3\n", "LIMIT = 3\nUNUSED = 1\n"),
    ],
)
def test_comments_and_other_functions_of_a_module_are_no_edit(
    ws: nbpart.Workspace, tool: Path, notices: TakeNotices, old: str, new: str
) -> None:
    assert TOOL.count(old) == 1
    tool.write_text(TOOL.replace(old, new))
    assert reasons(ws) == {}
    assert notices() == []


def test_any_edit_of_an_imported_local_module_counts(
    ws: nbpart.Workspace, tool: Path, project: Path, notices: TakeNotices
) -> None:
    (project / "tool_parts.py").write_text("def half(x):\n    return x // 2\n")
    assert reasons(ws) == {"clean": "code changed"}
    assert notices() == ["edited and taken up: tool_parts.py (clean); what the earlier code made is stale."]


def test_an_edited_module_makes_a_carried_function_stale(
    ws: nbpart.Workspace, project: Path, notices: TakeNotices
) -> None:
    (project / "carried_parts.py").write_text("def half(x):\n    return x / 2\n")

    def share() -> Any:
        from carried_parts import half  # type: ignore[import-not-found]

        return {"n": half(4)}

    ws.asset(share)
    record(ws, "share", None, {"n": 1})
    assert reasons(ws) == {}
    before = code_of(ws, "share")
    (project / "carried_parts.py").write_text("def half(x):\n    return x // 2\n")
    assert reasons(ws) == {"share": "code changed"}
    assert notices() == ["edited and taken up: carried_parts.py (share); what the earlier code made is stale."]
    assert code_of(ws, "share") == before


def test_a_module_that_is_added_later_counts(ws: nbpart.Workspace, project: Path) -> None:
    write_notebook(project / "early.ipynb", "try:\n    import later_parts\nexcept ImportError:\n    later_parts = None")
    ws.notebook("early.ipynb")
    record(ws, "early", None, {"n": 1})
    assert reasons(ws) == {}
    (project / "later_parts.py").write_text("x = 1\n")
    assert reasons(ws) == {"early": "code changed"}
    assert "later_parts" in ws.assets["early"].modules


@pytest.mark.parametrize(
    ("old", "new", "settings"),
    [
        ("limit=LIMIT", "limit=4", {"limit": "4", "scale": "2.5"}),
        ("LIMIT = 3", "LIMIT = 5", {"limit": "5", "scale": "2.5"}),
        ("limit=LIMIT, *", "limit=LIMIT, extra='x', *", {"limit": "3", "extra": '"x"', "scale": "2.5"}),
        ("limit=LIMIT, *, ", "limit=LIMIT, ", {"limit": "3", "scale": "2.5"}),
        (", *, scale=SCALE", "", {"limit": "3"}),
    ],
)
def test_settings_follow_edited_arguments(
    ws: nbpart.Workspace, tool: Path, old: str, new: str, settings: dict[str, str]
) -> None:
    body = TOOL.replace(" * scale", " * 1") if "scale" not in new and old.startswith(", *") else TOOL
    tool.write_text(body.replace(old, new))
    assert reasons(ws) == {"clean": "code changed"}
    assert ws.assets["clean"].settings == settings


def test_a_default_that_needs_an_import_is_no_setting_until_registered_again(
    ws: nbpart.Workspace, tool: Path, notices: TakeNotices
) -> None:
    tool.write_text(TOOL.replace("SCALE = 2.5", "import os\nSCALE = float(os.sep == '/')"))
    assert reasons(ws) == {"clean": "code changed"}
    assert ws.assets["clean"].settings == {"limit": "3"}
    assert "scale=" not in code_of(ws, "clean")
    assert "The default of 'scale' of 'clean' is told only by importing tool" in notices()[0]


def test_a_default_with_unchanged_source_keeps_its_value(ws: nbpart.Workspace, project: Path, load: Load) -> None:
    source = "import os\nSCALE = len(os.sep) + 1\ndef grow(scale=SCALE, n=1):\n    return {'n': scale * n}\n"
    ws.register(nbpart.asset(load("growing", source).grow))
    assert ws.assets["grow"].settings == {"scale": "2", "n": "1"}
    (project / "growing.py").write_text(source.replace("n=1", "n=7"))
    ws.plan()
    assert ws.assets["grow"].settings == {"scale": "2", "n": "7"}


def test_inputs_follow_edited_arguments(ws: nbpart.Workspace, tool: Path) -> None:
    tool.write_text(TOOL.replace("def clean(", "def clean(other, "))
    assert reasons(ws)["clean"] == "code changed"
    assert [read.name for read in ws.assets["clean"].inputs] == ["other"]
    assert "other=run.load" in code_of(ws, "clean")


def test_an_edited_decorator_is_noted_and_counts_only_after_registration(
    ws: nbpart.Workspace, tool: Path, notices: TakeNotices
) -> None:
    tool.write_text(TOOL.replace('"cleans"', '"scrubs"').replace("half(limit)", "half(1)"))
    assert reasons(ws) == {"clean": "code changed"}
    assert "What its decorator says of 'clean' counts once it is registered again." in notices()[0]
    assert ws.assets["clean"].description == "cleans"


def test_registering_an_outdated_import_takes_the_file_and_logs_it(
    ws: nbpart.Workspace, tool: Path, notices: TakeNotices
) -> None:
    tool.write_text(TOOL.replace("limit=LIMIT", "limit=9"))
    ws.register(sys.modules["tool"].clean)
    assert ws.assets["clean"].settings == {"limit": "9", "scale": "2.5"}
    assert (
        notices()[-1]
        == "this kernel has imported an earlier tool: runs take what the file says now, calls here do not."
    )
    assert reasons(ws) == {"clean": "code changed"}


def _half_saved(path: Path) -> None:
    path.write_text(path.read_text()[:40])


def _bad_cell(path: Path) -> None:
    write_notebook(path, "x = 1", "def f(:", parameters="token = 'none'")


def _bad_parameters(path: Path) -> None:
    write_notebook(path, "x = 1", parameters="lr = (")


def _no_secret(path: Path) -> None:
    write_notebook(path, "x = 1", parameters="lr = 1")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_half_saved, "is no notebook that Jupyter could read"),
        (_bad_cell, "cell 3 of train.ipynb is not valid Python"),
        (_bad_parameters, "'parameters'"),
        (_no_secret, "the secret 'token' is no setting of it"),
    ],
)
def test_an_unreadable_notebook_is_refused_by_name_and_keeps_its_code(
    ws: nbpart.Workspace, project: Path, notices: TakeNotices, spoil: Callable[[Path], None], words: str
) -> None:
    path = write_notebook(project / "train.ipynb", "x = 1", parameters="token = 'none'")
    write_notebook(project / "fine.ipynb", "x = 1")
    ws.register(nbpart.notebook("train.ipynb", secrets=["token"]), nbpart.notebook("fine.ipynb"))
    for name in ("train", "fine"):
        record(ws, name, None, {"n": 1})
    before = ws.assets["train"]
    spoil(path)
    for selection in ("train", "*"):
        with pytest.raises(DeclarationError, match="asset 'train'") as refused:
            ws.plan(selection)
        assert words in str(refused.value)
        assert "not planned until that is mended" in str(refused.value)
    assert notices() == []
    assert reasons(ws, "fine") == {}
    [message] = notices()
    assert words in message
    assert ws.assets["train"] == before
    assert ws.partition_status("train").status.tolist() == ["materialized"]
    write_notebook(path, "x = 2", parameters="token = 'none'")
    assert reasons(ws) == {"train": "code changed"}


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("tool.py", "def clean(:\n", "tool.py is not valid Python (line 1"),
        ("tool.py", "x = 1\n", "'clean' is no longer in tool.py"),
        ("tool.py", TOOL.replace("def clean(", "def clean(unknown, "), "the argument 'unknown' is no asset"),
        ("tool_parts.py", "def half(x:\n", "tool_parts.py is not valid Python (line 1"),
        ("tool.py", TOOL.replace("def other()", "def other(clean)").replace("def clean(", "def clean(other, "), "->"),
    ],
)
def test_an_unreadable_module_is_refused_by_name(
    ws: nbpart.Workspace, tool: Path, file: str, text: str, words: str
) -> None:
    before = ws.assets["clean"]
    tool.with_name(file).write_text(text)
    with pytest.raises(DeclarationError, match=r"asset '(clean|other)'") as refused:
        ws.plan()
    assert words in str(refused.value)
    assert ws.assets["clean"].code_version == before.code_version or words == "->"
    tool.with_name("tool_parts.py").write_text(PARTS)
    tool.write_text(TOOL)
    assert reasons(ws) == {}


@pytest.mark.parametrize("gone", ["train.ipynb", "train_parts.py"])
def test_a_missing_file_is_reported_and_the_registered_code_is_kept(
    ws: nbpart.Workspace, project: Path, notices: TakeNotices, gone: str
) -> None:
    (project / "train_parts.py").write_text("x = 1\n")
    write_notebook(project / "train.ipynb", "import train_parts")
    ws.notebook("train.ipynb")
    record(ws, "train", None, {"n": 1})
    before = ws.assets["train"]
    content = (project / gone).read_bytes()
    (project / gone).unlink()
    assert reasons(ws) == {}
    assert notices() == [f"asset 'train': {gone} is gone; its runs go on with the code that was registered."]
    assert ws.assets["train"] == before
    (project / gone).write_bytes(content)
    assert reasons(ws) == {}
    assert notices() == []


def test_a_module_that_is_no_longer_imported_may_be_deleted(
    ws: nbpart.Workspace, project: Path, notices: TakeNotices
) -> None:
    (project / "train_parts.py").write_text("x = 1\n")
    write_notebook(project / "train.ipynb", "import train_parts")
    ws.notebook("train.ipynb")
    record(ws, "train", None, {"n": 1})
    write_notebook(project / "train.ipynb", "x = 1")
    (project / "train_parts.py").unlink()
    assert reasons(ws) == {"train": "code changed"}
    assert len(notices()) == 1


def test_a_refresh_returns_and_logs_what_changed(ws: nbpart.Workspace, project: Path, notices: TakeNotices) -> None:
    path = write_notebook(project / "train.ipynb", "x = 1")
    ws.notebook("train.ipynb")
    record(ws, "train", None, {"n": 1})
    assert repr(ws.refresh()) == "<CodeChanges: nothing changed>"
    write_notebook(path, "x = 2")
    changes = ws.refresh()
    assert changes.edited == {"train": ("train.ipynb",)}
    assert len(notices()) == 1
    assert ws.status()["stale"].to_dict() == {"train": 1}
    _half_saved(path)
    assert list(ws.refresh().unreadable) == ["train"]
    path.unlink()
    assert ws.refresh().gone == {"train": "train.ipynb"}
    assert len(notices()) == 2


def test_the_code_of_an_untrusted_workspace_is_not_scanned(
    ws: nbpart.Workspace, project: Path, tmp_path: Path, notices: TakeNotices
) -> None:
    path = write_notebook(project / "train.ipynb", "x = 1")
    ws.notebook("train.ipynb")
    record(ws, "train", None, {"n": 1})
    shutil.copytree(project, tmp_path / "copy")
    write_notebook(tmp_path / "copy" / path.name, "x = 2")
    with nbpart.open(tmp_path / "copy" / "workspace") as copy:
        assert reasons(copy) == {}
        assert repr(copy.refresh()) == "<CodeChanges: nothing changed>"
        assert not any("edited" in message for message in notices())
        copy.trust()
        assert reasons(copy) == {"train": "code changed"}


@pytest.mark.kernel
def test_the_code_of_the_plan_is_run_and_its_version_recorded(ws: nbpart.Workspace, project: Path) -> None:
    save = 'import nbpart\nnbpart.current_run("train").save({"n": %d})'
    path = write_notebook(project / "train.ipynb", save % 1)
    ws.notebook("train.ipynb")
    planned, version = ws.plan(), ws.assets["train"].code_version
    write_notebook(path, save % 2)
    ws.refresh()
    planned.run().wait(progress=False).raise_for_failures()
    assert ws.load("train") == {"n": 1}
    assert ws.get_run(ws.runs("train").run_id[0]).code_version == version
    assert reasons(ws) == {"train": "code changed"}
    ws.backfill().wait(progress=False).raise_for_failures()
    assert ws.load("train") == {"n": 2}


@pytest.mark.kernel
def test_a_retry_runs_the_repaired_code(ws: nbpart.Workspace, project: Path) -> None:
    path = write_notebook(project / "train.ipynb", "1 / 0")
    ws.notebook("train.ipynb")
    failed = ws.backfill().wait(progress=False)
    _half_saved(path)
    with pytest.raises(DeclarationError, match="asset 'train'"):
        failed.retry_failed()
    write_notebook(path, 'import nbpart\nnbpart.current_run("train").save({"n": 1})')
    failed.retry_failed().wait(progress=False).raise_for_failures()
    assert ws.load("train") == {"n": 1}
