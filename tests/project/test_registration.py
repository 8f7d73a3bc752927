from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbpart
from nbpart import CarryError, CycleError, DeclarationError, ParameterError, UnknownNameError
from nbpart.project import registration
from tests.recording import record, snapshots, write_notebook

FRAME = pd.DataFrame({"x": [1]})


def mappings(ws: nbpart.Workspace, name: str) -> dict[str, str]:
    return {i.name: i.mapping.kind for i in ws.assets[name].inputs}


def one() -> dict[str, int]:
    return {"n": 1}


def two(one: Any) -> dict[str, int]:
    return {"n": 2}


def three(two: Any) -> dict[str, int]:
    return {"n": 3}


def test_declarations_come_in_any_order(ws: nbpart.Workspace) -> None:
    files = nbpart.DynamicPartitions("files")
    inbox = nbpart.source("inbox", "inbox/{partition_key}", partitions=files)
    last = nbpart.asset(three)
    middle = nbpart.asset(partitions=files)(two)

    def one(inbox: str, partition_key: str) -> dict[str, int]:
        return {}

    first = nbpart.asset(partitions=files)(one)
    ws.register(last, middle, first, inbox, nbpart.DynamicPartitions("others"))
    assert list(ws.assets) == ["inbox", "one", "two", "three"]
    assert mappings(ws, "three") == {"two": "all_keys"}
    assert mappings(ws, "two") == {"one": "same"}
    assert set(ws.partition_sets) == {"files", "others"}


def _before(ws: nbpart.Workspace) -> Any:
    ws.asset(one)
    return list(ws.assets), snapshots(ws), sorted(ws.partition_sets), ws.project.catalog.sequence()


def _lonely(nothing: Any) -> None: ...


def _one_again() -> dict[str, int]:
    return {"n": 100}


def _carries_a_frame() -> Any:
    return FRAME


def _bad_items(ws: nbpart.Workspace, project: Path) -> dict[str, tuple[list[Any], type[Exception], str]]:
    files, wrong = nbpart.DynamicPartitions("files"), project / "wrong.ipynb"
    wrong.write_text("{")
    new = nbpart.asset(two, partitions=nbpart.DynamicPartitions("new"))  # type: ignore[call-overload]
    taken = nbpart.asset(name="taken")(_one_again)

    def circle(three: Any) -> None: ...

    def s(context: Any) -> Any:
        return FRAME

    circle_asset = nbpart.asset(name="one")(circle)
    return {
        "unknown input": ([new, nbpart.asset(_lonely)], DeclarationError, "'nothing' is no asset, source or column"),
        "unknown dep": ([new, nbpart.asset(name="x", deps=["oen"])(_one_again)], UnknownNameError, "mean 'one'"),
        "cycle": ([new, nbpart.asset(three), circle_asset], CycleError, "one -> "),
        "twice": ([new, taken, nbpart.asset(name="taken")(one)], DeclarationError, "'taken' comes twice"),
        "twice the same": ([new, taken, taken], DeclarationError, "'taken' comes twice"),
        "case in the call": ([new, taken, nbpart.asset(name="Taken")(one)], DeclarationError, "'taken' and 'Taken'"),
        "case": ([new, nbpart.asset(name="One")(_one_again)], DeclarationError, "'One' differs from 'one'"),
        "no notebook": ([new, nbpart.notebook("none.ipynb")], DeclarationError, "'none': there is no notebook at"),
        "no json": ([new, nbpart.notebook("wrong.ipynb")], DeclarationError, "'wrong': .* is no notebook"),
        "pattern": ([new, nbpart.source("s", "{nope}", partitions=files)], DeclarationError, r"source 's': .*\{nope\}"),
        "lone pattern": ([new, nbpart.source("s", "in/{partition_key}")], DeclarationError, "source 's': "),
        "not carried": ([new, nbpart.asset(_carries_a_frame_here(), name="c")], CarryError, "frame_here"),
        "sensor": ([new, nbpart.sensor(_sensor_with_a_frame())], CarryError, "frame_here"),
        "kinds": (
            [new, nbpart.StaticPartitions(["a"], name="new")],
            DeclarationError,
            "'new' are declared twice, differently",
        ),
        "keys": (
            [new, nbpart.StaticPartitions(["a"], name="n"), nbpart.StaticPartitions(["b"], name="n")],
            DeclarationError,
            "'n' are declared twice",
        ),
        "name": ([new, "files"], DeclarationError, "register takes assets, sources, partitions, sensors and schedules"),
        "none": ([new, None], DeclarationError, "register takes"),
        "list": ([[new]], DeclarationError, "register takes"),
        "function": ([new, one], DeclarationError, "no partitions definition"),
    }


def _carries_a_frame_here() -> Any:
    frame_here = FRAME

    def c() -> Any:
        return frame_here

    return c


def _sensor_with_a_frame() -> Any:
    frame_here = FRAME

    def s(context: Any) -> Any:
        return frame_here

    return s


def test_when_one_item_is_wrong_nothing_is_registered(ws: nbpart.Workspace, project: Path) -> None:
    before = _before(ws)
    for case, (items, error, message) in _bad_items(ws, project).items():
        with pytest.raises(error, match=message):
            ws.register(*items)
        assert (list(ws.assets), snapshots(ws), sorted(ws.partition_sets), ws.project.catalog.sequence()) == before, (
            case
        )
        with pytest.raises(UnknownNameError, match="no trigger"):
            ws.tick("s")


def test_a_refused_registration_leaves_no_snapshot(ws: nbpart.Workspace) -> None:
    ws.dynamic_partitions("trials", params={"lr": float}).add(lr=1)
    before = _before(ws)
    other = nbpart.DynamicPartitions("trials", params={"depth": int})
    with pytest.raises(ParameterError, match="'lr' is gone"):
        ws.asset(_one_again, name="again", partitions=other)
    with pytest.raises(DeclarationError, match="'trials' names dynamic partitions here"):
        ws.asset(_one_again, name="again", partitions=nbpart.StaticPartitions(["a"], name="trials"))
    assert (list(ws.assets), snapshots(ws), sorted(ws.partition_sets), ws.project.catalog.sequence()) == before
    assert len(ws.dynamic_partitions("trials")) == 1


def test_an_unknown_input_is_refused_with_the_nearest_name(ws: nbpart.Workspace) -> None:
    ws.source("inbox", "inbox/data.csv")

    def read(inbix: str) -> None: ...

    with pytest.raises(DeclarationError, match=r"asset 'read': the argument 'inbix' .* did you mean 'inbox'\?"):
        ws.asset(read)


def test_registering_a_name_again_replaces_it_and_logs_one_line(
    ws: nbpart.Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "nbpart")
    ws.asset(one)
    record(ws, "one", None, {"n": 1})
    ws.asset(one)
    assert not caplog.messages
    assert ws.partition_status("one").status.tolist() == ["materialized"]
    ws.asset(_one_again, name="one")
    assert caplog.messages == ["asset 'one' is replaced: its code changed, and what other code made of it is stale."]
    assert ws.plan().frame.values.tolist() == [["one", None, "code changed"]]
    ws.asset(one)
    assert len(caplog.messages) == 2
    assert ws.partition_status("one").status.tolist() == ["materialized"]
    assert len(ws.plan()) == 0


def test_changed_code_makes_stale_what_lies_below_until_the_same_data_comes_out(ws: nbpart.Workspace) -> None:
    ws.register(nbpart.asset(one), nbpart.asset(two), nbpart.asset(three))
    for name in ("one", "two", "three"):
        record(ws, name, None, {"n": name})
    ws.asset(_one_again, name="one")
    assert ws.status()["stale"].to_dict() == {"one": 1, "two": 1, "three": 1}
    # the plan follows what it makes anew
    assert ws.plan().frame.reason.tolist() == [
        "code changed",
        "reads one, which this plan makes",
        "reads two, which this plan makes",
    ]
    record(ws, "one", None, {"n": "one"})
    assert ws.status()["stale"].sum() == 0, "the same data came out"
    record(ws, "one", None, {"n": "other"})
    assert ws.plan("two").frame.reason.tolist() == ["input one changed"]
    assert ws.status()["stale"].to_dict() == {"one": 0, "two": 1, "three": 1}


def test_repartitioning_an_input_changes_the_mapping_of_its_readers(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    files.add("a", "b")
    ws.asset(one)
    ws.asset(two, partitions=files)
    ws.asset(three, partitions=["x", "y"])
    assert (mappings(ws, "two"), mappings(ws, "three")) == ({"one": "whole"}, {"two": "all_keys"})
    ws.asset(one, partitions=files)
    assert mappings(ws, "two") == {"one": "same"}
    ws.asset(two, partitions=["y", "x"])
    assert (mappings(ws, "two"), mappings(ws, "three")) == ({"one": "all_keys"}, {"two": "same"})
    ws.asset(two)
    assert (mappings(ws, "two"), mappings(ws, "three")) == ({"one": "all_keys"}, {"two": "whole"})
    assert ws.status().sum(axis=1).to_dict() == {"one": 2, "two": 1, "three": 2}


def test_parameters_declared_in_another_declaration_are_bound(ws: nbpart.Workspace) -> None:
    ws.dynamic_partitions("trials", params={"lr": float})

    def train(lr: float) -> dict[str, float]:
        return {"lr": lr}

    ws.register(nbpart.asset(partitions=nbpart.DynamicPartitions("trials"))(train))
    assert ws.assets["train"].settings == {}

    def score(depth: int, train: Any) -> None: ...

    declared = nbpart.DynamicPartitions("deep", params={"depth": int})
    ws.register(declared, nbpart.asset(partitions=nbpart.DynamicPartitions("deep"))(score))
    assert mappings(ws, "score") == {"train": "all_keys"}


def test_an_asset_is_removed_unless_another_reads_it(ws: nbpart.Workspace) -> None:
    ws.register(nbpart.asset(one), nbpart.asset(two))
    record(ws, "one", None, {"n": 1})
    run_id = ws.runs("one").run_id[0]
    with pytest.raises(DeclarationError, match="'one' is read by two; remove these first"):
        ws.remove_asset("one")
    ws.remove_asset(nbpart.asset(two))
    ws.remove_asset("one")
    assert list(ws.assets) == []
    assert ws.get_run(run_id).status == "succeeded"
    assert ws.runs().run_id.tolist() == [run_id]
    for wrong in ("one", "noe"):
        with pytest.raises(UnknownNameError, match="no asset"):
            ws.remove_asset(wrong)
    ws.asset(one)
    assert ws.load("one") == {"n": 1}


def test_notebooks(ws: nbpart.Workspace, project: Path) -> None:
    (project / "notebooks").mkdir()
    write_notebook(
        project / "notebooks" / "train.ipynb", "print(1)", parameters="partition_key = None\nlr: float = 0.1\nseed = 7"
    )
    ws.asset(one)
    trials = ws.dynamic_partitions("trials", params={"lr": float})
    made = ws.notebook("notebooks/train.ipynb", name="model", partitions=trials, deps=["one"])
    definition = ws.assets["model"]
    assert (made.name, definition.kind, definition.set_name) == ("model", "notebook", "trials")
    assert definition.folder == str(project / "notebooks")
    assert definition.settings == {"seed": "7"}
    assert definition.snapshot in {f"code/{name}" for name in snapshots(ws)}
    assert mappings(ws, "model") == {"one": "whole"}
    write_notebook(project / "notebooks" / "bare.ipynb", "print(1)")
    assert ws.notebook("notebooks/bare.ipynb").name == "bare"


def test_a_local_module_is_saved_with_the_code(
    ws: nbpart.Workspace, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "nearby_constants.py").write_text("VALUE = 1\n")
    write_notebook(project / "uses.ipynb", "import nearby_constants")
    ws.notebook("uses.ipynb")
    (kept, original) = ws.assets["uses"].modules["nearby_constants"]
    (project / "nearby_constants.py").write_text("VALUE = 2\n")
    assert (ws.root / kept).read_text() == "VALUE = 1\n"
    assert original == str(project / "nearby_constants.py")
    version = ws.assets["uses"].code_version
    ws.notebook("uses.ipynb")
    assert ws.assets["uses"].code_version != version


def test_a_registration_of_another_process_in_between_counts(
    ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = registration.prepare

    def meanwhile(item: Any, set_names: Any) -> Any:
        monkeypatch.setattr(registration, "prepare", prepare)
        with nbpart.open(ws.root) as other:
            other.register(nbpart.asset(two, partitions=["a"]), nbpart.asset(three))  # type: ignore[call-overload]
        return prepare(item, set_names)

    ws.register(nbpart.asset(one), nbpart.asset(two), nbpart.asset(_one_again))

    def new(two: Any) -> None: ...

    monkeypatch.setattr(registration, "prepare", meanwhile)
    ws.asset(new)
    assert mappings(ws, "new") == {"two": "all_keys"}
    ws.remove_asset("three")
    monkeypatch.setattr(registration, "prepare", meanwhile)
    with pytest.raises(DeclarationError, match="'Three' differs from 'three'"):
        ws.asset(one, name="Three")


def test_the_environment_of_an_asset_is_part_of_its_code_version(ws: nbpart.Workspace) -> None:
    ws.asset(one)
    bare = ws.assets["one"]
    ws.asset(env={"OMP_NUM_THREADS": 1, "MODE": "fast"})(one)
    first = ws.assets["one"]
    assert first.env == {"OMP_NUM_THREADS": "1", "MODE": "fast"}
    assert first.code_version != bare.code_version
    ws.asset(env={"MODE": "fast", "OMP_NUM_THREADS": "1"})(one)
    assert ws.assets["one"].code_version == first.code_version
    ws.asset(env={"OMP_NUM_THREADS": "2", "MODE": "fast"})(one)
    assert ws.assets["one"].code_version not in (bare.code_version, first.code_version)
    ws.asset(one)
    assert ws.assets["one"] == bare


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"A=B": "1"}, "'A=B'; a variable has"),
        ({"": "1"}, "''; a variable has"),
        ({"A": None}, r"env\['A'\] is text or a number, not None"),
        ({"A": True}, "not True"),
        ({"A": "a\0b"}, "is text or a number"),
        ({"NBPART_RUN_ID": "1"}, "by which runs are known"),
    ],
)
def test_a_wrong_environment_variable_is_refused_by_name(env: Any, words: str) -> None:
    with pytest.raises(DeclarationError, match=f"asset 'one': .*{words}"):
        nbpart.asset(env=env)(one)


@pytest.mark.kernel
def test_a_run_gets_the_environment_of_its_asset_and_a_changed_one_makes_it_stale(ws: nbpart.Workspace) -> None:
    def mode_of_run() -> dict[str, Any]:
        import os

        return {"mode": os.environ.get("NBP_MODE")}

    ws.asset(env={"NBP_MODE": "fast"})(mode_of_run)
    ws.materialize("mode_of_run")
    assert ws.load("mode_of_run") == {"mode": "fast"}
    assert len(ws.plan("mode_of_run")) == 0
    ws.asset(env={"NBP_MODE": "slow"})(mode_of_run)
    assert len(ws.plan("mode_of_run")) == 1
    ws.backfill("mode_of_run", max_workers=1).wait()
    assert ws.load("mode_of_run") == {"mode": "slow"}
