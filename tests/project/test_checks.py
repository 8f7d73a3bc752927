"""Checks: what they say is recorded with the data, shown, and holds back what reads a partition that failed one."""

from __future__ import annotations

from pathlib import Path

import pytest

import nbpart
from nbpart.catalog import check as catalog_check
from nbpart.errors import DeclarationError, UnknownNameError
from tests.backfill.pools import Stage
from tests.projects import import_written

KEYS = ["a.csv", "b.csv", "c.csv"]


@pytest.fixture
def stage(ws: nbpart.Workspace) -> Stage:
    """Two assets, one above the other, whose runs come to what the test says."""
    stage = Stage()
    ws.project.make_pool = stage.make_pool
    files = ws.dynamic_partitions("files")
    files.add(KEYS)

    def extract(partition_key: str) -> str:
        return partition_key

    def load(extract: str) -> str:
        return extract

    ws.asset(extract, partitions=files)
    ws.asset(load, partitions=files)
    return stage


def no_gaps(extract: str) -> bool:
    return bool(extract)


def declare(ws: nbpart.Workspace, **options: object) -> None:
    ws.register(nbpart.check("extract", **options)(no_gaps))  # type: ignore[arg-type]


def statuses(backfill: nbpart.Backfill) -> dict[str, str]:
    frame = backfill.wait(progress=False).steps()
    return dict(zip(frame["asset"] + "/" + frame["partition_key"], frame["status"], strict=True))


def test_a_failed_check_is_recorded_beside_the_data(ws: nbpart.Workspace, stage: Stage) -> None:
    declare(ws)
    stage.judge = lambda spec, check: spec.partition_key != "a.csv"
    assert set(statuses(ws.backfill("*")).values()) == {"succeeded"}
    frame = ws.partition_status("extract")
    assert frame["status"].tolist() == ["materialized"] * 3
    assert frame["checks"].tolist() == ["failed", "passed", "passed"]
    assert ws.partition_status("load")["checks"].tolist() == [None] * 3
    assert ws.partition_status("extract", where="checks = 'failed'")["partition_key"].tolist() == ["a.csv"]
    found = ws.check_outcomes("extract", keys="a.csv").iloc[0]
    assert (found["check"], found["outcome"], found["message"]) == ("no_gaps", "failed", "ValueError: bad")
    assert not found["is_outdated"]
    assert ws.load("extract", "a.csv") == "extract of a.csv"
    counted = ws.checks().iloc[0]
    assert counted[["passed", "failed", "without_outcome"]].tolist() == [2, 1, 0]


def test_a_blocking_one_holds_back_what_reads_that_partition_alone(ws: nbpart.Workspace, stage: Stage) -> None:
    declare(ws, blocking=True)
    stage.judge = lambda spec, check: spec.partition_key != "a.csv"
    backfill = ws.backfill("*")
    done = statuses(backfill)
    assert [key for key, status in done.items() if status == "blocked"] == ["load/a.csv"]
    frame = backfill.steps().set_index(["asset", "partition_key"])
    assert frame.loc[("load", "a.csv"), "cause"] == "needs extract/a.csv, which fails its check no_gaps"
    assert backfill.status == "failed"
    assert ws.partition_status("load", where="status = 'missing'")["reason"].tolist() == [
        "input extract fails its check no_gaps"
    ]
    assert "load[a.csv] is blocked: input extract[a.csv] fails its check no_gaps" in repr(ws.why("load", "a.csv"))
    assert repr(ws.why("extract", "a.csv")).endswith("; its check no_gaps failed (ValueError: bad)")
    said = "1 step is blocked by checks: load/a.csv needs extract/a.csv, which fails its check no_gaps"
    assert ws.plan("load").notes == (said,)
    assert said in repr(ws.plan("load"))
    assert not ws.plan("*", status="all").notes, "extract is made again first"
    # a warning holds nothing back, and neither asks for a run of what was judged
    declare(ws, blocking=True, severity="warn")
    assert ws.partition_status("extract")["checks"].tolist() == ["warned", "passed", "passed"]
    assert statuses(ws.backfill("*")) == {"load/a.csv": "succeeded"}


def test_other_code_of_a_check_makes_its_outcome_outdated_and_nothing_stale(ws: nbpart.Workspace, stage: Stage) -> None:
    declare(ws, blocking=True)
    ws.backfill("*").wait(progress=False)

    def no_gaps(extract: str) -> bool:
        return len(extract) > 1

    ws.check("extract", blocking=True)(no_gaps)
    assert len(ws.plan("*")) == 0
    assert ws.check_outcomes("extract")["is_outdated"].tolist() == [True] * 3
    assert ws.checks()["outdated"].tolist() == [3]
    declare(ws, severity="warn")
    assert ws.check_outcomes("extract")["is_outdated"].tolist() == [False] * 3, "its code is what it was"


def test_a_check_that_is_taken_off_says_nothing_any_more(ws: nbpart.Workspace, stage: Stage) -> None:
    declare(ws, blocking=True)
    stage.judge = lambda spec, check: False
    ws.backfill("extract").wait(progress=False)
    ws.remove_check("extract", "no_gaps")
    assert ws.partition_status("extract")["checks"].tolist() == [None] * 3
    assert not len(ws.checks())
    assert set(statuses(ws.backfill("load")).values()) == {"succeeded"}
    with pytest.raises(UnknownNameError, match="no check 'no_gaps'"):
        ws.remove_check("extract", "no_gaps")
    declare(ws)
    assert ws.partition_status("extract")["checks"].tolist() == ["failed"] * 3, "what it said is known still"


def test_what_is_made_anew_is_judged_anew(ws: nbpart.Workspace, stage: Stage) -> None:
    declare(ws)
    stage.judge = lambda spec, check: False
    ws.backfill("extract").wait(progress=False)
    ws.remove_check("extract", "no_gaps")
    stage.answer = lambda spec: f"other of {spec.partition_key}"
    ws.backfill("extract", keys="a.csv", status="all").wait(progress=False)
    declare(ws)
    assert ws.partition_status("extract")["checks"].tolist() == [None, "failed", "failed"]
    assert ws.checks()["without_outcome"].tolist() == [1]


def test_accepted_data_keep_what_was_said_of_them(ws: nbpart.Workspace, stage: Stage) -> None:
    declare(ws)
    stage.judge = lambda spec, check: False
    ws.backfill("extract").wait(progress=False)
    ws.wipe("extract", "a.csv")
    assert ws.partition_status("extract")["checks"].tolist() == [None, "failed", "failed"]
    ws.accept("extract", "a.csv")
    assert ws.partition_status("extract")["checks"].tolist() == ["failed"] * 3


def test_many_partitions_of_one_run_are_judged_one_by_one(ws: nbpart.Workspace, stage: Stage) -> None:
    declare(ws, blocking=True)
    stage.judge = lambda spec, check: spec.partition_key != "b.csv"
    done = statuses(ws.backfill("*", policy="single_run"))
    assert [key for key, status in done.items() if status == "blocked"] == ["load/b.csv"]
    assert ws.partition_status("extract")["checks"].tolist() == ["passed", "failed", "passed"]


def test_stored_outcomes_that_differ_from_what_was_recorded_are_found(ws: nbpart.Workspace, stage: Stage) -> None:
    declare(ws)
    ws.backfill("extract").wait(progress=False)
    catalog = ws.project.catalog
    assert catalog.read(catalog_check.check) == []
    catalog.write(lambda batch: batch.execute("UPDATE check_facts SET passed = false WHERE key_id = 1"))
    [finding] = catalog.read(catalog_check.check)
    assert (finding.asset, finding.partition_key, finding.column) == ("extract", "a.csv", "checks")
    assert catalog.write(catalog_check.repair) == 1
    assert catalog.read(catalog_check.check) == []
    assert ws.partition_status("extract")["checks"].tolist() == ["passed"] * 3


def test_texts_of_checks_go_with_what_is_erased(ws: nbpart.Workspace, stage: Stage) -> None:
    declare(ws)
    stage.judge = lambda spec, check: False
    ws.backfill("extract").wait(progress=False)
    ws.partitions("files").remove(["a.csv"], delete_data=True)
    messages = ws.project.catalog.read(lambda batch: batch.rows("SELECT key_id, message FROM check_outcomes"))
    assert sorted(messages) == [(1, None), (2, "ValueError: bad"), (3, "ValueError: bad")]


def test_bad_checks_are_refused_in_a_sentence(ws: nbpart.Workspace, stage: Stage) -> None:
    ws.source("inbox", "inbox/*")
    with pytest.raises(UnknownNameError, match=r"the check 'no_gaps' is of 'extrakt'.*did you mean 'extract'"):
        ws.check("extrakt")(no_gaps)
    with pytest.raises(DeclarationError, match=r"'no_gaps' is of the source 'inbox'.*check an asset that reads it"):
        ws.check("inbox")(no_gaps)
    with pytest.raises(DeclarationError, match="'error' or 'warn', not 'eror'; did you mean 'error'"):
        ws.check("extract", severity="eror")  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match=r"the argument 'extrct' is neither.*did you mean 'extract'"):
        ws.check("extract")(lambda_like)
    with pytest.raises(DeclarationError, match="'no_gaps' of 'extract' comes twice"):
        ws.register(nbpart.check("extract")(no_gaps), nbpart.check("extract", severity="warn")(no_gaps))
    assert not len(ws.checks())


def lambda_like(extrct: str) -> bool:
    return bool(extrct)


def test_a_plan_counts_what_reads_what_is_blocked(ws: nbpart.Workspace, stage: Stage) -> None:
    def total(load: object) -> str:
        return str(load)

    ws.asset(total)
    declare(ws, blocking=True)
    stage.judge = lambda spec, check: spec.partition_key == "b.csv"
    ws.backfill("extract").wait(progress=False)
    [note] = ws.plan("*").notes
    assert note.startswith(
        "3 steps are blocked by checks: load/a.csv needs extract/a.csv, which fails its check no_gaps"
    )
    assert ws.plan("total").notes == ()


@pytest.mark.parametrize("automation", [nbpart.eager(), nbpart.on_missing(at_most=10)])
def test_an_automation_asks_for_what_reads_it_once_it_passes(
    ws: nbpart.Workspace, stage: Stage, automation: object
) -> None:
    def load(extract: str) -> str:
        return extract

    ws.asset(load, partitions=ws.partitions("files"), automation=automation)  # type: ignore[arg-type]
    declare(ws, blocking=True)
    stage.judge = lambda spec, check: spec.partition_key != "a.csv"
    ws.backfill("extract").wait(progress=False)

    def tick() -> list[str]:
        ticked = ws.tick("load", progress=False)
        return [] if ticked.backfill is None else sorted(ticked.backfill.steps()["partition_key"])

    assert tick() == ["b.csv", "c.csv"]
    for _ in range(3):
        assert tick() == [], "it is not asked for again and again"
    stage.judge = lambda spec, check: True
    ws.run_checks("extract", keys="a.csv")
    assert tick() == ["a.csv"]
    assert tick() == []


RULES = """
import nbpart

@nbpart.check("extract", blocking=True)
def no_gaps(extract):
    \"\"\"Not empty.\"\"\"
    return len(extract) > {limit}

def other():
    return {other}
"""


def test_a_check_in_a_module_is_taken_up_when_its_file_is_edited(
    ws: nbpart.Workspace, stage: Stage, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = import_written(project, "rules", RULES.format(limit=0, other=1), monkeypatch)
    ws.register(rules.no_gaps)
    ws.backfill("extract").wait(progress=False)
    (project / "rules.py").write_text(RULES.format(limit=0, other=2).replace("Not empty.", "Some text."))
    ws.plan("*")
    assert ws.check_outcomes("extract")["is_outdated"].tolist() == [False] * 3, "what it does not use is not its code"
    (project / "rules.py").write_text(RULES.format(limit=5, other=2).replace("blocking=True", "blocking=False"))
    ws.plan("*")
    assert ws.check_outcomes("extract")["is_outdated"].tolist() == [True] * 3
    assert ws.checks()["blocking"].tolist() == [True], "what its decorator says counts when it is registered again"
    (project / "rules.py").write_text("no python at all (")
    ws.plan("*")
    assert ws.check_outcomes("extract")["is_outdated"].tolist() == [True] * 3
    (project / "rules.py").write_text("import nbpart\n")
    ws.plan("*")
    assert not len(ws.checks()), "what is not declared any more goes"
    assert ws.partition_status("extract")["checks"].tolist() == [None] * 3
