"""What users of other tools met with what is out of date."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

import nbpart
from nbpart.run.spec import RunSpec
from nbpart.workspace.view import make_explorer
from tests.backfill.pools import Stage
from tests.projects import import_written
from tests.recording import record, write_notebook


def clean(inbox: Any, lookup: Any) -> str:
    return "clean"


def total(clean: Any) -> str:
    return "total"


def test_looking_makes_nothing_stale_and_writes_no_file(ws: nbpart.Workspace, project: Path) -> None:
    files = ws.dynamic_partitions("files")
    files.add("a.csv", "b.csv")
    for key in files:
        (project / "inbox" / key).write_text("x")
    ws.source("inbox", "inbox/{partition_key}", partitions=files)
    ws.value("lookup", pd.DataFrame({"a": [1, 2]}))
    ws.register(nbpart.asset(clean, partitions=files), nbpart.asset(total))  # type: ignore[call-overload]
    for key in files:
        record(ws, "clean", key, key)
    record(ws, "total", None, "total")
    assert len(ws.plan("*")) == 0

    def seen() -> dict[str, int]:
        places = [*(ws.root / "data").rglob("*"), *(project / "inbox").iterdir()]
        return {str(path): path.stat().st_mtime_ns for path in places if path.is_file()}

    before, sequence = seen(), ws.project.catalog.sequence()
    assert len(ws.plan("*")) == 0
    ws.status()
    ws.why("total")
    ws.partition_status("clean")
    ws.heatmap()
    ws.graph()
    make_explorer(ws.project)
    nbpart.open(ws.root).close()
    ws.value("lookup", pd.DataFrame({"a": [1, 2]}))
    assert seen() == before
    assert ws.project.catalog.sequence() == sequence, "nothing was recorded"
    assert len(ws.plan("*")) == 0


def raw(partition_key: str) -> pd.DataFrame:
    return pd.DataFrame({"key": [partition_key]})


def cohort(raw: Any) -> pd.DataFrame:
    return raw  # type: ignore[no-any-return]


def gather(spec: RunSpec) -> str:
    """What comes of the rows of an input in the order in which they arrive."""
    return " ".join(str(item.partition_key) for item in spec.inputs["raw"].items)


def run_in_any_order(ws: nbpart.Workspace, stage: Stage, backfill: Callable[[], nbpart.Backfill]) -> list[str]:
    """Run a backfill of eight runs at a time, of which any ends next; the keys in the order in which they ended."""
    order, done, ended = random.Random(7), threading.Event(), []
    stage.answer = lambda spec: None if spec.asset == "raw" else gather(spec)

    def end_any() -> None:
        while not done.wait(0.0005):
            pool = stage.pools[-1] if stage.pools else None
            # the other asset is answered at once, by whoever began it
            if pool and (running := [spec for spec in list(pool.running.values()) if spec.asset == "raw"]):
                spec = order.choice(running)
                ended.append(str(spec.partition_key))
                pool.end(spec, f"data of {spec.partition_key}")

    thread = threading.Thread(target=end_any)
    thread.start()
    try:
        backfill().wait(progress=False).raise_for_failures()
    finally:
        done.set()
        thread.join()
    return ended


def test_inputs_that_ended_in_any_order_are_those_of_the_set(ws: nbpart.Workspace) -> None:
    stage = Stage()
    ws.project.make_pool = stage.make_pool
    keys = ws.dynamic_partitions("keys")
    keys.add([f"s{n}" for n in range(200)])
    ws.register(nbpart.asset(raw, partitions=keys), nbpart.asset(cohort, deps={"raw": nbpart.all_keys()}))  # type: ignore[call-overload]
    ended = run_in_any_order(ws, stage, lambda: ws.backfill("*", max_workers=8))
    assert stage.pools[-1].most_at_once == 8
    assert (sorted(ended), ended == list(keys)) == (sorted(keys), False)
    assert ws.load("cohort").split() == list(keys)

    some = ["s3", "s77", "s150"]
    run_in_any_order(ws, stage, lambda: ws.backfill("raw", keys=some, status="all", max_workers=8))
    assert ws.partition_status("cohort")["status"].tolist() == ["materialized"]
    assert len(ws.plan("*")) == 0
    made = ws.runs("cohort")
    ws.backfill("cohort", status="all", max_workers=1).wait(progress=False)
    assert len(ws.runs("cohort")) == len(made) + 1
    assert ws.load("cohort").split() == list(keys)


def middle(first: Any) -> str:
    return "b"


def last(first: Any, middle: Any) -> str:
    return "c"


def first(partition_key: str) -> str:
    return "a"


@pytest.fixture
def pruned(ws: nbpart.Workspace) -> Stage:
    """`middle` was made of `first`, whose data were pruned; `last`, which reads both, is new."""
    stage = Stage()
    ws.project.make_pool = stage.make_pool
    keys = ws.dynamic_partitions("keys")
    keys.add("x")
    ws.register(nbpart.asset(first, partitions=keys), nbpart.asset(middle, partitions=keys))  # type: ignore[call-overload]
    ws.backfill("*").wait(progress=False).raise_for_failures()
    ws.prune(keep=0, where="partition_key = 'x'", assets="first")
    ws.asset(last, partitions=keys)
    stage.started.clear()
    return stage


def test_what_pruned_data_were_made_into_is_not_made_again_for_what_else_reads_them(
    ws: nbpart.Workspace, pruned: Stage
) -> None:
    plan = ws.plan("last")
    assert plan.frame["asset"].tolist() == ["last"]
    assert any("was pruned on" in line and "add +" in line for line in plan.reads)
    assert ws.plan("+last").frame["asset"].tolist() == ["first", "last"]
    ws.backfill("+last").wait(progress=False).raise_for_failures()
    assert ws.partition_status("middle")["status"].tolist() == ["materialized"]
    assert len(ws.plan("*")) == 0


def test_pruned_data_that_come_out_different_make_stale_what_was_made_of_them(
    ws: nbpart.Workspace, pruned: Stage
) -> None:
    pruned.answer = lambda spec: f"another {spec.asset}"
    ws.backfill("+last").wait(progress=False).raise_for_failures()
    assert [asset for asset, _ in pruned.names()] == ["first", "last"]
    assert ws.partition_status("middle")["status"].tolist() == ["stale"]
    assert ws.plan("first+").frame["asset"].tolist() == ["middle", "last"]


@pytest.mark.parametrize("selection", ["first+", "*", ["last", "middle", "first"]])
@pytest.mark.parametrize(("answer", "middle_is"), [("", "skipped"), ("another ", "succeeded")])
def test_with_all_below_pruned_data_what_was_made_of_them_comes_before_what_reads_both(
    ws: nbpart.Workspace, pruned: Stage, selection: Any, answer: str, middle_is: str
) -> None:
    pruned.answer = lambda spec: f"{answer}{spec.asset} of {spec.partition_key}"
    backfill = ws.backfill(selection).wait(progress=False).raise_for_failures()
    steps = backfill.steps().set_index("asset")["status"].to_dict()
    assert steps == {"first": "succeeded", "middle": middle_is, "last": "succeeded"}
    assert [asset for asset, _ in pruned.names()] == [name for name, status in steps.items() if status == "succeeded"]
    assert len(ws.plan("*")) == 0


def every(middle: Any) -> str:
    return "every"


def test_one_that_is_needed_again_does_not_bring_back_all_that_was_pruned(ws: nbpart.Workspace) -> None:
    stage = Stage()
    ws.project.make_pool = stage.make_pool
    keys = ws.dynamic_partitions("keys")
    keys.add("x", "y", "z")
    ws.register(nbpart.asset(first, partitions=keys), nbpart.asset(middle, partitions=keys), nbpart.asset(every))  # type: ignore[call-overload]
    ws.backfill("*").wait(progress=False).raise_for_failures()
    ws.prune(keep=0, where="partition_key in ('x', 'y')", assets=["first", "middle"])
    ws.asset(last, partitions=keys, deps={"middle": nbpart.only("z")})
    steps = [(row.asset, row.partition_key) for row in ws.plan("first+", keys="x").frame.itertuples()]
    assert steps == [("first", "x"), ("last", "x")], "middle[x] was pruned itself, and every would need middle[y]"
    ws.backfill("*").wait(progress=False).raise_for_failures()
    assert ws.partition_status("middle")["status"].tolist() == ["materialized"] * 3
    assert ("middle", "x") not in stage.names()[7:]


HASHED = r"""
import nbpart
from tests.assets.cells import Shell

shell = Shell()
shell.run("KEEP = {'JFK', 'LGA', 'EWR', 'ORD'}\nBY = {'a': frozenset('xyz'), 'b': {1, 'one', None}}")
shell.run("def flights(a: int = 0, b: int = 0):\n    return [KEEP, BY, {'x', 'y'}, 'JFK' in {'JFK', 'LGA', 'EWR'}]")
with nbpart.open("workspace") as ws:
    ws.register(nbpart.asset(shell["flights"]))
    print(ws.assets["flights"].code_version, len(ws.plan("*")), ws.status()["stale"].sum())
"""


def test_sets_and_settings_in_another_order_are_equal(ws: nbpart.Workspace, project: Path) -> None:
    """In processes that hash texts otherwise, sets have another order."""

    def ask(seed: int) -> list[str]:
        given = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(Path(__file__).parents[2])}
        answer = subprocess.run([sys.executable, "-c", HASHED], env=given, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.split()

    version, *before = ask(1)
    assert before == ["1", "0"]
    stage = Stage()
    ws.project.make_pool = stage.make_pool
    for settings in ({"b": 1, "a": 2}, {"a": 2, "b": 1}):
        ws.backfill("flights", status="all", settings=settings).wait(progress=False).raise_for_failures()
    one, other = (ws.get_run(run_id) for run_id in ws.runs("flights")["run_id"])
    assert one.settings == other.settings == {"a": 2, "b": 1}
    for seed in (2, 3):
        assert ask(seed) == [version, "0", "0"]


def part(partition_key: str) -> str:
    return partition_key


def whole(part: Any) -> str:
    return "whole"


def test_what_was_made_without_some_is_stale_once_one_of_these_is_there(ws: nbpart.Workspace) -> None:
    stage = Stage()
    ws.project.make_pool = stage.make_pool
    keys = ws.dynamic_partitions("keys")
    keys.add("a", "b", "c")
    ws.asset(part, partitions=keys)
    ws.asset(whole, on_missing_input="skip")
    ws.backfill("part", keys="a").wait(progress=False).raise_for_failures()
    ws.backfill("whole").wait(progress=False).raise_for_failures()
    [spec] = [spec for spec in stage.started if spec.asset == "whole"]
    assert spec.inputs["part"].missing == ("b", "c")
    assert len(ws.plan("whole")) == 0, "straight after its run"
    stage.answer = lambda spec: ValueError("broken")
    ws.backfill("part", keys="b").wait(progress=False)
    assert ws.partition_status("part")["status"].tolist() == ["materialized", "failed", "missing"]
    assert len(ws.plan("whole")) == 0, "it failed, and is as absent as it was"
    stage.answer = lambda spec: "mended"
    ws.backfill("part", keys="b").wait(progress=False).raise_for_failures()
    assert str(ws.why("whole")) == "stale: input set changed: +b"
    assert ws.plan("whole").frame["reason"].tolist() == ["input set changed: +b"]


def test_by_default_nothing_is_made_before_all_that_it_reads(ws: nbpart.Workspace) -> None:
    stage = Stage()
    ws.project.make_pool = stage.make_pool
    keys = ws.dynamic_partitions("keys")
    keys.add("a", "b", "c")
    ws.register(nbpart.asset(part, partitions=keys), nbpart.asset(whole))  # type: ignore[call-overload]
    for key in ("a", "b"):
        ws.backfill("part+", keys=key).wait(progress=False)
        assert [step.status for step in ws.backfill("whole").wait(progress=False).steps().itertuples()] == ["blocked"]
    ws.backfill("*").wait(progress=False).raise_for_failures()
    assert [asset for asset, _ in stage.names()].count("whole") == 1
    assert ws.partition_status("whole")["status"].tolist() == ["materialized"]


MODULE = """import nbpart
RATES = {'EWR':1.5,'JFK':2, 'LGA':0XFF}


def tell(name, loud = False):
  text = 'delay of ' + u'%s' % (name)
  del (loud)
  return text

@nbpart.asset
def clean(limit:int=3):
    '''Cleans.'''
    rows = [RATES[k] for k in sorted(RATES) if (RATES[k]>limit)]; total = sum(rows)
    return {'n':total,'text':tell('x')}
"""
#: The same with a blank line, a comment and another function above, and as a formatter writes it.
FORMATTED = '''import nbpart

# rates of the three airports

RATES = {"EWR": 1.5, "JFK": 2, "LGA": 0xFF}


def above(x):
    return x


def tell(name, loud=False):
    text = "delay of " + "%s" % (name)
    del loud
    return text


@nbpart.asset
def clean(
    limit: int = 3,
):
    """Cleans."""
    rows = [RATES[k] for k in sorted(RATES) if RATES[k] > limit]
    total = sum(rows)
    return {
        "n": total,
        "text": tell("x"),
    }
'''


def test_the_layout_of_a_module_is_no_code_and_a_helper_is(
    ws: nbpart.Workspace, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws.register(import_written(project, "field_flow", MODULE, monkeypatch).clean)
    record(ws, "clean", None, "x")
    (project / "field_flow.py").write_text(FORMATTED)
    assert len(ws.plan("*")) == 0
    (project / "field_flow.py").write_text(FORMATTED.replace("delay of ", "delay at "))
    assert ws.plan("*").frame["asset"].tolist() == ["clean"]
    assert str(ws.why("clean")) == "stale: code changed (field_flow.py: tell)"


def test_what_an_editor_changes_in_a_notebook_when_it_saves_is_no_code(ws: nbpart.Workspace, project: Path) -> None:
    path = write_notebook(project / "clean.ipynb", "import nbpart\nx = 1", "def tell():\n    return 'a'", "tell()")
    ws.notebook("clean.ipynb")
    record(ws, "clean", None, "x")
    found = json.loads(path.read_text())
    found["metadata"] = {
        "kernelspec": {"name": "an-environment", "display_name": "Another", "language": "python"},
        "language_info": {"name": "python", "version": "3.99"},
        "vscode": {"interpreter": {"hash": "1"}},
    }
    for number, cell in enumerate(found["cells"]):
        cell |= {"id": f"other-{number}", "execution_count": 7 + number, "metadata": {"collapsed": True}}
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["a\n"]}]
        cell["source"] = cell["source"] if number % 2 else "".join(cell["source"]).splitlines(keepends=True)
    found["cells"].insert(0, nbformat.v4.new_markdown_cell("# A title"))  # type: ignore[no-untyped-call]
    path.write_text(json.dumps(found, indent=4))
    assert len(ws.plan("*")) == 0
    path.write_text(path.read_text().replace("return 'a'", "return 'b'"))
    assert len(ws.plan("*")) == 1
    assert str(ws.why("clean")) == "stale: code changed (clean.ipynb, cell 3)"
