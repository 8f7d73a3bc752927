"""Ticks of sensors, without kernels: the pool is a fake that plays the runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart import CarryError, DeclarationError, RunRequest, SensorResult, UnknownNameError
from nbpart.catalog import queries
from nbpart.run.spec import RunSpec
from tests.backfill.pools import Stage


def by_file(partition_key: str) -> dict[str, str]:
    return {}


def below(by_file: Any) -> dict[str, str]:
    return {}


def by_trial(lr: float) -> dict[str, float]:
    return {}


class Ran(list[tuple[str, str | None]]):
    """The partitions that ticks ran, played on a stage; in their order."""

    def __init__(self) -> None:
        self.stage = Stage(self._answer)

    def _answer(self, spec: RunSpec) -> str:
        self.append((spec.asset, spec.partition_key))
        return "done"


@pytest.fixture
def ran() -> Ran:
    return Ran()


@pytest.fixture
def ws(ws: nbpart.Workspace, ran: Ran) -> nbpart.Workspace:
    ws.project.make_pool = ran.stage.make_pool
    files, trials = ws.dynamic_partitions("files"), ws.dynamic_partitions("trials", params={"lr": float})
    ws.asset(by_file, partitions=files)
    ws.asset(below, partitions=files)
    ws.asset(by_trial, partitions=trials)
    return ws


def ticks(ws: nbpart.Workspace) -> Any:
    return ws.project.catalog.read(queries.ticks_frame)


def test_new_keys_are_added_and_run_with_all_assets_below(ws: nbpart.Workspace, ran: Ran, project: Path) -> None:
    (project / "inbox" / "b.csv").write_text("b")
    ws.dynamic_partitions("files").add("a.csv")

    @ws.sensor(every="30s")
    def find_files(context: Any) -> list[str]:
        return [f for f in os.listdir("inbox") if f not in context.partitions("files")]

    tick = ws.tick("find_files", here=True)
    assert tick.added == {"files": ["b.csv"]}
    assert list(ws.dynamic_partitions("files")) == ["a.csv", "b.csv"]
    assert ran == [("by_file", "b.csv"), ("below", "b.csv")]
    assert repr(tick).startswith("<Tick of find_files: added 1 to files, <Backfill ")
    ran.clear()
    assert ws.tick("find_files", here=True).added == {}
    assert ran == []
    frame = ticks(ws)
    assert frame.added.tolist() == [0, 1]
    assert frame.error.tolist() == [None, None]


def test_a_known_key_is_not_run_again(ws: nbpart.Workspace, ran: Ran) -> None:
    ws.dynamic_partitions("files").add("a")

    @ws.sensor(partitions=ws.dynamic_partitions("files"))
    def careless(context: Any) -> Any:
        return {"a", "b"}

    assert ws.tick("careless", here=True).added == {"files": ["b"]}
    assert {key for _, key in ran} == {"b"}


def test_keys_can_be_parameters(ws: nbpart.Workspace, ran: Ran) -> None:
    @ws.sensor(partitions=ws.dynamic_partitions("trials"))
    def sweep(context: Any) -> list[dict[str, float]]:
        return [{"lr": 0.1}, {"lr": 1e-1}, {"lr": 2}]

    assert ws.tick("sweep", here=True).added == {"trials": ["lr=0.1", "lr=2.0"]}
    assert sorted(ran) == [("by_trial", "lr=0.1"), ("by_trial", "lr=2.0")]
    ran.clear()
    assert ws.tick("sweep", here=True).added == {"trials": []}
    assert ran == []


def test_a_full_result_adds_removes_and_runs(ws: nbpart.Workspace, ran: Ran) -> None:
    files, trials = ws.dynamic_partitions("files"), ws.dynamic_partitions("trials")
    files.add("old", "gone")

    @ws.sensor
    def full(context: Any) -> SensorResult:
        return SensorResult(
            run_requests=[
                RunRequest(partition_key="new"),
                RunRequest(partition_key="old", asset="by_file"),
                RunRequest(partition_key={"lr": 1}),
            ],
            dynamic_partitions_requests=[
                files.build_add_request(["new", "quiet"]),
                files.build_delete_request("gone"),
                trials.build_add_request({"lr": 1}),
            ],
            cursor="7",
        )

    tick = ws.tick("full", here=True)
    assert (tick.added, tick.removed) == ({"files": ["new", "quiet"], "trials": ["lr=1.0"]}, {"files": ["gone"]})
    assert list(files) == ["old", "new", "quiet"]
    assert {("by_file", "new"), ("below", "new"), ("by_file", "old"), ("by_trial", "lr=1.0")} <= set(ran)
    assert not {key for _, key in ran} & {"gone", "quiet"}
    assert ("below", "old") not in ran, "only by_file was asked for"


def test_a_request_for_one_asset_runs_it_alone(ws: nbpart.Workspace, ran: Ran) -> None:
    files = ws.dynamic_partitions("files")
    files.add("by_name", "itself")
    asset = ws.asset(by_file, partitions=files)
    for name, wanted in {"by_name": "by_file", "itself": asset}.items():

        @ws.sensor(name=name)
        def alone(context: Any) -> SensorResult | None:
            return None

        answer = SensorResult([RunRequest(partition_key=name, asset=wanted)])
        ws._sensors[name] = nbpart.sensor(lambda context, answer=answer: answer, name=name)
        ws.tick(name, here=True)
        assert ran == [("by_file", name)]
        ran.clear()


@pytest.mark.parametrize(
    ("asset", "key", "expected"),
    [
        ("by_file+", "a", {("by_file", "a"), ("below", "a")}),
        ("1+below", "b", {("by_file", "b"), ("below", "b")}),
        ("by_*", "a", {("by_file", "a")}),
        ("by_*", {"lr": 0.1}, {("by_trial", "lr=0.1")}),
        (["tag:leaf", "by_trial"], None, {("below", "a"), ("below", "b"), ("by_trial", "lr=0.1")}),
    ],
)
def test_a_request_for_a_selection_runs_what_it_chooses(
    ws: nbpart.Workspace, ran: Ran, asset: Any, key: Any, expected: set[tuple[str, str]]
) -> None:
    ws.asset(below, partitions=ws.dynamic_partitions("files"), tags=["leaf"], on_missing_input="skip")
    ws.dynamic_partitions("files").add("a", "b")
    ws.dynamic_partitions("trials").add({"lr": 0.1})

    @ws.sensor
    def asking(context: Any) -> SensorResult | None:
        return None

    answer = SensorResult([RunRequest(partition_key=key, asset=asset)])
    ws._sensors["asking"] = nbpart.sensor(lambda context: answer, name="asking")
    ws.tick("asking", here=True)
    assert set(ran) == expected


def test_the_cursor_is_kept_until_the_next_tick(ws: nbpart.Workspace) -> None:
    @ws.sensor(partitions=ws.dynamic_partitions("files"))
    def counting(context: Any) -> None:
        context.cursor = str(int(context.cursor or 0) + 1)

    def cursor() -> str | None:
        record = ws.project.catalog.read(lambda batch: queries.find_trigger(batch, "counting"))
        assert record is not None
        return record.cursor

    for expected in ("1", "2"):
        ws.tick("counting", here=True)
        assert cursor() == expected
    ws.register(counting)
    assert cursor() == "2"

    @ws.sensor(name="counting")
    def wrong(context: Any) -> None:
        context.cursor = 3

    with pytest.raises(DeclarationError, match="a cursor is text"):
        ws.tick("counting", here=True)
    assert cursor() == "2"


def _raise(context: Any) -> Any:
    raise RuntimeError("no network")


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "raises": (_raise, RuntimeError, "no network"),
    "set": (
        lambda context: SensorResult([], [nbpart.DynamicPartitions("flies").build_add_request("x")]),
        UnknownNameError,
        "'flies'; did you mean 'files'",
    ),
    "key": (
        lambda context: SensorResult(
            [],
            [
                nbpart.DynamicPartitions("files").build_add_request("x"),
                nbpart.DynamicPartitions("trials").build_add_request("x"),
            ],
        ),
        nbpart.PartitionKeyError,
        "does not spell parameters",
    ),
    "which": (lambda context: ["x"], DeclarationError, r"declare it with @ws.sensor\(partitions=...\)"),
    "type": (lambda context: 5, DeclarationError, "not 5 of type int"),
    "request": (lambda context: SensorResult([RunRequest()]), DeclarationError, "names neither"),
    "absent": (
        lambda context: SensorResult([RunRequest(partition_key="x")]),
        UnknownNameError,
        "no partitions have that key",
    ),
    "asset": (
        lambda context: SensorResult([RunRequest(partition_key="x", asset="by_fiel")]),
        UnknownNameError,
        "mean 'by_file'",
    ),
    "asked": (lambda context: context.partitions("flies"), UnknownNameError, "'flies'; did you mean 'files'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_error_is_raised_and_recorded_and_changes_nothing(ws: nbpart.Workspace, ran: Ran, case: str) -> None:
    answer, error, message = WRONG[case]

    @ws.sensor
    def failing(context: Any) -> Any:
        return None

    ws._sensors["failing"] = nbpart.sensor(lambda context: answer(context), name="failing")
    with pytest.raises(error, match=message):
        ws.tick("failing", here=True)
    assert ticks(ws).outcome.tolist() == ["failed"]
    assert ticks(ws).error.str.contains(message).tolist() == [True]
    assert (len(ws.dynamic_partitions("files")), len(ws.dynamic_partitions("trials")), ran) == (0, 0, [])


def test_an_unknown_sensor_is_refused(ws: nbpart.Workspace) -> None:
    ws.sensor(return_answer, name="find_files")
    with pytest.raises(UnknownNameError, match="no trigger 'find_filse'; did you mean 'find_files'"):
        ws.tick("find_filse", here=True)


def return_answer(context: Any) -> None:
    return None


SESSION = """
import os
import nbpart

ws = nbpart.open("workspace")
files = ws.dynamic_partitions("files")
WANTED = (".csv",)

def wanted(name):
    return name.endswith(WANTED)

@ws.sensor
def find_files(context):
    assert context.partitions("files").name == files.name
    new = [name for name in sorted(os.listdir("inbox")) if wanted(name) and name not in files]
    assert len(files) == len(ws.dynamic_partitions("files"))
    return nbpart.SensorResult([], [files.build_add_request(new)])

ws.close()
"""


def test_a_sensor_of_a_cell_is_asked_by_another_process(project: Path, tmp_path: Path) -> None:
    script = tmp_path / "elsewhere" / "session.py"
    script.parent.mkdir()
    script.write_text(SESSION)
    subprocess.run([sys.executable, script], check=True, timeout=60)
    script.unlink()
    for name in ("a.csv", "b.txt"):
        (project / "inbox" / name).write_text("x")
    code = "import sys, nbpart\nprint(nbpart.open(sys.argv[1]).tick('find_files').added)"
    done = subprocess.run(
        [sys.executable, "-c", code, project / "workspace"],
        capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout == "{'files': ['a.csv']}\n"


def test_a_sensor_of_a_module_is_asked_by_another_process(project: Path, tmp_path: Path) -> None:
    (project / "watching.py").write_text(
        "import os\nimport nbpart\n\nfiles = nbpart.DynamicPartitions('files')\n\n\n"
        "@nbpart.sensor(every='1m', partitions=files)\n"
        "def find_files(context):\n    return sorted(os.listdir('inbox'))\n"
    )
    (project / "inbox" / "a.csv").write_text("a")
    code = "import nbpart, watching\nnbpart.open('workspace').register(watching.files, watching.find_files)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    code = "import sys, nbpart\nprint(nbpart.open(sys.argv[1]).tick('find_files').added)"
    done = subprocess.run(
        [sys.executable, "-c", code, project / "workspace"],
        capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout == "{'files': ['a.csv']}\n"


def test_declaring_a_sensor_refuses_what_cannot_be_carried(ws: nbpart.Workspace) -> None:
    lock = object()

    def find_files(context: Any) -> Any:
        return lock

    with pytest.raises(CarryError, match="`lock`"):
        ws.sensor(find_files)
