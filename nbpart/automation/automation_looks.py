"""What the automations of assets ask for: all that look in one tick are evaluated together, in the order of the graph.

Only partitions that were touched since their last look, or that are due by the clock, are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from nbpart.assets.automation import Automation
from nbpart.assets.definition import Input
from nbpart.automation.automation_cursor import AutomationCursor, Mark, Pending
from nbpart.automation.demand import Demand, StepsDemand
from nbpart.automation.evaluation import Look
from nbpart.automation.readiness import InputFacts, Readiness, load_input_facts
from nbpart.backfill.input_relations import InputRelations
from nbpart.backfill.registry import Node, Registry
from nbpart.backfill.unchanged_failures import find_unchanged
from nbpart.catalog import Batch, TriggerRecord
from nbpart.catalog.conditions import choose_where
from nbpart.catalog.id_arrays import find_places
from nbpart.catalog.queries import touched
from nbpart.catalog.queries.cells import member_ids
from nbpart.catalog.related_keys import load_readers
from nbpart.partitions.mapping import Same
from nbpart.partitions.order import NEWEST
from nbpart.partitions.relation import distinct, spread_readers
from nbpart.project.project import Project
from nbpart.states import OUTDATED, STATUS_CODES, PartitionStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_NONE = np.empty(0, np.int64)
_OUTDATED = [STATUS_CODES[status] for status in OUTDATED]
_FAILED = STATUS_CODES[PartitionStatus.FAILED]
#: Over so many times of changes of one input its readers are given the first and the last of them.
_MOST_TIMES = 256
#: At most so many partitions of which none is asked for are looked at again in the next tick.
_MOST_AGAIN = 1_000
#: The facts of so many touched keys are read for all assets at once.
_FEW = 1_000
#: After so many rounds along a dependency of an asset on itself all of its partitions are looked at at once.
_ROUNDS = 8


def evaluate_automation(look: Look) -> Demand:
    """What the automation of one asset asks for."""
    return evaluate_automations(look.project, look.registry, [look.trigger])[look.trigger.trigger_id]


def evaluate_automations(project: Project, registry: Registry, triggers: Sequence[TriggerRecord]) -> dict[int, Demand]:
    """What several automations ask for in one tick, by the ids of their triggers.

    What one of them asks for counts as there for those that read it.
    """
    return project.catalog.read(lambda batch: _Round(batch, registry, triggers).run())


@dataclass
class _Round:
    """One tick of some automations, in one batch; ``asked`` has what they ask for so far, by asset."""

    batch: Batch
    registry: Registry
    triggers: Sequence[TriggerRecord]
    asked: dict[str, Ids] = field(default_factory=dict)

    def run(self) -> dict[int, Demand]:
        by_name = {trigger.name: trigger for trigger in self.triggers}
        found = {}
        for name in self.registry.graph:
            if (trigger := by_name.get(name)) is not None:
                found[trigger.trigger_id] = self._evaluate(trigger)
        for trigger in self.triggers:
            found.setdefault(trigger.trigger_id, Demand(skip_reason=f"there is no asset {trigger.name!r} any more"))
        return found

    def _evaluate(self, trigger: TriggerRecord) -> Demand:
        if not trigger.is_on:
            return Demand(skip_reason="it is turned off")
        assert trigger.cursor is not None, "an automation is registered with its cursor"
        asset = _Automated(self, trigger.name, Automation.from_json(trigger.definition), self._cursors[trigger.name])
        demand = asset.ask_missing() if asset.automation.kind == "on_missing" else asset.ask_outdated()
        for steps in demand.steps:
            self.asked |= {name: ids for name, ids in steps.key_ids.items() if ids is not None}
        return demand

    @cached_property
    def relations(self) -> InputRelations:
        return InputRelations(self.batch, self.registry)

    @cached_property
    def now(self) -> Mark:
        ids = [int(self.batch.meta[name]) for name in ("next_key_id", "next_materialization_id")]
        return Mark(self.batch.sequence, *ids)

    @cached_property
    def _cursors(self) -> dict[str, AutomationCursor]:
        return {one.name: AutomationCursor.from_text(one.cursor) for one in self.triggers if one.cursor is not None}

    @cached_property
    def _facts(self) -> dict[int, tuple[Ids, Ids]]:
        """The partitions whose facts changed since the first of the cursors, of all assets that one of them is about:
        read once, since it reads a number a partition."""
        since = min(cursor.seen.sequence for cursor in self._cursors.values())
        return touched.find_touched(self.batch, [node.asset_id for node in self._nodes], since)

    @cached_property
    def _nodes(self) -> list[Node]:
        """The assets with an automation and what these read."""
        graph = self.registry.graph
        names = {one for name in self._cursors if name in graph for one in (name, *graph.upstream(name))}
        return [self.registry[name] for name in names]

    @cached_property
    def _set_changes(self) -> dict[int, int]:
        return touched.load_set_changes(self.batch)

    @cached_property
    def code_changes(self) -> dict[int, int]:
        return touched.load_code_changes(self.batch)

    @cached_property
    def _few(self) -> tuple[Ids, dict[int, touched.TouchedFacts], dict[int, Ids]]:
        """Where few partitions were touched: their keys, the facts of all assets for these, and which are members."""
        ids = distinct(np.concatenate([_NONE, *(ids for ids, _ in self._facts.values())]))
        if not len(ids) or len(ids) > _FEW:
            return _NONE, {}, {}
        facts = touched.load_facts_of_few(self.batch, sorted(node.asset_id for node in self._nodes), ids)
        return ids, facts, touched.find_members(self.batch, ids)

    def load(self, name: str, key_ids: Ids) -> touched.TouchedFacts:
        """The facts of some partitions of an asset or source."""
        asset_id, (few, facts, _) = self.registry[name].asset_id, self._few
        places = find_places(few, key_ids)
        if len(few) and (places >= 0).all():
            return facts[asset_id].keep(places)
        return touched.load_touched_facts(self.batch, asset_id, key_ids)

    def keep_members(self, name: str, key_ids: Ids) -> Ids:
        """Those of some keys that are members of the set of an asset."""
        set_id, (few, _, members) = self.registry[name].set_id, self._few
        if not np.isin(key_ids, few).all():
            members = touched.find_members(self.batch, key_ids)
        return key_ids[np.isin(key_ids, members.get(set_id, _NONE))]

    @cached_property
    def cancelled(self) -> dict[int, Ids]:
        """The partitions of which a run was cancelled since the first of the automations began, by asset id."""
        since = min(cursor.begins.sequence for cursor in self._cursors.values())
        return touched.find_cancelled(self.batch, since)

    def is_other_set(self, name: str, mark: Mark) -> bool:
        """Whether keys came to the set of an asset or source since, or left it."""
        return self._set_changes.get(self.registry[name].set_id, 0) > mark.sequence

    def find_left(self, name: str, mark: Mark) -> Ids:
        """The keys of an asset or source that left its set since."""
        if not self.is_other_set(name, mark):
            return _NONE
        return touched.find_left(self.batch, self.registry[name].set_id, mark.sequence)

    def find_changed(self, name: str, seen: Mark) -> Ids:
        """The partitions of an asset or source whose facts changed since, and those that came to its set."""
        node = self.registry[name]
        ids, changed = self._facts.get(node.asset_id, (_NONE, _NONE))
        found = ids[changed > seen.sequence]
        if self.is_other_set(name, seen):
            came = touched.find_new_members(self.batch, node.set_id, seen.sequence, seen.key_id)
            found = np.concatenate([found, came])
        return found


@dataclass
class _Automated:
    """One asset with an automation, in a tick."""

    round: _Round
    name: str
    automation: Automation
    cursor: AutomationCursor
    notes: list[str] = field(default_factory=list)

    def ask_outdated(self) -> Demand:
        """What `eager` asks for."""
        fresh, pending = self._find_touched(), self.cursor.pending.until(self._now_s)
        if not len(fresh) and not len(pending.key_ids):
            return Demand(skip_reason="nothing that it reads has changed")
        looked_at = self._load(distinct(np.concatenate([fresh, pending.key_ids])))
        looked_at = self._leave_failed(looked_at.keep(np.isin(looked_at.status, _OUTDATED)))
        inputs = self._load_inputs(looked_at)
        is_caused = self._find_caused(looked_at, inputs) | np.isin(looked_at.key_ids, pending.key_ids)
        if quiet_s := self.automation.quiet_s:
            looked_at = looked_at.keep(is_caused)
            pending = pending.join(self._find_times(fresh)).keep(looked_at.key_ids)
            due = looked_at.keep(np.isin(looked_at.key_ids, pending.find_due(quiet_s, self._now_s)))
            if waits := len(looked_at.key_ids) - len(due.key_ids):
                self.notes.append(f"{waits:,} wait until what they read has been quiet for {quiet_s:g} s")
            asked = self._choose_ready(due)
            pending = pending.keep(looked_at.key_ids[~np.isin(looked_at.key_ids, asked)])
        else:
            asked = self._choose_ready(looked_at, is_caused, inputs)
        cursor = replace(self.cursor, pending=pending)
        # little that leads to nothing is looked at again, so that not every commit is answered by another one
        if len(asked) or len(fresh) > _MOST_AGAIN or pending.to_json() != self.cursor.pending.to_json():
            cursor = replace(cursor, seen=self.round.now)
        return self._demand(asked, cursor)

    def ask_missing(self) -> Demand:
        """What `on_missing` asks for: a page of what is missing; the first one again where something was touched."""
        fresh, cursor = self._find_touched(), self.cursor
        if len(fresh):
            facts = self._load(fresh)
            if ((facts.made < 0) & ~facts.is_active).any():
                cursor = replace(cursor, page=None, is_through=False)
            cursor = replace(cursor, seen=self.round.now)
        if cursor.is_through:
            return self._demand(_NONE, cursor)
        node, at_most = self.round.registry[self.name], self.automation.at_most
        assert at_most is not None, "on_missing has a number"
        page = touched.find_missing_page(self.round.batch, node.asset_id, node.set_id, cursor.page, at_most)
        asked = self._choose_ready(self._leave_failed(self._load(page.key_ids)))
        return self._demand(asked, replace(cursor, page=page.last, is_through=page.last is None))

    def _demand(self, asked: Ids, cursor: AutomationCursor) -> Demand:
        kept = cursor.to_text()
        changed = None if kept == self.cursor.to_text() else kept
        if len(asked):
            steps = [StepsDemand({self.name: asked}, self.name)]
            return Demand(steps=steps, cursor=changed, notes=self.notes, order=NEWEST, is_once=True)
        nothing = "" if self.notes else "nothing is to be made"
        return Demand(cursor=changed, notes=self.notes, skip_reason=nothing, is_once=True)

    def _find_touched(self) -> Ids:
        """The partitions of the asset that something happened to since the last look, or to what they read.

        Some of them may be members of its set no more.
        """
        seen, rounds = self.cursor.seen, self.round
        node = rounds.registry[self.name]
        own = rounds.find_changed(self.name, seen)
        found = [own]
        if rounds.code_changes.get(node.asset_id, 0) > seen.sequence:
            found.append(touched.find_failed(rounds.batch, node.asset_id))
        for read in node.definition.inputs:
            changed = own if read.name == self.name else rounds.find_changed(read.name, seen)
            changed = distinct(
                np.concatenate([changed, rounds.asked.get(read.name, _NONE), rounds.find_left(read.name, seen)])
            )
            if isinstance(read.mapping, Same):
                found.append(changed)
            elif len(changed):
                found.append(load_readers(rounds.batch, rounds.relations.join(self.name, read), changed))
        ids = distinct(np.concatenate(found))
        for read in node.definition.inputs:
            if read.name == self.name and len(ids):
                ids = self._reach_own(read, ids)
        return ids

    def _reach_own(self, read: Input, start: Ids) -> Ids:
        """Partitions, and others of the asset that read them, directly or not."""
        batch, relations, frontier = self.round.batch, self.round.relations, start
        join = relations.join(self.name, read)
        for _ in range(_ROUNDS):
            found = load_readers(batch, join, frontier)
            frontier = np.setdiff1d(found, start)
            if not len(frontier):
                return start
            start = np.union1d(start, frontier)
        every = member_ids(batch, join.reader_id)
        relation = relations.relate(self.name, read, every, every)
        return every[spread_readers(relation, np.isin(every, start), np.ones(len(every), bool))]

    def _load(self, key_ids: Ids) -> touched.TouchedFacts:
        """The facts of those of these keys that are members."""
        return self.round.load(self.name, self.round.keep_members(self.name, key_ids))

    def _load_inputs(self, facts: touched.TouchedFacts) -> list[InputFacts]:
        return load_input_facts(self.round.relations, self.round.load, self.name, facts.key_ids, self.round.asked)

    def _leave_failed(self, facts: touched.TouchedFacts) -> touched.TouchedFacts:
        """Without what failed or was cancelled, unless its code or what it reads changed since."""
        batch, asset_id = self.round.batch, self.round.registry[self.name].asset_id
        is_cancelled = np.isin(facts.key_ids, self.round.cancelled.get(asset_id, _NONE))
        may_wait = np.flatnonzero(is_cancelled | (facts.status == _FAILED))
        if not len(may_wait):
            return facts
        runs = touched.load_last_runs(batch, asset_id, facts.key_ids[may_wait])
        waits = (facts.status[may_wait] == _FAILED) | runs.made_nothing
        may_wait, runs = may_wait[waits], runs.keep(waits)
        unchanged = find_unchanged(self.round.relations, self.name, facts.key_ids[may_wait], runs)
        if n := int(unchanged.sum()):
            self.notes.append(f"{n:,} failed or {'was' if n == 1 else 'were'} cancelled, and neither code nor what "
                              f"{'it reads' if n == 1 else 'they read'} changed since")  # fmt: skip
        kept = np.ones(len(facts.key_ids), bool)
        kept[may_wait[unchanged]] = False
        return facts.keep(kept)

    def _find_caused(self, facts: touched.TouchedFacts, inputs: Sequence[InputFacts]) -> Mask:
        """Which partitions something happened to, or to what they read, since the automation began."""
        begins = self.cursor.begins
        caused: Mask = (facts.changed > begins.sequence) | self._find_new(self.name, facts.key_ids)
        for one in inputs:
            is_other = (one.facts.made >= begins.materialization_id) | one.is_asked
            is_other |= self._find_new(one.read.name, one.facts.key_ids)
            caused |= one.relation.mark_readers(is_other)
            if len(left := self.round.find_left(one.read.name, begins)) and not isinstance(one.read.mapping, Same):
                readers = load_readers(self.round.batch, self.round.relations.join(self.name, one.read), left)
                caused |= np.isin(facts.key_ids, readers)
        return caused

    def _find_new(self, name: str, key_ids: Ids) -> Mask:
        """Which keys of an asset or source came to its set since the automation began."""
        begins = self.cursor.begins
        came: Mask = key_ids >= begins.key_id
        if not came.all() and self.round.is_other_set(name, begins):
            came |= np.isin(key_ids, touched.find_returned(self.round.batch, key_ids, begins.sequence))
        return came

    def _choose_ready(
        self, facts: touched.TouchedFacts, is_caused: Mask | None = None, inputs: list[InputFacts] | None = None
    ) -> Ids:
        """Those for which all is there, and that the condition chooses.

        What is not ``is_caused`` has to read something that the same tick asks for. ``inputs`` is what they read.
        """
        follows = np.zeros(len(facts.key_ids), bool) if is_caused is None else ~is_caused
        where = self.automation.where
        if where is not None and len(facts.key_ids):
            asset_id = self.round.registry[self.name].asset_id
            chosen = choose_where(self.round.batch, asset_id, where, self.name).key_ids
            assert chosen is not None, "a column that is not there is an error"
            is_chosen = np.isin(facts.key_ids, chosen)
            facts, follows, inputs = facts.keep(is_chosen), follows[is_chosen], None
        if not len(facts.key_ids):
            return facts.key_ids
        readiness = Readiness(self.round.relations, self.name, facts, follows)
        readiness.judge(self._load_inputs(facts) if inputs is None else inputs)
        self.notes += readiness.notes
        return facts.key_ids[readiness.is_ready]

    @property
    def _now_s(self) -> float:
        return self.round.batch.now.timestamp()

    def _find_times(self, key_ids: Ids) -> Pending:
        """When something happened to partitions that were touched, or to what they read, since the last look."""
        rounds, seen = self.round, self.cursor.seen
        first, last = np.full(len(key_ids), np.inf), np.full(len(key_ids), -np.inf)
        for read in rounds.registry[self.name].definition.inputs:
            changed, times = touched.load_change_times(rounds.batch, rounds.registry[read.name].asset_id, seen.sequence)
            if not len(changed) or not len(key_ids):
                continue
            ids = distinct(changed)
            relation = rounds.relations.relate(self.name, read, key_ids, ids)
            moments = distinct(times)
            for at in moments if len(moments) <= _MOST_TIMES else moments[[0, -1]]:
                is_then = np.isin(ids, changed[times == at]) if len(moments) <= _MOST_TIMES else np.ones(len(ids), bool)
                readers = relation.mark_readers(is_then)
                first[readers], last[readers] = np.minimum(first[readers], at), np.maximum(last[readers], at)
        came = np.flatnonzero(key_ids >= seen.key_id)
        if len(came):
            at = touched.load_arrival_times(rounds.batch, rounds.registry[self.name].set_id, key_ids[came])
            first[came], last[came] = np.fmin(first[came], at), np.fmax(last[came], at)
        unknown = ~np.isfinite(last)
        first[unknown] = last[unknown] = self._now_s
        return Pending(key_ids, first, last).until(self._now_s)
