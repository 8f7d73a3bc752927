"""Sensors in children of their own: what they may do, what they cannot, and how a look ends that goes wrong."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import nbpart
from nbpart import RunRequest, SensorResult, SkipReason, TriggerFailedError
from nbpart.automation.evaluation import Look
from nbpart.automation.sensor_children import LookEndedError, SensorChildren
from nbpart.automation.sensor_looks import evaluate_in_child
from nbpart.automation.ticks import find_trigger
from nbpart.automation.zygote import can_fork
from nbpart.workspace.automating import OPENER

pytestmark = pytest.mark.xdist_group("children")


@pytest.fixture(scope="module", params=["forked", "started"])
def children(request: pytest.FixtureRequest) -> Iterator[SensorChildren]:
    if request.param == "forked" and not can_fork():
        pytest.skip("nothing can be forked here")
    children = SensorChildren(OPENER, forks=request.param == "forked")
    yield children
    children.close()


@pytest.fixture
def ws(ws: nbpart.Workspace) -> nbpart.Workspace:
    ws.dynamic_partitions("files").add("a.csv")
    ws.dynamic_partitions("trials", params={"lr": float})
    return ws


def ask(ws: nbpart.Workspace, children: SensorChildren, name: str = "sensor") -> Any:
    project = ws.project
    return evaluate_in_child(
        children, Look(project, project.registry(), find_trigger(project, name), project.catalog.clock())
    )


def test_the_answer_of_a_sensor_comes_whole(ws: nbpart.Workspace, children: SensorChildren) -> None:
    @ws.sensor
    def sensor(context: Any) -> SensorResult:
        print("it looks")
        return SensorResult(
            [RunRequest(partition_key="a.csv", run_key="k", tags={"why": "new"}, settings={"n": [1, 2.5]})],
            [
                context.partitions("files").build_add_request("b.csv"),
                context.partitions("trials").build_add_request({"lr": 1}),
            ],
            cursor="7",
            skip_reason=SkipReason("nothing else"),
        )

    demand = ask(ws, children)
    assert [(one.set_name, list(one.keys), one.is_added) for one in demand.changes] == [
        ("files", ["b.csv"], True), ("trials", ["lr=1.0"], True),
    ]  # fmt: skip
    [run] = demand.runs
    assert (run.key, run.run_key, run.tags, run.settings) == ("a.csv", "k", {"why": "new"}, {"n": [1, 2.5]})
    assert (demand.cursor, demand.skip_reason, demand.printed) == ("7", "nothing else", "it looks")


def test_a_sensor_reads_sets_and_the_workspace_and_writes_nothing(
    ws: nbpart.Workspace, children: SensorChildren
) -> None:
    files = ws.dynamic_partitions("files")

    @ws.sensor
    def sensor(context: Any) -> SensorResult:
        known = context.partitions("files")
        assert ("a.csv" in known, "b.csv" in known, {"lr": 1} in context.partitions("trials")) == (True, False, False)
        assert (list(known), len(known), known[0], known.frame.partition_key.tolist()) == (
            ["a.csv"],
            1,
            "a.csv",
            ["a.csv"],
        )
        assert (list(files), list(ws.dynamic_partitions("files")), len(ws.status())) == (["a.csv"], ["a.csv"], 0)
        try:
            ws.dynamic_partitions("files").add("mine.csv")
        except nbpart.CatalogError as error:
            return SensorResult(cursor=str(error))
        raise AssertionError("it wrote")

    assert "a sensor changes nothing, it returns what is to be changed" in ask(ws, children).cursor
    assert list(files) == ["a.csv"]


def test_a_sensor_changes_no_process_but_its_own(ws: nbpart.Workspace, children: SensorChildren, project: Path) -> None:
    @ws.sensor(name="first")
    def first(context: Any) -> None:
        os.environ["NBPART_TEST_LEFT"] = "x"
        sys.modules["left_behind"] = sys
        context.cursor = os.getcwd()
        os.chdir("/")

    @ws.sensor(name="second")
    def second(context: Any) -> None:
        context.cursor = f"{os.environ.get('NBPART_TEST_LEFT')} {'left_behind' in sys.modules} {os.getcwd()}"

    here = os.getcwd()
    assert ask(ws, children, "first").cursor == str(project)
    assert ask(ws, children, "second").cursor == f"None False {project}"
    assert (os.getcwd(), "left_behind" in sys.modules) == (here, False)


def test_what_a_sensor_yields_is_collected(ws: nbpart.Workspace, children: SensorChildren) -> None:
    @ws.sensor
    def sensor(context: Any) -> Iterator[Any]:
        for name in ("b.csv", "c.csv"):
            if name not in context.partitions("files"):
                yield name
        yield RunRequest(partition_key="a.csv", run_key="again")
        yield SkipReason("done")

    demand = ask(ws, children)
    assert [list(one.keys) for one in demand.changes] == [["b.csv", "c.csv"]]
    assert sorted((run.key, run.run_key) for run in demand.runs) == [
        ("a.csv", "again"),
        ("b.csv", None),
        ("c.csv", None),
    ]
    assert demand.skip_reason == "done"


def _raise(context: Any) -> None:
    print("before")
    raise LookupError("no <network>")


def make_hanging() -> Any:
    """A function that is carried, so that nothing has to be imported within its time."""

    def _hang(context: Any) -> None:
        print("hangs")
        time.sleep(60)

    return _hang


_hang = make_hanging()


def _end(context: Any) -> None:
    os._exit(3)


def _leave(context: Any) -> None:
    sys.exit("enough")


def _import(context: Any) -> None:
    import no_such_module  # noqa: F401


def _cursor(context: Any) -> SensorResult:
    return SensorResult(cursor=3)  # type: ignore[arg-type]


def _neither(context: Any) -> list[object]:
    return ["a", object()]


def _unknown(context: Any) -> None:
    context.partitions("flies")


WRONG: list[tuple[Any, str, str]] = [
    (_raise, "raised LookupError: no <network>", "LookupError"),
    (_hang, "failed: it did not answer within 0.5 s (timeout_s).", ""),
    (_end, "failed: its process ended before it answered: it was killed, or ended itself.", ""),
    (_leave, "raised SystemExit: enough", "SystemExit"),
    (_import, "raised ModuleNotFoundError: No module named 'no_such_module'", "ModuleNotFoundError"),
    (_cursor, "failed: sensor 'sensor' left the cursor 3; a cursor is text: use str().", "DeclarationError"),
    (_neither, "failed: a sensor gave <object object", "DeclarationError"),
    (_unknown, "failed: there are no partitions 'flies'; did you mean 'files'?", "UnknownNameError"),
]


@pytest.mark.parametrize(("function", "message", "error_class"), WRONG, ids=[row[0].__name__ for row in WRONG])
def test_a_look_that_goes_wrong_is_one_sentence(
    ws: nbpart.Workspace, children: SensorChildren, function: Any, message: str, error_class: str
) -> None:
    ws.sensor(function, name="sensor", timeout_s=0.5 if function is _hang else 30)
    with pytest.raises(TriggerFailedError) as raised:
        ask(ws, children)
    assert str(raised.value).startswith(f"sensor 'sensor' {message}")
    assert (raised.value.trigger, raised.value.error_class) == ("sensor", error_class)
    if function is _raise:
        assert isinstance(raised.value, LookupError)
        assert raised.value.printed == "before"
        assert raised.value.traceback.splitlines()[1].endswith("in _raise"), "it begins in the sensor's own code"
    if function is _hang:
        assert raised.value.printed == "hangs"


def test_one_that_takes_too_much_memory_is_ended(
    ws: nbpart.Workspace, children: SensorChildren, monkeypatch: pytest.MonkeyPatch
) -> None:
    @ws.sensor
    def sensor(context: Any) -> None:
        kept = bytearray(300 * 2**20)
        time.sleep(30)
        context.cursor = str(len(kept))

    monkeypatch.setattr("nbpart.automation.sensor_children._LEAST_MEMORY", 200 * 2**20)
    monkeypatch.setattr("nbpart.automation.sensor_children._MEMORY_SHARE", 0.0)
    with pytest.raises(TriggerFailedError, match=r"took more than 0\.2 GiB of memory"):
        ask(ws, children)


def test_several_look_at_once(ws: nbpart.Workspace, children: SensorChildren) -> None:
    def wait(context: Any) -> None:
        time.sleep(0.5)
        context.cursor = "done"

    for number in range(3):
        ws.sensor(wait, name=f"sensor{number}")
    with ThreadPoolExecutor(3) as threads:
        found = [demand.cursor for demand in threads.map(lambda n: ask(ws, children, f"sensor{n}"), range(3))]
    assert found == ["done"] * 3


@pytest.mark.skipif(not can_fork(), reason="nothing can be forked here")
def test_a_zygote_that_was_killed_is_replaced(ws: nbpart.Workspace) -> None:
    @ws.sensor
    def sensor(context: Any) -> None:
        context.cursor = str(os.getppid())

    children = SensorChildren(OPENER, forks=True)
    try:
        first = int(ask(ws, children).cursor)
        os.kill(first, 9)
        deadline = time.monotonic() + 10
        while Path(f"/proc/{first}/stat").exists() and "Z" not in Path(f"/proc/{first}/stat").read_text().split()[2]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert int(ask(ws, children).cursor) != first
    finally:
        children.close()


@pytest.mark.skipif(not can_fork(), reason="nothing can be forked here")
def test_a_look_that_is_ended_while_it_asks_for_keys_did_not_fail(ws: nbpart.Workspace) -> None:
    @ws.sensor
    def sensor(context: Any) -> None:
        list(context.partitions("files"))

    children = SensorChildren(OPENER, forks=True)
    files = ws.partitions("files")

    class Closing:
        name, definition = "files", files.definition

        def __iter__(self) -> Iterator[str]:
            children.close()
            time.sleep(0.2)
            return iter(files)

    trigger = find_trigger(ws.project, "sensor")
    with pytest.raises(LookEndedError):
        children.ask(ws.project, trigger, {"files": Closing()})  # type: ignore[dict-item]
