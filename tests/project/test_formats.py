"""Formats that an asset asks for by name: they travel with it, and nothing that looks at a pickle loads it."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import nbpart
from nbpart import DeclarationError, ExtraRequiredError, MissingInputError, ParameterError, UntrustedWorkspaceError
from nbpart.catalog import queries
from nbpart.catalog.check import check
from nbpart.project.trust import forget_workspace
from nbpart.run.context import RunContext
from nbpart.workspace.actions import WorkspaceActions
from nbpart.workspace.view import make_explorer
from tests.recording import record


class Touch:
    """What leaves a mark when a pickle of it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def model(partition_key: str) -> Any: ...


def score(model: Any) -> dict[str, float]: ...


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "mark"


def declare(ws: nbpart.Workspace, format: Any) -> nbpart.Workspace:
    keys = ws.dynamic_partitions("keys")
    keys.add("a")
    ws.asset(model, partitions=keys, format=format)
    ws.asset(score, partitions=keys)
    return ws


def fitted() -> LogisticRegression:
    return LogisticRegression().fit(np.array([[0.0], [1.0]]), [0, 1])


def data_file(ws: nbpart.Workspace) -> Path:
    [path] = (ws.root / "data" / "model").rglob("*.*")
    return path


def by_hand(ws: nbpart.Workspace) -> RunContext:
    return nbpart.current_run("score", partition_key="a", workspace=ws.root)


@pytest.mark.parametrize("format", ["joblib", "pickle", "skops", "safetensors"])
def test_what_is_saved_in_a_format_comes_back_in_the_workspace_and_in_a_run(ws: nbpart.Workspace, format: Any) -> None:
    declare(ws, format)
    given: Any = {"w": np.arange(3.0)} if format == "safetensors" else fitted()
    record(ws, "model", "a", given)
    for loaded in (ws.load("model", "a"), by_hand(ws).load()):
        assert type(loaded) is type(given)
        if format == "safetensors":
            assert loaded["w"].tolist() == [0.0, 1.0, 2.0]
        else:
            assert loaded.coef_.tolist() == given.coef_.tolist()
    made = ws.project.catalog.read(lambda batch: queries.find_materialization(batch, 1, 1))
    [file] = made.files if made else []
    assert file.format == format
    assert json.loads(file.schema or "").keys() >= {"python", "numpy"}
    assert not ws.project.catalog.read(check)


def test_a_named_file_has_a_format_of_its_own_and_a_path_stays_a_file(ws: nbpart.Workspace, project: Path) -> None:
    declare(ws, "joblib")
    run = nbpart.current_run("model", partition_key="a", record=True, workspace=ws.root)
    run.save(project / "x.bin") if (project / "x.bin").write_bytes(b"x") else None
    assert run.output.files[0].format == "file"
    run.save({"n": {1}}, "sets", format="pickle")
    run.save({"n": 1}, "plain")
    run.save([fitted()])
    assert {file.name: file.format for file in run.output.files} == {"": "joblib", "sets": "pickle", "plain": "json"}
    assert ws.load("model", "a", file="sets") == {"n": {1}}
    assert by_hand(ws).load(file="sets") == {"n": {1}}
    with pytest.raises(ParameterError, match="format='joblb' is none that can be asked for by name; did you mean"):
        run.save(1, format="joblb")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="a Path is saved as the file that is there; leave format='pickle' out"):
        run.save(project / "x.bin", format="pickle")


def test_a_format_that_cannot_be_is_refused_at_its_declaration(
    ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in ("hdf", "frame", 3):
        with pytest.raises(DeclarationError, match=rf"asset 'model': format={wrong!r} is none that can be asked for"):
            declare(ws, wrong)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ExtraRequiredError, match=r"format='skops' needs a package .* install nbpart\[skops\]"):
        declare(ws, "skops")


def test_another_format_makes_nothing_stale_and_what_is_there_is_read_as_it_was_saved(ws: nbpart.Workspace) -> None:
    record(declare(ws, "pickle"), "model", "a", {1, 2})
    for format in ("joblib", None):
        declare(ws, format)
        assert list(ws.partition_status("model")["status"]) == ["materialized"]
        assert ws.load("model", "a") == by_hand(ws).load() == {1, 2}


def test_nothing_that_looks_loads_a_pickle(ws: nbpart.Workspace, mark: Path) -> None:
    declare(ws, "pickle")
    record(ws, "model", "a", Touch(mark))
    record(ws, "model", "a", Touch(mark))
    record(ws, "score", "a", {"n": 1})
    for look in (
        ws.status,
        lambda: ws.partition_status("model"),
        lambda: ws.plan("*", status="all"),
        lambda: ws.why("model", "a"),
        lambda: ws.table("model").fetchall(),
        lambda: ws.check_data(),
        lambda: ws.inputs("score", "a"),
        lambda: ws.project.catalog.read(check),
        lambda: make_explorer(ws.project),
        lambda: WorkspaceActions(ws.project).read_partition("model", "a"),
        lambda: WorkspaceActions(ws.project).preview_data("model", "a"),
        lambda: ws.accept("score", reason="only a comment"),
        lambda: ws.prune(keep=1),
    ):
        look()
        assert not mark.exists()
    ws.load("model", "a")
    assert mark.exists(), "loading it does leave a mark"


def test_of_many_models_those_that_are_asked_for_are_loaded(ws: nbpart.Workspace, tmp_path: Path) -> None:
    declare(ws, "joblib")
    ws.dynamic_partitions("keys").add("b")

    @ws.asset
    def report(model: Any) -> str: ...

    for key in "ab":
        record(ws, "model", key, Touch(tmp_path / f"mark-{key}"))
    models = nbpart.current_run("report", workspace=ws.root).load()
    assert list(models) == ["a", "b"]
    models["b"]
    assert [place.name for place in tmp_path.glob("mark-*")] == ["mark-b"]


def test_a_preview_says_with_what_a_model_was_written(ws: nbpart.Workspace) -> None:
    declare(ws, "joblib")
    record(ws, "model", "a", fitted())
    shown = WorkspaceActions(ws.project).preview_data("model", "a")
    assert (shown.description, shown.code) == ("joblib", "ws.load('model', 'a')")
    name, versions = shown.text.splitlines()
    assert name.endswith(" bytes")
    assert versions.startswith("written with python 3.")
    assert f", numpy {np.__version__}, sklearn " in versions


def test_a_pickle_in_place_of_data_is_never_loaded(ws: nbpart.Workspace, mark: Path) -> None:
    declare(ws, "pickle")
    record(ws, "model", "a", {1, 2})
    place = data_file(ws)
    content = pickle.dumps(Touch(mark))
    for planted in (content, content[:-1].ljust(len(place.read_bytes()) - 1, b"x") + b"."):
        place.write_bytes(planted)
        with pytest.raises(MissingInputError, match="is not what was saved"):
            by_hand(ws).load()
        with pytest.raises(MissingInputError, match="and loading it would run what it says; materialize it again"):
            ws.load("model", "a")
    assert not mark.exists()
    assert list(ws.partition_status("model")["status"]) == ["stale"]


def test_a_workspace_of_others_loads_no_pickle_until_it_is_trusted(ws: nbpart.Workspace, mark: Path) -> None:
    declare(ws, "joblib")
    record(ws, "model", "a", Touch(mark))
    forget_workspace(ws.root)
    with pytest.raises(UntrustedWorkspaceError, match=r"the data of model/a is saved as joblib.*trust=True"):
        ws.load("model", "a")
    with pytest.raises(UntrustedWorkspaceError, match="trust=True"):
        by_hand(ws).load()
    assert not mark.exists()
    ws.project.trust()
    ws.load("model", "a")
    assert mark.exists()


def test_skops_and_tensors_need_no_trust_and_types_are_trusted_by_name(ws: nbpart.Workspace) -> None:
    declare(ws, "skops")
    record(ws, "model", "a", Touch)
    forget_workspace(ws.root)
    name = f"{__name__}.Touch"
    for load in (lambda **more: ws.load("model", "a", **more), lambda **more: by_hand(ws).load(**more)):
        with pytest.raises(nbpart.UnreadableDataError, match=rf"load it with trusted=\['{name}'\]"):
            load()
        assert load(trusted=[name]) is load(trusted=name) is Touch


def test_an_adopted_file_is_a_pickle_only_where_its_asset_asks_for_it(
    ws: nbpart.Workspace, project: Path, mark: Path
) -> None:
    (project / "old").mkdir()
    (project / "old" / "a.pkl").write_bytes(pickle.dumps(Touch(mark)))
    declare(ws, None).adopt("model", "old/{partition_key}.pkl")
    assert ws.load("model", "a") == project / "old" / "a.pkl"
    assert not mark.exists()
    for format, ending in (("pickle", "pkl"), ("joblib", "sav")):
        (project / "old" / f"a.{ending}").write_bytes(pickle.dumps({1, ending}))
        declare(ws, format).adopt("model", f"old/{{partition_key}}.{ending}")
        assert ws.load("model", "a") == {1, ending}
    (project / "old" / "a.json").write_text('{"n": 1}')
    ws.adopt("model", "old/{partition_key}.json")
    assert ws.load("model", "a") == {"n": 1}
