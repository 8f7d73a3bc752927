"""Where two runs differ: what they were given, what they ran, what they logged and what they made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import nbpart
from nbpart.errors import DeclarationError, MissingInputError, UnknownNameError
from tests.recording import record


def declare(ws: nbpart.Workspace) -> Any:
    trials = ws.dynamic_partitions("trials", params={"lr": float, "kind": str})
    trials.add_grid(lr=[0.1, 0.2], kind=["a"])

    @ws.asset(partitions=trials, metrics={"loss": "min"})
    def model(run: Any) -> dict[str, int]:
        return {}

    return trials


def diff(ws: nbpart.Workspace, one: Any, other: Any, **metrics: Any) -> Any:
    declare(ws)
    record(ws, "model", {"lr": 0.1, "kind": "a"}, one, loss=0.5)
    record(ws, "model", {"lr": 0.2, "kind": "a"}, other, **(metrics or {"loss": 0.5}))
    return ws.compare("model").diff({"lr": 0.1, "kind": "a"}, "kind=a,lr=0.2")


def rows(found: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in found.frame.itertuples(index=False)]


def test_parameters_and_metrics_that_differ(ws: nbpart.Workspace) -> None:
    found = diff(ws, {"n": 1}, {"n": 1}, loss=0.25, note="x")
    assert rows(found) == [
        ("parameter", "lr", 0.1, 0.2),
        ("metric", "loss", 0.5, 0.25),
        ("metric", "note", None, "x"),
    ]
    assert len(found) == 3
    assert "1 parameter, 2 metric" in repr(found)


FRAME = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, np.nan, None], "c": ["x", None, "z"]})


@pytest.mark.parametrize(
    ("one", "other", "data"),
    [
        (FRAME, FRAME.assign(a=[1, 9, 9]), [("column a", "", "2 of 3 values differ")]),
        (FRAME, FRAME.assign(b=[0.5, 1.0, np.nan]), [("column b", "", "1 of 3 values differ")]),
        (FRAME, FRAME.assign(c=["x", "y", None]), [("column c", "", "2 of 3 values differ")]),
        (FRAME, FRAME.head(2), [("rows", 3, 2)]),
        (FRAME, FRAME.rename(columns={"a": "d"}), [("column a", "int64", None), ("column d", None, "int64")]),
        (FRAME, FRAME.assign(a=[1.0, 2.0, 3.0]), [("column a", "int64", "double")]),
        ({"n": 1, "m": [1]}, {"n": 2, "m": [1], "k": "x"}, [("['n']", "1", "2"), ("['k']", None, '"x"')]),
        ("a\nb\nc", "a\nB\nc\nd", [("line 2", "b", "B"), ("lines", 3, 4)]),
        (np.zeros(4), np.array([0, 0, 1, 1.0]), [("values", "", "2 of 4 differ")]),
        (np.zeros(4), np.zeros((2, 2)), [("shape", "(4,)", "(2, 2)")]),
        (b"abc", b"abcd", [("bytes", 3, 4)]),
        ({"n": 1}, "n", [("format", "json", "text")]),
    ],
)
def test_data_that_differ(ws: nbpart.Workspace, one: Any, other: Any, data: list[tuple[Any, ...]]) -> None:
    found = [row[1:] for row in rows(diff(ws, one, other)) if row[0] == "data"]
    assert found == data


def test_content_of_equal_size_that_differs(ws: nbpart.Workspace) -> None:
    [(what, mine, theirs)] = [row[1:] for row in rows(diff(ws, b"abc", b"abd")) if row[0] == "data"]
    assert what == "content"
    assert mine != theirs


def test_a_run_does_not_differ_from_itself(ws: nbpart.Workspace) -> None:
    declare(ws)
    run_id = record(ws, "model", {"lr": 0.1, "kind": "a"}, {"n": 1}, loss=float("nan")).run_id
    del run_id
    run = ws.get_run(ws.runs("model").run_id[0])
    found = nbpart.diff(run, run)
    assert len(found) == 0
    assert "no difference" in repr(found)
    assert "No difference." in found._repr_html_()


def test_what_cannot_be_compared_is_said(ws: nbpart.Workspace) -> None:
    declare(ws)
    record(ws, "model", {"lr": 0.1, "kind": "a"}, loss=0.5)
    board = ws.compare("model")
    with pytest.raises(UnknownNameError, match=r"model has no key 'kind=a,lr=0\.3'"):
        board.diff("kind=a,lr=0.1", "kind=a,lr=0.3")
    with pytest.raises(MissingInputError, match=r"model/kind=a,lr=0.2 was made by no run yet"):
        board.diff("kind=a,lr=0.1", "kind=a,lr=0.2")
    with pytest.raises(DeclarationError, match="compares two runs"):
        nbpart.diff(ws.get_run(ws.runs("model").run_id[0]), "x")  # type: ignore[arg-type]


@pytest.mark.kernel
def test_code_settings_and_figures_of_two_runs(ws: nbpart.Workspace, project: Any) -> None:
    import nbformat

    def write(text: str) -> None:
        cells = [
            nbformat.v4.new_code_cell("# parameters\nlr = 0.1\nepochs = 2", metadata={"tags": ["parameters"]}),
            nbformat.v4.new_code_cell(text),
            nbformat.v4.new_code_cell(
                "import matplotlib.pyplot as plt\nplt.figure(figsize=(1, 1))\nplt.plot([0, epochs])\nplt.show()"
            ),
        ]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), project / "train.ipynb")

    write("x = '<b>one</b>'")
    trials = ws.dynamic_partitions("trials", params={"lr": float})
    trials.add(lr=0.1)
    ws.notebook("train.ipynb", partitions=trials)
    ws.backfill("train").wait(progress=False).raise_for_failures()
    write("x = '<i>two</i>'")
    ws.backfill("train", settings={"epochs": 3}).wait(progress=False).raise_for_failures()
    newer, older = (ws.get_run(run_id) for run_id in ws.runs("train").run_id)
    found = older.diff(newer)
    kinds = [(row[0], row[1]) for row in rows(found)]
    assert kinds == [("setting", "epochs"), ("code", "cell 2")]
    page = found._repr_html_()
    assert page.count("data:image/png") == 2
    assert "-x = &#x27;&lt;b&gt;one&lt;/b&gt;&#x27;" in page
    assert "<i>two" not in page
