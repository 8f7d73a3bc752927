"""The stored bits of staleness, over random histories, against plain Python that decides them from nothing."""

from __future__ import annotations

import hashlib
import itertools
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nbpart.assets.definition import AssetDefinition, Input
from nbpart.backfill.cause_search import CauseSearch
from nbpart.backfill.inputs import resolve_inputs
from nbpart.backfill.plan import PlannedSteps, StepTable
from nbpart.backfill.planning import plan_from_catalog
from nbpart.backfill.registry import load_registry
from nbpart.backfill.waiting import make_finder, make_finder_above
from nbpart.catalog import Batch, Catalog, events, group_ledgers, queries
from nbpart.catalog.causes import Cause, CauseKind
from nbpart.catalog.check import check
from nbpart.catalog.expressions import STALE_ABOVE, STALE_CODE, STALE_DATA, STALE_INPUT
from nbpart.catalog.records import AssetRow, DataObservation, Outcome
from nbpart.partitions import DailyPartitions, DynamicPartitions, MultiPartitions, PartitionRef
from nbpart.partitions.declaration import PartitionsDefinition
from nbpart.partitions.mapping import AllKeys, Last, Mapping, Overlap, Pairs, Previous, Same, Where, Whole, by
from nbpart.run import RunReport
from nbpart.states import DataState, RunStatus
from nbpart.storage import FileRecord, place_run
from tests.partitions import reference

START = datetime(2024, 3, 1, tzinfo=UTC)
FILES = DynamicPartitions("files")
DAYS = DailyPartitions("days", start="2024-03-01")
GRID = MultiPartitions({"day": DAYS, "file": FILES}, name="grid")
SETS: dict[str, PartitionsDefinition | None] = {"none": None, "files": FILES, "days": DAYS, "grid": GRID}
KEYS = ("a", "b", "c")
SEEN = (DataState.GOOD, DataState.DELETED, DataState.DAMAGED, DataState.WIPED)

EVERY = (AllKeys(), AllKeys(new="ignore"), Last(1))
ALONG = (Overlap(-1, 0, outside="clip"), Previous(2))
#: Which mappings are tried where an asset of one set reads one of another.
MAPPINGS: dict[tuple[str, str], tuple[Mapping, ...]] = {
    ("files", "files"): (
        Same(),
        *EVERY,
        Pairs(("a", "a", "b"), ("a", "b", "c")),
        Where("Upstream.partition_key > this.PARTITION_KEY"),
    ),
    ("days", "days"): (Same(), *EVERY, *ALONG),
    ("grid", "grid"): (Same(), AllKeys(), by("file"), by("file", day=Overlap(-1, -1, outside="clip"))),
    ("grid", "files"): (by(partition_key="file"), AllKeys()),
    ("grid", "days"): (by(partition_key="day"), by(partition_key=("day", Overlap(-1, 0, outside="clip")))),
    ("files", "grid"): (by(file="partition_key"), AllKeys(new="ignore"), Where("upstream.file <> this.partition_key")),
    ("days", "grid"): (by(day="partition_key"), by(day=("partition_key", Overlap(-1, 0, outside="clip")))),
}
OF_ITSELF = {"days": Previous(1), "grid": Previous(1)}
#: Which bit a cause that `why` names belongs to.
_BITS = {
    CauseKind.DATA_LOST: STALE_DATA,
    CauseKind.CODE_CHANGED: STALE_CODE,
    CauseKind.INPUT_CHANGED: STALE_INPUT,
    CauseKind.INPUT_SET_CHANGED: STALE_INPUT,
    CauseKind.INPUT_STALE: STALE_ABOVE,
    CauseKind.INPUT_MISSING: STALE_ABOVE | STALE_INPUT,
    CauseKind.INPUT_FAILED: STALE_ABOVE | STALE_INPUT,
    CauseKind.WAITING: STALE_ABOVE | STALE_INPUT,
}


def list_mappings(reader: str, source: str) -> tuple[Mapping, ...]:
    if source == "none":
        return (Whole(),)
    return MAPPINGS.get((reader, source), EVERY)


def version_of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


@dataclass
class Reads:
    """What a run read by one argument: versions by key, and the keys that had no data."""

    found: dict[str | None, str]
    lacking: set[str | None]
    is_listed: bool


@dataclass
class Made:
    content: str
    code: str
    reads: dict[tuple[str, str], Reads]
    is_damaged: bool = False
    is_deleted: bool = False


@dataclass
class Declared:
    name: str
    set_name: str
    is_source: bool
    code: str = "c1"
    skips: bool = False
    inputs: list[tuple[str, Mapping, str]] = field(default_factory=list)


class Histories(RuleBasedStateMachine):
    """A few assets over four sets that read each other in many ways."""

    @initialize(data=st.data())
    def open(self, data: st.DataObject) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.now = START + timedelta(days=2, hours=1)
        self.catalog = Catalog.open(self.root / "catalog.duckdb", timeout_s=60)
        self.catalog.clock = lambda: self.now
        # as if the sets were large enough to keep their groups
        self.patches = pytest.MonkeyPatch()
        if data.draw(st.booleans()):
            self.patches.setattr(group_ledgers, "LARGE", 0)
            self.patches.setattr(group_ledgers, "PER_READER", 0)
        self.set_ids = {"none": 0}
        for name, definition in SETS.items():
            if definition is not None:
                self.set_ids[name] = self.catalog.write(lambda b, one=definition: self.make_set(b, one))
        self.listed: list[str] = []
        self.add("a")
        self.coordinator = self.catalog.write(lambda b: events.start_coordinator(b, "here", 1, "lock", "test"))
        self.numbers = itertools.count()
        self.ids: dict[str, int] = {}
        self.assets: dict[str, Declared] = {}
        self.made: dict[tuple[str, str | None], Made] = {}
        for place in range(data.draw(st.integers(3, 5))):
            self.declare(data, place)

    def make_set(self, batch: Batch, definition: PartitionsDefinition) -> int:
        set_id = events.ensure_set(batch, definition)
        events.declare_keys(batch, set_id, definition)
        return set_id

    def teardown(self) -> None:
        if hasattr(self, "catalog"):
            self.patches.undo()
            self.catalog.close()
            self.folder.cleanup()

    def declare(self, data: st.DataObject, place: int) -> None:
        name = f"x{place}"
        set_name = data.draw(st.sampled_from(["files", "days", "grid"] if place else ["files", "days"]))
        if place and data.draw(st.integers(0, 4)) == 0:
            set_name = "none"
        one = Declared(name, set_name, is_source=place == 0)
        if place:
            one.skips = data.draw(st.integers(0, 2)) == 0
            self.choose_inputs(data, one)
        self.assets[name] = one
        self.register(one)

    def choose_inputs(self, data: st.DataObject, one: Declared) -> None:
        one.inputs = []
        above = [other for other in self.assets.values() if other.name < one.name]
        for number in range(data.draw(st.integers(1, 2)) if above else 0):
            other = data.draw(st.sampled_from(above))
            mapping = data.draw(st.sampled_from(list_mappings(one.set_name, other.set_name)))
            one.inputs.append((other.name, mapping, f"arg{number}"))
        if one.set_name in OF_ITSELF and data.draw(st.booleans()):
            one.inputs.append((one.name, OF_ITSELF[one.set_name], "before"))

    def register(self, one: Declared) -> None:
        definition = AssetDefinition(
            one.name,
            "source" if one.is_source else "function",
            "" if one.set_name == "none" else one.set_name,
            tuple(Input(name, mapping, argument) for name, mapping, argument in one.inputs),
            "" if one.is_source else one.code,
            on_missing_input="skip" if one.skips else "block",
            path="{partition_key}.csv" if one.is_source else None,
        )
        row = AssetRow(
            one.name,
            definition.kind,
            self.set_ids[one.set_name],
            None if one.is_source else one.code,
            definition.to_json(self.root),
            definition.inputs,
        )
        self.ids[one.name] = self.catalog.write(lambda b: events.register_assets(b, [row]))[one.name].asset_id

    # what happens

    @rule(key=st.sampled_from(KEYS))
    def add(self, key: str) -> None:
        self.catalog.write(lambda b: events.add_keys(b, self.set_ids["files"], [key]))
        if key not in self.listed:
            self.listed.append(key)

    @rule(key=st.sampled_from(KEYS))
    def remove(self, key: str) -> None:
        if key in self.listed:
            self.catalog.write(lambda b: events.remove_keys(b, self.set_ids["files"], [key]))
            self.listed.remove(key)

    @rule()
    def end_day(self) -> None:
        if self.now < START + timedelta(days=5):
            self.now += timedelta(days=1)

    @rule(data=st.data(), content=st.sampled_from("12"))
    def observe(self, data: st.DataObject, content: str) -> None:
        source = self.assets["x0"]
        if not (keys := self.list_keys(source)):
            return
        key = data.draw(st.sampled_from(keys))
        is_gone = data.draw(st.integers(0, 4)) == 0
        frame = pd.DataFrame(
            {
                "key": [key],
                "size": [1],
                "proof": [str(next(self.numbers))],
                "version": [None if is_gone else version_of(content)],
            }
        )
        self.catalog.write(lambda b: events.record_observations(b, self.ids["x0"], frame))
        self.made.pop(("x0", key), None)
        if not is_gone:
            self.made["x0", key] = Made(content, "", {})

    @rule(data=st.data())
    def make_all(self, data: st.DataObject) -> None:
        """What a plan says, one after the other; then nothing is outdated that could be made."""
        planned = self.catalog.read(self.plan)
        hindered = set(self.catalog.read(lambda b: self.list_places(b, planned.waiting)))
        for name, key in self.catalog.read(lambda b: self.list_places(b, planned.steps)):
            is_fresh = self.decide().get((name, key)) == 0
            if not is_fresh and not self.make_one(self.assets[name], key, data.draw(st.sampled_from("11112"))):
                hindered.add((name, key))
        bits = self.decide()
        outdated = {
            (one.name, key)
            for one in self.assets.values()
            for key in self.list_keys(one)
            if not one.is_source and bits.get((one.name, key)) != 0
        }
        for name, key in outdated - hindered:
            one = self.assets[name]
            read = [(its, k) for its, mapping, _ in one.inputs for k in self.list_read(one, key, its, mapping)]
            assert any(not self.has_data(*place) or bits.get(place) for place in read), (name, key)

    def plan(self, batch: Batch) -> PlannedSteps:
        names = [one.name for one in self.assets.values() if not one.is_source]
        return plan_from_catalog(batch, load_registry(batch, self.root), names)

    def list_places(self, batch: Batch, steps: StepTable) -> list[tuple[str, str | None]]:
        return [(part.asset, key) for part in steps.assets for key in queries.key_texts(batch, part.key_ids)]

    @rule(data=st.data(), content=st.sampled_from("12"))
    def make(self, data: st.DataObject, content: str) -> None:
        """One partition, also while another one fails."""
        one = data.draw(st.sampled_from([one for one in self.assets.values() if not one.is_source]))
        if keys := self.list_keys(one):
            key, other = data.draw(st.sampled_from(keys)), data.draw(st.sampled_from(keys))
            self.make_one(one, key, content, failing=[] if other == key else [other])

    @rule(data=st.data(), code=st.sampled_from(["c1", "c2"]))
    def recode(self, data: st.DataObject, code: str) -> None:
        one = data.draw(st.sampled_from([one for one in self.assets.values() if not one.is_source]))
        one.code = code
        self.register(one)

    @rule(data=st.data())
    def rewire(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one for one in self.assets.values() if not one.is_source]))
        self.choose_inputs(data, one)
        self.register(one)

    @rule(data=st.data(), state=st.sampled_from(SEEN))
    def see_data(self, data: st.DataObject, state: DataState) -> None:
        made = [place for place, one in self.made.items() if place[0] != "x0" and not one.is_deleted]
        if not made:
            return
        name, key = place = data.draw(st.sampled_from(sorted(made, key=str)))
        sql = "SELECT max(materialization_id) FROM materializations WHERE asset_id = ? AND key_id = ?"
        number = self.catalog.read(lambda b: b.value(sql, self.ids[name], self.key_id(b, name, key)))
        self.catalog.write(lambda b: events.record_data_observations(b, [DataObservation(number, state, str(state))]))
        self.made[place].is_damaged = state is DataState.DAMAGED
        self.made[place].is_deleted = state in (DataState.DELETED, DataState.WIPED)

    def make_one(self, one: Declared, key: str | None, content: str, failing: Sequence[str | None] = ()) -> bool:
        """Make a partition, with failures of others at once; returns whether that was possible."""
        if not self.catalog.write(lambda b: self.record(b, one, key, content, failing)):
            return False
        self.made[one.name, key] = Made(content, one.code, self.read_all(one, key))
        return True

    def record(self, batch: Batch, one: Declared, key: str | None, content: str, failing: Sequence[str | None]) -> bool:
        registry = load_registry(batch, self.root)
        node = registry[one.name]
        key_ids = [self.key_id(batch, one.name, each) for each in (key, *failing)]
        resolved = resolve_inputs(batch, self.root, registry, node, {key_ids[0]: key})[key_ids[0]]
        if resolved.blocking_cause is not None:
            return False
        claims = pd.DataFrame(
            {
                "backfill_no": pd.array([None] * len(key_ids), dtype="Int64"),
                "step_no": range(len(key_ids)),
                "asset_id": node.asset_id,
                "key_id": key_ids,
                "code_version": one.code,
                "settings": None,
            }
        )
        claimed = events.claim_runs(batch, claims, self.coordinator)
        started = claimed[["run_no"]].assign(attempt=1, started_at=self.now, notebook=None, log=None)
        events.start_attempts(batch, started)
        runs = list(zip(claimed["run_no"].tolist(), claimed["run_id"].tolist(), strict=True))
        outcomes = [Outcome(self.report(*run, RunStatus.FAILED), True) for run in runs[1:]]
        path = f"data/{place_run(PartitionRef(one.name, key), runs[0][1], 1)}.json"
        file = FileRecord("", "json", "json", path, None, 1, version_of(content), None)
        outcomes.insert(0, Outcome(self.report(*runs[0], RunStatus.SUCCEEDED, file), True, resolved.reads))
        events.record_outcomes(batch, outcomes)
        return True

    def report(self, run_no: int, run_id: str, status: RunStatus, *files: FileRecord) -> RunReport:
        return RunReport(
            run_no=run_no,
            run_id=run_id,
            attempt=1,
            status=status,
            started_at=self.now,
            finished_at=self.now,
            duration_s=0.1,
            files=files,
        )

    # what follows from it, in plain Python

    def key_id(self, batch: Batch, name: str, key: str | None) -> int:
        if key is None:
            return 0
        set_id = self.set_ids[self.assets[name].set_name]
        return int(batch.value("SELECT key_id FROM keys WHERE set_id = ? AND key = ?", set_id, key))

    @property
    def clock(self) -> reference.Clock:
        return reference.Clock(self.now, reference.members(files=self.listed))

    def list_keys(self, one: Declared) -> list[str | None]:
        definition = SETS[one.set_name]
        return [None] if definition is None else [row.key for row in reference.list_rows(definition, self.clock)]

    def list_read(self, one: Declared, key: str | None, name: str, mapping: Mapping) -> list[str | None]:
        reader, source = SETS[one.set_name], SETS[self.assets[name].set_name]
        row = None if reader is None or key is None else reference.make_row(reader, key, self.clock)
        there = set(self.list_keys(self.assets[name]))
        return [k for k in reference.read(mapping, reader, source, row, self.clock).keys if k in there]

    def has_data(self, name: str, key: str | None) -> bool:
        made = self.made.get((name, key))
        return made is not None and not made.is_deleted

    def version(self, name: str, key: str | None) -> str:
        return self.made[name, key].content

    def read_all(self, one: Declared, key: str | None) -> dict[tuple[str, str], Reads]:
        return {
            (name, argument): Reads(
                {k: self.version(name, k) for k in keys if self.has_data(name, k)},
                {k for k in keys if not self.has_data(name, k)},
                mapping == AllKeys(new="ignore"),
            )
            for name, mapping, argument in one.inputs
            for keys in [self.list_read(one, key, name, mapping)]
        }

    def decide(self) -> dict[tuple[str, str | None], int]:
        """The bits of all partitions of which something was made."""
        bits: dict[tuple[str, str | None], int] = {}
        for one in self.assets.values():
            for key in self.list_keys(one):  # in the order of windows: what an asset reads of itself comes first
                if self.has_data(one.name, key):
                    bits[one.name, key] = self.decide_one(one, key, self.made[one.name, key], bits)
        return bits

    def decide_one(self, one: Declared, key: str | None, made: Made, bits: dict[tuple[str, str | None], int]) -> int:
        return sum({bit for bit, *_ in self.list_causes(one, key, made, bits)})

    def list_causes(
        self, one: Declared, key: str | None, made: Made, bits: dict[tuple[str, str | None], int]
    ) -> list[tuple[int, str, str | None]]:
        """All that makes a partition stale: the bit, and the partition of an input that does so, or its own."""
        found = [(STALE_DATA, one.name, key)] if made.is_damaged else []
        if not one.is_source and made.code != one.code:
            found.append((STALE_CODE, one.name, key))
        for name, mapping, argument in one.inputs:
            keys = self.list_read(one, key, name, mapping)
            recorded = made.reads.get((name, argument))
            ignores = mapping == AllKeys(new="ignore") and recorded is not None and recorded.is_listed
            if ignores and recorded:
                keys = [k for k in keys if k in recorded.found or k in recorded.lacking]
            now = {k: self.version(name, k) for k in keys if self.has_data(name, k)}
            if recorded:
                differs = {k for k, _ in now.items() ^ recorded.found.items()}
                found += [(STALE_INPUT, name, k) for k in differs]
            known = recorded.lacking if recorded and one.skips else set()
            for k in keys:
                if ignores and recorded and k not in recorded.found:
                    continue
                lacks = not self.has_data(name, k) and k not in known
                if lacks or bits.get((name, k)):
                    found.append((STALE_ABOVE, name, k))
        return found

    @invariant()
    def stored_bits_are_these(self) -> None:
        if not hasattr(self, "assets"):
            return
        stored, decided = self.catalog.read(self.load_bits), self.decide()
        differ = {place: (stored.get(place), decided.get(place)) for place in {*stored, *decided}}
        wrong = {place: bits for place, bits in differ.items() if bits[0] != bits[1]}
        assert not wrong, f"(stored, decided): {wrong}"
        assert self.catalog.read(check) == []

    @invariant()
    def why_names_a_cause_that_is_one(self) -> None:
        if not hasattr(self, "assets"):
            return
        bits = self.decide()
        stale = sorted((place for place, found in bits.items() if found), key=str)
        if not stale:
            return
        name, key = stale[next(self.numbers) % len(stale)]
        [cause, *_] = self.catalog.read(lambda b: self.explain(b, name, key))
        if cause.kind is CauseKind.FAILED:  # its last run, which comes before what its data are
            return
        causes = self.list_causes(self.assets[name], key, self.made[name, key], bits)
        bit = _BITS[cause.kind]
        among = {(its, its_key) for one, its, its_key in causes if one & bit}
        assert among, (cause, causes)
        if cause.subject is not None and cause.subject.key is not None:
            assert (cause.subject.asset, cause.subject.key) in among, (cause, causes)

    @invariant()
    def what_waits_is_the_same_for_one_as_among_all(self) -> None:
        if not hasattr(self, "assets"):
            return
        one = list(self.assets.values())[next(self.numbers) % len(self.assets)]
        if keys := self.list_keys(one):
            key = keys[next(self.numbers) % len(keys)]
            alone, among_all = self.catalog.read(
                lambda b: self.find_waiting(b, one.name, self.key_id(b, one.name, key))
            )
            assert alone == among_all, (one, key)

    def find_waiting(self, batch: Batch, name: str, key_id: int) -> list[list[bool]]:
        registry = load_registry(batch, self.root)
        finders = make_finder_above(batch, registry, name, np.array([key_id])), make_finder(batch, registry)
        return [finder.find(name)[finder.facts[name].key_ids == key_id].tolist() for finder in finders]

    def explain(self, batch: Batch, name: str, key: str | None) -> list[Cause]:
        search = CauseSearch(batch, load_registry(batch, self.root), lambda node, version: "")
        return search.list_causes(name, self.key_id(batch, name, key))

    def load_bits(self, batch: Batch) -> dict[tuple[str, str | None], int]:
        rows = batch.rows(
            """SELECT a.name, CASE WHEN a.set_id <> 0 THEN k.key END, f.stale FROM partition_facts AS f
            JOIN assets AS a USING (asset_id) JOIN members AS m ON m.set_id = a.set_id AND m.key_id = f.key_id
            JOIN keys AS k ON k.key_id = f.key_id WHERE f.data_hash IS NOT NULL"""
        )
        return {(name, key): bits for name, key, bits in rows}


Histories.TestCase.settings = settings(
    max_examples=int(os.environ.get("NBPART_EXAMPLES", "6")),
    stateful_step_count=int(os.environ.get("NBPART_STEPS", "20")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestHistories = Histories.TestCase
