from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbpart.errors import (
    DeclarationError,
    ExtraRequiredError,
    MissingInputError,
    ParameterError,
    UnknownNameError,
    UnsupportedTypeError,
)
from nbpart.run.context import RunContext
from nbpart.run.input_files import InputFile
from nbpart.run.members import run_from_environment
from nbpart.run.modules import SPEC_VARIABLE
from nbpart.run.output_handler import CallbackHandler, OutputHandler
from nbpart.run.report import RunOutput
from nbpart.run.spec import MANY, ONE, InputItem, InputSpec, RunSpec
from nbpart.storage.formats import load_file, save_value
from tests.run.conftest import make_spec
from tests.storage.stores import make_in_memory, make_local


def saved(folder: Path, key: str | None, value: Any, **more: Any) -> InputItem:
    file = save_value(make_local(folder), value, f"data/lr=0.1 [x]/in-{key}")
    return InputItem(key, file.path, file.format, bytes=file.bytes, file_version=file.data_version, **more)


def context(folder: Path, inputs: dict[str, InputSpec] | None = None, **values: Any) -> RunContext:
    return RunContext(make_spec(folder, "r1", inputs=inputs or {}, **values))


def test_what_a_run_knows(tmp_path: Path) -> None:
    run = context(tmp_path, params={"lr": 0.1})
    assert (run.asset, run.partition_key, run.params, run.run_id) == ("model", "k", {"lr": 0.1}, "r1")
    run.params["lr"] = 2
    assert run.params == {"lr": 0.1}


def test_load_one(tmp_path: Path) -> None:
    inputs = {
        "table": InputSpec("asset", ONE, (saved(tmp_path, "k", pd.DataFrame({"a": [1]})),)),
        "about": InputSpec("asset", ONE, (saved(tmp_path, None, {"x": 1}),)),
        "nothing": InputSpec("asset", ONE, (InputItem("k", "", None),)),
        "inbox": InputSpec("source", ONE, (InputItem("k", "s3://b/k", "source"),)),
        "lacking": InputSpec("asset", ONE, (), ("k",)),
    }
    run = context(tmp_path, inputs)
    assert run.load("table")["a"].tolist() == [1]
    assert run.load("about") == {"x": 1}
    assert run.load("nothing") is None
    assert str(run.load("inbox")) == "s3://b/k"
    assert run.load("lacking") is None
    assert run.inputs == tuple(inputs)


def test_missing_inputs_are_printed_with_their_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = InputSpec("asset", MANY, (saved(tmp_path, "a", {"x": 1}),), ("b", "c"))
    assert context(tmp_path, {"up": spec}).load() == {"a": {"x": 1}}
    assert "up lacks 2 of its partitions: 'b', 'c'" in capsys.readouterr().err


def test_load_many_frames_is_one_frame(tmp_path: Path) -> None:
    frames = {"a": pd.DataFrame({"n": [1, 2]}), "b": pd.DataFrame({"n": [3], "partition_key": ["mine"]})}
    items = tuple(saved(tmp_path, key, frame) for key, frame in frames.items())
    loaded = context(tmp_path, {"up": InputSpec("asset", MANY, items)}).load("up")
    assert list(loaded.columns) == ["partition_key", "n", "partition_key_1"]
    assert loaded["partition_key"].tolist() == ["a", "a", "b"]
    assert loaded.index.tolist() == [0, 1, 2]
    assert loaded["partition_key_1"].tolist()[2] == "mine"


def test_load_many_of_other_kinds_is_a_dict(tmp_path: Path) -> None:
    items = (saved(tmp_path, "a", pd.DataFrame({"n": [1]})), saved(tmp_path, "b", "text"), InputItem("c", "", None))
    loaded = context(tmp_path, {"up": InputSpec("asset", MANY, items)}).load("up")
    assert list(loaded) == ["a", "b", "c"]
    assert (loaded["b"], loaded["c"]) == ("text", None)
    sources = InputSpec("source", MANY, (InputItem("a", "/in/a", "source"), InputItem("b", "/in/b", "source")))
    assert context(tmp_path, {"inbox": sources}).load() == {"a": "/in/a", "b": "/in/b"}


def test_load_by_key_and_file(tmp_path: Path) -> None:
    extra = save_value(make_local(tmp_path), "curve", "data/roc")
    curve = InputFile(extra.path, "text", extra.bytes, extra.data_version)
    items = (saved(tmp_path, "a", {"x": 1}, files={"roc": curve}), saved(tmp_path, "b", {"x": 2}))
    run = context(tmp_path, {"up": InputSpec("asset", MANY, items, ("lost",))})
    assert run.load("up", "b") == {"x": 2}
    assert run.load("up", "lost") is None
    assert run.load("up", "a", file="roc") == "curve"
    with pytest.raises(UnknownNameError, match=r"'c'.*'a'"):
        run.load("up", "c")
    with pytest.raises(UnknownNameError, match="did you mean 'roc'"):
        run.load("up", "a", file="rocc")


def test_what_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    lacking = InputSpec("asset", ONE, (), ("k",), name="b", needs_data=True)
    item = saved(tmp_path, "a", {"x": 1})
    run = context(tmp_path, {"table": InputSpec("asset", ONE, (item,)), "other": lacking})
    with pytest.raises(UnknownNameError, match="did you mean 'table'"):
        run.load("tabel")
    with pytest.raises(UnknownNameError, match="2 inputs"):
        run.load()
    with pytest.raises(MissingInputError, match="reads b/k, which has no data; materialize it first"):
        run.load("other")
    (tmp_path / item.location).unlink()
    with pytest.raises(MissingInputError, match="table, partition 'a' is gone"):
        run.load("table")


def test_inputs_of_frames_are_one_relation_with_a_partition_key(tmp_path: Path) -> None:
    frames = {
        "a": pd.DataFrame({"n": [1, 2]}),
        "b": pd.DataFrame({"n": [3.5], "Partition_Key": ["mine"], "filename": [None]}),
    }
    items = tuple(saved(tmp_path, key, frame) for key, frame in frames.items())
    run = context(
        tmp_path,
        {
            "up": InputSpec("asset", MANY, items),
            "one": InputSpec("asset", ONE, (saved(tmp_path, None, frames["a"]),)),
        },
    )
    relation = run.relation("up")
    assert relation.columns == ["partition_key", "n", "partition_key_1", "filename"]
    rows = sorted(relation.fetchall())
    assert rows == [("a", 1, None, None), ("a", 2, None, None), ("b", 3.5, "mine", None)]
    assert run.relation("one").fetchall() == [(1,), (2,)]


def test_relation_needs_frames(tmp_path: Path) -> None:
    run = context(tmp_path, {"up": InputSpec("asset", MANY, (saved(tmp_path, "a", "text"),))})
    with pytest.raises(UnsupportedTypeError, match="holds 'text' data"):
        run.relation("up")


def test_save_main_and_named(tmp_path: Path) -> None:
    run = context(tmp_path)
    run.save(pd.DataFrame({"a": [1]}))
    run.save({"x": 1}, name="about")
    files = {file.name: file for file in run.output.files}
    assert files[""].path == "data/r1-1.parquet"
    assert files["about"].path == "data/r1-1.about.json"
    assert (files[""].rows, files["about"].rows) == (1, None)


def test_saving_again_replaces(tmp_path: Path) -> None:
    run = context(tmp_path)
    run.save({"x": 1})
    run.save("text")
    run.save("more text")
    assert [file.format for file in run.output.files] == ["text"]
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["r1-1.txt"]


def test_a_file_that_the_user_wrote_is_saved(tmp_path: Path) -> None:
    run = context(tmp_path)
    path = run.output_path("model.joblib")
    path.write_bytes(b"abc")
    run.save(path)
    elsewhere = tmp_path / "elsewhere.bin"
    elsewhere.write_bytes(b"defg")
    run.save(elsewhere, name="other")
    files = {file.name: file for file in run.output.files}
    assert files[""].path == str(path.relative_to(tmp_path))
    assert Path(files["other"].path).parent == Path("data")
    assert files["other"].bytes == 4
    with pytest.raises(MissingInputError, match="no file"):
        run.save(tmp_path / "none")


def test_a_run_keeps_its_data_in_whatever_store_it_is_given(tmp_path: Path) -> None:
    store = make_in_memory(tmp_path)
    frame = pd.DataFrame({"n": [1, 2]})
    values = {"": frame, "about": {"x": 1}, "note": "some text", "raw": b"bytes"}
    run = RunContext(make_spec(tmp_path, "r1"), store=store)
    run.save("replaced")
    for name, value in values.items():
        run.save(value, name or None)
    draft = run.output_path("model.bin")
    draft.write_bytes(b"model")
    run.save(draft, "model")
    files = {file.name: file for file in run.output.files}
    assert sorted(file.path for file in store.list("data")) == sorted(file.path for file in files.values())
    assert list((tmp_path / "data").iterdir()) == []

    extra = {f.name: InputFile(f.path, f.format or "", f.bytes, f.data_version) for f in files.values() if f.name}
    main = files[""]
    item = InputItem("k", main.path, "frame", {}, None, extra, main.bytes, main.data_version, materialization_id=1)
    inputs = {"up": InputSpec("asset", MANY, (item,))}
    reader = RunContext(make_spec(tmp_path, "r2", inputs=inputs), store=store)
    assert reader.load("up", "k").equals(frame)
    assert {name: reader.load("up", "k", file=name) for name in values if name} == {
        name: value for name, value in values.items() if name
    }
    assert reader.load("up", "k", file="model").read_bytes() == b"model"
    assert sorted(reader.relation("up").fetchall()) == [("k", 1), ("k", 2)]
    store.remove(main.path)
    with pytest.raises(MissingInputError, match="partition 'k' is gone"):
        reader.load("up", "k")
    with pytest.raises(FileExistsError):
        RunContext(make_spec(tmp_path, "r1"), store=store).save({"x": 2}, "about")


def test_a_run_reads_nothing_outside_its_workspace(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    root.mkdir()
    (tmp_path / "theirs.txt").write_text("theirs")
    make_local(root)
    (root / "data" / "link.txt").symlink_to(tmp_path / "theirs.txt")
    for path in ("../theirs.txt", "data/../../theirs.txt", str(tmp_path / "theirs.txt"), "data/link.txt"):
        run = context(root, {"up": InputSpec("asset", ONE, (InputItem("k", path, "text"),))})
        with pytest.raises(MissingInputError, match="a link, or outside the workspace"):
            run.load("up")


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc/passwd", "a\nb"])
def test_output_path_takes_plain_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(ParameterError, match="plain file name"):
        context(tmp_path).output_path(name)


def test_unsupported_value_names_the_partition(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedTypeError, match=r"model, partition 'k'.*a frame"):
        context(tmp_path).save(object())


def test_file_names_are_checked(tmp_path: Path) -> None:
    run = context(tmp_path)
    run.save("x", name="roc")
    for name in ("../x", "", "Roc"):
        with pytest.raises(ParameterError):
            run.save("x", name=name)


def test_logged_metrics_become_plain_values_and_the_last_counts(tmp_path: Path) -> None:
    run = context(tmp_path, params={"lr": 0.1})
    run.log(accuracy=np.float32(0.5), n=np.int64(3), good=np.bool_(True), note="x")
    run.log(accuracy=0.75)
    assert run.output.metrics == {"accuracy": 0.75, "n": 3, "good": True, "note": "x"}
    assert [type(value) for value in run.output.metrics.values()] == [float, int, bool, str]


@pytest.mark.parametrize(
    ("metrics", "error"),
    [
        ({"a b": 1}, DeclarationError),
        ({"class": 1}, DeclarationError),
        ({"Known": 1}, ParameterError),
        ({"x": 1, "X": 2}, ParameterError),
        ({"x": [1]}, UnsupportedTypeError),
        ({"x": None}, UnsupportedTypeError),
    ],
)
def test_wrong_metrics_log_nothing(tmp_path: Path, metrics: dict[str, Any], error: type[Exception]) -> None:
    run = context(tmp_path, params={"LR": 0.1})
    run.log(known=1)
    with pytest.raises(error):
        run.log(**{"fine": 1}, **metrics)
    assert run.output.metrics == {"known": 1}


def test_a_metric_may_have_the_name_of_a_column(tmp_path: Path) -> None:
    run = context(tmp_path, params={"lr": 0.1})
    run.log(rows=3, Status="fine", value=1, partition_key="x", lr=0.2)
    assert run.output.metrics == {"rows": 3, "Status": "fine", "value": 1, "partition_key": "x", "lr": 0.2}


def test_the_handler_gets_the_output_after_each_change(tmp_path: Path) -> None:
    seen: list[RunOutput] = []
    run = RunContext(make_spec(tmp_path, "r1"), handler=CallbackHandler(seen.append))
    run.log(a=1)
    run.save("x")
    assert [(len(output.files), dict(output.metrics)) for output in seen] == [(0, {"a": 1}), (1, {"a": 1})]


class NextRun(OutputHandler):
    """Takes each save as that of a run of its own, and has the next one save elsewhere."""

    keeps_replaced_files = True

    def handle_change(self, spec: RunSpec, output: RunOutput) -> tuple[RunSpec, RunOutput]:
        return replace(spec, data_prefix=f"{spec.data_prefix}x"), replace(output, metrics={})


def test_a_handler_may_let_the_next_save_be_that_of_another_run(tmp_path: Path) -> None:
    run = RunContext(make_spec(tmp_path, "r1"), handler=NextRun())
    run.save("first")
    [first] = run.output.files
    run.save("second")
    [second] = run.output.files
    assert first.path != second.path
    assert [run.store.stat(file.path) is not None for file in (first, second)] == [True, True]


def test_a_run_by_hand_warns_once_that_it_records_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = RunContext(make_spec(tmp_path, "r1"), recording=False)
    run.log(a=1)
    run.save("x")
    said = capsys.readouterr().err
    assert said.count("records nothing") == 1
    assert str(tmp_path / "data") in said


def test_a_kernel_finds_its_run_by_an_environment_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SPEC_VARIABLE, raising=False)
    with pytest.raises(MissingInputError, match="no run"):
        run_from_environment()
    spec: RunSpec = dataclasses.replace(make_spec(tmp_path, "r1"), params={"lr": 0.1})
    monkeypatch.setenv(SPEC_VARIABLE, str(spec.write()))
    run = run_from_environment()
    run.log(a=1)
    run.save("x")
    assert RunOutput.read(spec.part) == run.output


def test_a_format_that_cannot_be_written_here_is_told_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec: RunSpec = dataclasses.replace(make_spec(tmp_path, "r1"), format="skops")
    monkeypatch.setenv(SPEC_VARIABLE, str(spec.write()))
    assert run_from_environment().asset == "model"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ExtraRequiredError, match=r"format='skops' needs a package .* nbpart\[skops\]"):
        run_from_environment()


@pytest.mark.parametrize("letter", ["x", "ä", "名"])
def test_the_longest_names_of_files_are_saved_and_longer_ones_refused(tmp_path: Path, letter: str) -> None:
    run = context(tmp_path)
    name = letter * (180 // len(letter.encode()))
    run.save({"x": 1}, name)
    with pytest.raises(ParameterError, match="is too long to name a saved file"):
        run.save({"x": 1}, name + letter)
    room = 255 - len(Path(run._spec.data_prefix).name) - 1
    path = run.output_path("y" * (room - 4) + ".bin")
    path.write_bytes(b"mine")
    run.save(path)
    with pytest.raises(ParameterError, match="at least 3 bytes shorter"):
        run.output_path("y" * (room + 3))
    given = tmp_path / ("z" * 255)
    given.write_bytes(b"theirs")
    with pytest.raises(ParameterError, match="is too long for a file beside"):
        run.save(given)


def forge(path: str) -> None:
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def cut(path: str) -> None:
    Path(path).write_bytes(Path(path).read_bytes()[:-1])


def delete(path: str) -> None:
    Path(path).unlink()


@pytest.mark.parametrize(
    ("harm", "fault", "message"),
    [
        (forge, "other content", r"table, partition .it.s. is not what was saved \(other content: .*backfill table -k"),
        (cut, "other size", r"table, partition .it.s. is not what was saved \(other size"),
        (delete, "deleted", r"table, partition .it.s. is gone \(.*; make it again: nbpart backfill table -k"),
    ],
)
@pytest.mark.parametrize("value", [pd.DataFrame({"n": [1, 2]}), {"n": 1}, "text", b"bytes"])
def test_data_that_is_not_what_was_saved_is_not_read_and_reported(
    value: Any, harm: Callable[[str], None], fault: str, message: str, tmp_path: Path
) -> None:
    seen: list[RunOutput] = []
    item = saved(tmp_path, "it's", value, materialization_id=7)
    inputs = {"table": InputSpec("asset", ONE, (item,))}
    run = RunContext(make_spec(tmp_path, "r1", inputs=inputs), handler=CallbackHandler(seen.append))
    run.load("table")
    assert seen == []
    harm(str(tmp_path / item.location))
    for load in (run.load, run.relation) if item.format == "frame" else (run.load,):
        with pytest.raises(MissingInputError, match=message):
            load("table")
    assert [(one.materialization_id, one.file, str(one.fault)) for one in seen[-1].faults] == [(7, "", fault)]
    assert RunOutput.from_json(json.loads(json.dumps(seen[-1].to_json()))) == seen[-1]


def test_an_extra_file_is_compared_too(tmp_path: Path) -> None:
    note = saved(tmp_path, "note", "a note")
    extra = {"note": InputFile(note.location, "text", note.bytes, note.file_version)}
    item = saved(tmp_path, "k", "main", files=extra, materialization_id=3)
    run = RunContext(make_spec(tmp_path, "r1", inputs={"a": InputSpec("asset", ONE, (item,))}))
    assert run.load("a", file="note") == "a note"
    forge(str(tmp_path / note.location))
    with pytest.raises(MissingInputError, match="other content"):
        run.load("a", file="note")
    assert run.load("a") == "main"
    assert [fault.file for fault in run.output.faults] == ["note"]


def test_a_file_without_a_recorded_version_is_loaded_unchecked(tmp_path: Path) -> None:
    item = saved(tmp_path, "k", "main")
    unknown = dataclasses.replace(item, bytes=None, file_version=None)
    run = RunContext(make_spec(tmp_path, "r1", inputs={"a": InputSpec("asset", ONE, (unknown,))}))
    (tmp_path / item.location).write_text("other")
    assert run.load("a") == "other"


def test_what_loads_on_access_is_a_mapping_that_can_be_saved(tmp_path: Path) -> None:
    items = tuple(saved(tmp_path, key, {"x": n}) for n, key in enumerate("ba"))
    run = context(tmp_path, {"up": InputSpec("asset", MANY, items)})
    loaded = run.load("up")
    (tmp_path / items[1].location).unlink()
    assert (list(loaded), len(loaded), loaded["b"], "a" in loaded) == (["b", "a"], 2, {"x": 0}, True)
    with pytest.raises(MissingInputError, match="is gone"):
        loaded["a"]
    with pytest.raises(KeyError, match="there is 'a', 'b'"):
        loaded["c"]
    assert loaded.get("c") is None
    kept = context(tmp_path, {"up": InputSpec("asset", MANY, items[:1])})
    kept.save(kept.load("up"))
    [file] = kept.output.files
    assert (file.format, load_file(kept.store, file.path, "json")) == ("json", {"b": {"x": 0}})
