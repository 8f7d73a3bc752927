from __future__ import annotations

import re
from pathlib import Path

import pytest

from nbpart.catalog import Batch, Catalog, events, queries
from nbpart.catalog.relations import Relations
from nbpart.catalog.set_tables import build_columns, own_columns
from nbpart.errors import OutsideWorkspaceError
from nbpart.partitions import DynamicPartitions, Parameters
from nbpart.project.data_tables import Tables
from nbpart.storage import FileRecord, LocalStore
from tests.catalog.story import Story, version_of


def test_assets_with_their_sets(story: Story) -> None:
    story.register("x")
    story.register("whole", set_id=0)
    story.catalog.write(lambda b: events.remove_asset(b, "x"))
    [whole] = story.catalog.read(queries.load_assets)
    assert (whole.name, whole.set_id, whole.set_name, whole.definition) == ("whole", 0, "", {"doc": ""})
    every = story.catalog.read(lambda b: queries.load_assets(b, active_only=False))
    assert [(a.name, a.active, a.set_name) for a in every] == [("x", False, "files"), ("whole", True, "")]


def test_current_inputs_have_a_row_for_each_key(story: Story) -> None:
    story.add("a", "b", "c")
    story.register("x")
    story.make("x", "a", "1")
    run_no = story.make("x", "c", "3")
    frame = story.catalog.read(lambda b: queries.current_inputs(b, story.ids["x"]))
    columns = (
        "key_id key materialization_id data_hash path format kind data_version bytes file_version schema"
        " is_damaged pruned failed_check element"
    )
    assert " ".join(frame.columns) == columns
    assert frame["is_damaged"].tolist() == [False, False, False]
    assert frame["key"].tolist() == ["a", "b", "c"]
    assert frame["materialization_id"].isna().tolist() == [False, True, False]
    assert frame["path"].tolist()[1:] == [None, f"data/{story.place(run_no)}.json"]
    assert int(frame["data_hash"][2]) == int(version_of("3")[:16], 16)
    asked = [story.key_id(key) for key in ("c", "b")]
    frame = story.catalog.read(lambda b: queries.current_inputs(b, story.ids["x"], asked))
    assert frame["key"].tolist() == ["c", "b"]
    assert frame["data_version"].tolist() == [version_of("3"), None]


def test_a_source_that_vanished_is_missing(story: Story) -> None:
    story.add("a", "b")
    story.register("inbox", kind="source")
    story.observe("inbox", {"a": "1", "b": "1"})
    story.observe("inbox", {"a": None})
    frame = story.catalog.read(lambda b: queries.current_inputs(b, story.ids["inbox"]))
    assert frame["materialization_id"].isna().tolist() == [True, False]
    assert frame["path"].tolist() == [None, None]
    seen = story.catalog.read(lambda b: queries.observed_files(b, story.ids["inbox"]))
    assert seen.column_names == ["key_id", "key", "size", "proof", "version"]
    assert dict(zip(seen["key"].to_pylist(), seen["version"].to_pylist(), strict=True)) == {"b": version_of("1")}
    some = story.catalog.read(lambda b: queries.observed_files(b, story.ids["inbox"], ["b", "it's"]))
    assert some["key"].to_pylist() == ["b"]


def test_find_materialization_now_and_as_a_run_left_it(story: Story) -> None:
    story.add("a")
    story.register("x")
    [first] = story.claim("x", "a")
    assert first is not None
    files = [
        FileRecord("", "file", "frame", f"data/{story.place(first)}.parquet", rows=3),
        FileRecord("roc", "file", "figure", f"data/{story.place(first)}.png"),
    ]
    story.start(first)
    story.end(first, files=files)
    second = story.make("x", "a", "2")
    key_id = story.key_id("a")

    def read(batch: Batch) -> None:
        now = queries.find_materialization(batch, story.ids["x"], key_id)
        then = queries.find_materialization(batch, story.ids["x"], key_id, first)
        assert now is not None
        assert then is not None
        assert (now.run_no, then.run_no, then.rows) == (second, first, 3)
        assert then.files == tuple(files)
        assert then.run_id is not None
        assert queries.find_materialization(batch, story.ids["x"], 0) is None
        assert queries.find_materialization(batch, story.ids["x"], key_id, 999) is None
        listed = queries.data_files_of(batch, [then.materialization_id, now.materialization_id])
        assert {number: [file.name for file in some] for number, some in listed.items()} == {
            then.materialization_id: ["", "roc"],
            now.materialization_id: [""],
        }
        assert listed[then.materialization_id] == then.files

    story.catalog.read(read)


def test_snapshots_become_tables(
    catalog: Catalog, story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the paths of a snapshot are relative to the workspace
    parameters = Parameters.declare({"lr": float})

    def add(batch: Batch) -> int:
        set_id = events.ensure_set(batch, DynamicPartitions("trials", parameters))
        values = [{"lr": lr} for lr in (0.1, 0.5, 0.9)]
        events.add_keys(
            batch,
            set_id,
            [parameters.spell(v) for v in values],
            build_columns(
                own_columns(DynamicPartitions("trials", parameters)), [parameters.canonical(v) for v in values]
            ),
        )
        return set_id

    story.register("Model", set_id=catalog.write(add))
    for key, text in (("lr=0.1", "one"), ("lr=0.5", "five")):
        [run_no] = story.claim("Model", key)
        assert run_no is not None
        path = tmp_path / "data" / f"{story.place(run_no)}.txt"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        story.start(run_no)
        story.end(
            run_no,
            content=text,
            files=[FileRecord("", "file", "text", str(path.relative_to(tmp_path)))],
            metrics={"acc": 0.5},
        )
    found = catalog.read(lambda b: queries.load_snapshots(b, ["MODEL", "nothing"]))
    assert list(found) == ["MODEL"]
    table = Relations().table(found["MODEL"])
    assert table.columns == ["partition_key", "lr", "acc", "value"]
    assert sorted(table.fetchall()) == [("lr=0.1", 0.1, 0.5, "one"), ("lr=0.5", 0.5, 0.5, "five")]


@pytest.mark.parametrize("recorded", ["s3://bucket/x", "/etc/passwd", "data/../../x"])
def test_a_path_outside_the_workspace_is_refused_by_name(story: Story, tmp_path: Path, recorded: str) -> None:
    story.register("whole", set_id=0)
    [run_no] = story.claim("whole", None)
    assert run_no is not None
    story.start(run_no)
    story.end(run_no, content="x")
    story.catalog.write(lambda b: b.execute("UPDATE data_files SET path = ?", recorded))
    tables = Tables(story.catalog, LocalStore(tmp_path))
    with pytest.raises(OutsideWorkspaceError, match=re.escape(recorded)):
        tables.sql("SELECT * FROM whole")
