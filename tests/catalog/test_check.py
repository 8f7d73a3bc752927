from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbpart.catalog import Batch, Catalog, DataObservation, events
from nbpart.catalog.check import check, repair
from nbpart.catalog.records import Finding
from nbpart.partitions import DynamicPartitions
from nbpart.states import DataState, RunStatus
from tests.catalog.story import Story

KEYS = ("x", "y", "z")


@pytest.fixture
def made(story: Story) -> Story:
    story.add(*KEYS)
    story.register("a")
    story.register("b", ("a", "same"))
    for key in KEYS:
        story.make("a", key, key)
        story.make("b", key, key)
    story.claim("a", "z")
    return story


@pytest.mark.parametrize(
    ("damage", "column"),
    [
        ("UPDATE partition_facts SET outcome = 2 WHERE rowid = 1", "outcome"),
        ("UPDATE partition_facts SET stale = 3 WHERE rowid = 1", "stale"),
        ("UPDATE partition_facts SET materialization_id = 1, data_hash = 5 WHERE rowid = 1", "data_hash"),
        ("UPDATE partition_facts SET active = 1, active_run = 1 WHERE rowid = 1", "active_run"),
        ("DELETE FROM partition_facts WHERE rowid = 1", "materialization_id"),
        ("INSERT INTO partition_facts SELECT * FROM partition_facts WHERE rowid = 1", "rows"),
    ],
)
def test_damaged_facts_are_found_and_repaired(made: Story, damage: str, column: str) -> None:
    facts = "SELECT * EXCLUDE (changed) FROM partition_facts ORDER BY ALL"
    before = made.catalog.read(lambda b: b.rows(facts))
    assert made.findings() == []
    made.catalog.write(lambda b: b.execute(damage))
    found = made.findings()
    assert column in {finding.column for finding in found}
    assert {(finding.asset, finding.partition_key) for finding in found} <= {
        ("a", "x"),
        ("a", "y"),
        ("b", "x"),
        ("b", "y"),
    }
    assert made.catalog.write(repair) >= 1
    assert made.findings() == []
    assert made.catalog.read(lambda b: b.rows(facts)) == before


def test_a_finding_says_what_is_and_what_should_be(made: Story) -> None:
    made.catalog.write(lambda b: b.execute("UPDATE partition_facts SET outcome = 2 WHERE active_run IS NOT NULL"))
    assert made.findings() == [Finding("a", "z", "outcome", 2, 1)]


def test_findings_are_limited_and_repairing_what_is_right_changes_nothing(made: Story) -> None:
    sequence = made.catalog.sequence()
    assert made.catalog.write(repair) == 0
    assert made.catalog.sequence() == sequence
    made.catalog.write(lambda b: b.execute("UPDATE partition_facts SET outcome = 2, stale = 1"))
    assert len(made.catalog.read(lambda b: check(b, limit=4))) == 4
    assert made.catalog.write(repair) == 6


class Walk:
    """Random things that happen to four assets over three keys; it only does what a caller could."""

    def __init__(self, catalog: Catalog) -> None:
        self.story = Story(catalog)
        number = catalog.sequence()
        self.story.files = catalog.write(lambda b: events.ensure_set(b, DynamicPartitions(f"files-{number}")))
        self.names = {name: f"{name}_{number}" for name in ("source", "a", "b", "all", "whole")}
        self.active: list[list[Any]] = []
        self.story.add(*KEYS)
        self.register("source")
        for name in ("a", "whole", "b", "all"):
            self.register(name, "c1")

    def register(self, name: str, code: str = "c1", *, bare: bool = False) -> None:
        full = self.names[name]
        inputs = {
            "a": [("source", "same")],
            "b": [("a", "same"), ("whole", "whole")],
            "all": [("a", "all"), ("source", "all")],
        }.get(name, [])
        reads = [] if bare else [(self.names[other], mapping) for other, mapping in inputs]
        kind = "source" if name == "source" else "function"
        unpartitioned = name in ("all", "whole")
        self.story.register(full, *reads, code=code, kind=kind, set_id=0 if unpartitioned else None)

    def step(self, action: str, name: str, key: str, content: str) -> None:
        full = self.names[name]
        wanted = None if name in ("all", "whole") else key
        if action == "add":
            self.story.add(key)
        elif action == "remove":
            self.story.remove(key)
        elif action == "observe":
            self.story.observe(self.names["source"], {key: content if content != "3" else None})
        elif action == "register":
            self.register(name, code=f"c{content}", bare=content == "3")
        elif action == "unregister" and name in ("b", "all"):
            self.story.catalog.write(lambda b: events.remove_asset(b, full))
            self.register(name)
        elif action in ("lose", "find") and name != "source":
            self.see(full, wanted, DataState.GOOD if action == "find" else tuple(DataState)[int(content) - 1])
        elif action == "claim" and name != "source":
            self.active += [[run_no, 0] for run_no in self.story.claim(full, wanted) if run_no is not None]
        elif action == "interrupt":
            self.story.catalog.write(lambda b: events.interrupt_coordinators(b, [self.story.coordinator]))
            self.active.clear()
        elif self.active:
            self.advance(action, content)

    def see(self, asset: str, key: str | None, state: DataState) -> None:
        """Somebody looks at the files of any materialization of a partition, old ones too."""
        sql = "SELECT materialization_id FROM materializations WHERE asset_id = ? AND key_id = ?"
        key_id = self.story.key_id(key)
        ids = [row[0] for row in self.story.catalog.read(lambda b: b.rows(sql, self.story.ids[asset], key_id))]
        seen = [DataObservation(number, state, str(state)) for number in ids]
        self.story.catalog.write(lambda b: events.record_data_observations(b, seen))

    def advance(self, action: str, content: str) -> None:
        run = self.active[0]
        if action == "start":
            run[1] += 1
            self.story.start(run[0], attempt=run[1])
        elif action == "retry":
            self.story.end(run[0], RunStatus.FAILED, attempt=run[1], final=False)
        elif action in ("succeed", "fail", "cancel"):
            status = {"succeed": RunStatus.SUCCEEDED, "fail": RunStatus.FAILED, "cancel": RunStatus.CANCELLED}[action]
            self.story.end(run[0], status, attempt=run[1], content=content)
            self.active.pop(0)


steps = st.tuples(
    st.sampled_from(
        ["add", "remove", "observe", "register", "unregister", "claim", "claim", "start", "retry", "fail", "cancel"]
        + ["succeed"] * 4
        + ["lose", "lose", "find"]
        + ["interrupt"]
    ),
    st.sampled_from(["source", "a", "a", "b", "all", "whole"]),
    st.sampled_from(KEYS),
    st.sampled_from("123"),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(walk=st.lists(steps, min_size=5, max_size=25))
def test_the_stored_facts_always_equal_those_rebuilt_from_events(
    walk: list[tuple[str, str, str, str]], shared_catalog: Catalog
) -> None:
    told = Walk(shared_catalog)
    for step in walk:
        told.step(*step)
    assert shared_catalog.read(check) == []


def test_data_that_two_partitions_share_is_found(story: Story) -> None:
    story.add("a", "b")
    story.register("model")
    first, second = story.make("model", "a", "one"), story.make("model", "b", "two")
    assert story.findings() == []
    mine = f"data/{story.place(first)}.json"

    def mix_up(batch: Batch) -> None:
        batch.execute("UPDATE data_files SET path = ?", mine)
        batch.execute("UPDATE runs SET run_id = (SELECT min(run_id) FROM runs)")

    story.catalog.write(mix_up)
    assert second
    found = sorted((f.partition_key or "", f.column, str(f.rebuilt)) for f in story.findings())
    assert found == [
        ("a", "data_file", "a file of no other partition"),
        ("a", "run_id", "an id of no other run"),
        ("b", "data_file", "a file in data/model/b/"),
        ("b", "data_file", "a file of no other partition"),
        ("b", "run_id", "an id of no other run"),
    ]
