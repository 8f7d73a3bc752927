"""What was logged comes back exactly, and of its kind, while order and aggregates work."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbpart.catalog import Relations, queries
from nbpart.catalog.queries.cells import cell_facts, metric_names, metrics_of
from tests.catalog.story import Story

EXACT: dict[str, Any] = {
    "a whole number that a double rounds": 2**53 + 1,
    "the largest of 64 bits": 2**63 - 1,
    "of 64 bits without a sign": 2**64 - 1,
    "38 digits": 10**38 - 1,
    "38 digits below zero": -(10**38) + 1,
    "a small one": 3,
    "a float that is whole": 3.0,
    "minus zero": -0.0,
    "infinity": math.inf,
    "not a number": math.nan,
    "the smallest float": 5e-324,
    "true": True,
    "false": False,
    "the text true": "true",
    "a text of digits": "007",
    "an empty text": "",
    "a text with NUL": "a\0b",
    "an emoji": "🎲",
}


@pytest.fixture
def asset(story: Story) -> str:
    story.add("a", "b", "c")
    story.register("model")
    return "model"


def log(story: Story, key: str, /, **metrics: Any) -> int:
    [run_no] = story.claim("model", key)
    assert run_no is not None
    story.start(run_no)
    story.end(run_no, content=key, metrics=metrics)
    sql = "SELECT materialization_id FROM materializations WHERE run_no = ?"
    return int(story.catalog.read(lambda b: b.value(sql, run_no)))


def path_of(story: Story, made: int) -> str:
    sql = "SELECT path FROM data_files WHERE materialization_id = ?"
    return str(story.catalog.read(lambda b: b.value(sql, made)))


def test_every_value_comes_back_as_it_was(story: Story, asset: str) -> None:
    names = {name.replace(" ", "_"): value for name, value in EXACT.items()}
    made = log(story, "a", **names)
    found = story.catalog.read(lambda b: metrics_of(b, made))
    assert {name: (type(value), repr(value)) for name, value in found.items()} == {
        name: (type(value), repr(value)) for name, value in names.items()
    }


def test_whole_numbers_make_a_whole_column(story: Story, asset: str) -> None:
    log(story, "a", n=2**53 + 1, wide=2**64 - 1, mixed=1, part=7)
    log(story, "b", n=np.int32(5), wide=np.uint64(2**64 - 2), mixed=0.5)
    frame = story.catalog.read(lambda b: queries.partition_status(b, story.ids["model"])).set_index("partition_key")
    assert frame["n"].tolist()[:2] == [2**53 + 1, 5]
    assert frame["wide"].tolist()[:2] == [2**64 - 1, 2**64 - 2]
    assert frame["mixed"].tolist()[:2] == [1.0, 0.5]
    assert pd.isna(frame["n"]["c"])
    assert frame["wide"]["c"] is None
    assert str(frame["n"].dtype) == "Int64"


def test_queries_order_and_sum_them(story: Story, asset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the paths of a snapshot are relative to the workspace
    for key, n in (("a", 2**64 + 1), ("b", 2**64), ("c", 3)):
        made = log(story, key, n=n)
        path = tmp_path / path_of(story, made)
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    snapshots = story.catalog.read(lambda b: queries.load_snapshots(b, ["model"]))
    relations = Relations()
    ordered = relations.sql("SELECT partition_key, n FROM model ORDER BY n DESC", lambda names: snapshots)
    assert ordered.fetchall() == [("a", 2**64 + 1), ("b", 2**64), ("c", 3)]
    total = relations.sql("SELECT sum(n), max(n), avg(n) > 1 FROM model", lambda names: snapshots)
    assert total.fetchall() == [(2**65 + 4, 2**64 + 1, True)]


def test_a_name_that_a_column_has_is_shown_behind_metric(story: Story, asset: str, tmp_path: Path) -> None:
    made = log(story, "a", rows=7, Bytes=8, key="first", status="fine", loss=0.5)
    frame = story.catalog.read(lambda b: queries.partition_status(b, story.ids["model"])).set_index("partition_key")
    first = frame.loc["a"]
    assert (first["metric.rows"], first["metric.Bytes"], first["metric.status"], first["loss"]) == (7, 8, "fine", 0.5)
    assert (first["status"], first["rows"]) != (first["metric.status"], first["metric.rows"])
    assert sorted(story.catalog.read(lambda b: metrics_of(b, made))) == [
        "loss", "metric.Bytes", "metric.key", "metric.rows", "metric.status",
    ]  # fmt: skip
    assert story.catalog.read(lambda b: metric_names(b, [story.ids["model"]])) == [
        "metric.Bytes", "loss", "metric.rows",
    ]  # fmt: skip
    for column, value in (("metric.rows", 7), ("loss", 0.5), ("metric.loss", 0.5), ("METRIC.x", None)):
        facts = story.catalog.read(lambda b, column=column: cell_facts(b, story.ids["model"], column))
        assert np.array_equal(facts.values[:1], [math.nan if value is None else value], equal_nan=True)


def test_a_table_shows_the_metric_beside_the_column_of_the_data(
    story: Story, asset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the paths of a snapshot are relative to the workspace
    path = tmp_path / path_of(story, log(story, "a", rows=7, loss=0.5))
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    snapshots = story.catalog.read(lambda b: queries.load_snapshots(b, ["model"]))
    relation = Relations().table(snapshots["model"])
    assert relation.columns == ["partition_key", "loss", "metric.rows", "value"]
    assert relation.project('"metric.rows"').fetchall() == [(7,)]
