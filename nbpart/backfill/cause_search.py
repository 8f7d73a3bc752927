"""The chain of causes of one partition: why it is what it is, why what it reads is, and so on to the root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbpart.assets.definition import Input
from nbpart.backfill.input_relations import InputRelations
from nbpart.backfill.inputs import explain_absent
from nbpart.backfill.plan_sentences import PlanSentences
from nbpart.backfill.registry import Node, Registry
from nbpart.backfill.waiting import make_finder_above
from nbpart.catalog import Batch, queries
from nbpart.catalog.causes import Cause, CauseKind, describe_briefly, spell_ref
from nbpart.catalog.dependencies import StoredDependency
from nbpart.catalog.expressions import STALE_CODE, STALE_DATA, STALE_INPUT
from nbpart.catalog.join_windows import find_lacking
from nbpart.catalog.joins import relate
from nbpart.catalog.judged import load_blocking
from nbpart.catalog.queries import origins
from nbpart.catalog.read_changes import describe_set_change, find_read_changes
from nbpart.catalog.related_keys import load_inputs
from nbpart.partitions import PartitionRef
from nbpart.partitions.mapping import AllKeys
from nbpart.states import MaterializationKind, PartitionStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

#: A chain is followed so far.
_MOST_LINKS = 64

_MADE_BY = {
    MaterializationKind.RUN: CauseKind.MADE,
    MaterializationKind.OBSERVED: CauseKind.SEEN,
    MaterializationKind.ADOPTED: CauseKind.ADOPTED,
    MaterializationKind.ACCEPTED: CauseKind.ACCEPTED,
}

#: What a materialization read, by the id of the input and the argument.
_Recorded = Mapping[tuple[int, str], origins.RecordedInput]
#: An asset and the key id of one of its partitions.
Place = tuple[str, int]


@dataclass(frozen=True)
class _Link:
    """A cause, and the partition that it leads to; None at the root."""

    cause: Cause
    next: Place | _Partition | None = None


@dataclass(frozen=True)
class _Partition:
    """A partition that is looked at."""

    node: Node
    key_id: int
    key: str | None
    states: origins.PartitionStates

    @property
    def ids(self) -> Ids:
        return np.array([self.key_id], np.int64)

    @property
    def made(self) -> int:
        return int(self.states.made[0])

    @property
    def blocks(self) -> bool:
        """Whether it cannot be made where an input has no data."""
        return self.node.definition.on_missing_input == "block"

    @property
    def status(self) -> str:
        return str(self.states.status[0])


class CauseSearch:
    """Follows causes in one batch; ``describe_code(node, version)`` says what changed since a version of its code."""

    def __init__(self, batch: Batch, registry: Registry, describe_code: Callable[[Node, str | None], str]) -> None:
        self._batch, self._registry = batch, registry
        self._relations = InputRelations(batch, registry)
        self._describe_code = describe_code

    def list_causes(self, name: str, key_id: int) -> list[Cause]:
        """The causes from the nearest to the root, at least one; a chain of more than 64 is cut."""
        causes: list[Cause] = []
        place: Place | _Partition | None = (name, key_id)
        while place is not None and len(causes) < _MOST_LINKS:
            one = self._look(*place) if isinstance(place, tuple) else place
            link = self._explain(one, follows=bool(causes))
            causes.append(link.cause)
            place = link.next
        return causes

    def _look(self, name: str, key_id: int) -> _Partition:
        node = self._registry[name]
        ids = np.array([key_id], np.int64)
        key = queries.key_texts(self._batch, ids)[0]
        return _Partition(node, key_id, key, origins.load_states(self._batch, node.asset_id, ids))

    def _explain(self, one: _Partition, *, follows: bool) -> _Link:
        """The first cause of a partition; where it ``follows`` another, what its data are comes before its last run."""
        states, has_data = one.states, bool(one.states.has_data[0])
        is_stale = has_data and states.stale[0] != 0
        if states.active_run[0] >= 0 and not (follows and is_stale):
            return self._explain_active(one)
        if states.has_failed[0] and not (follows and is_stale):
            return self._explain_failure(one)
        if (one.made < 0 or is_stale) and (link := self._explain_blocked(one)) is not None:
            return link
        if one.made < 0:
            return self._explain_missing(one)
        if is_stale:
            return self._explain_stale(one)
        return self._explain_made(one)

    def _cause(self, one: _Partition, kind: CauseKind, **known: object) -> Cause:
        return Cause(PartitionRef(one.node.name, one.key), one.status, kind, **known)  # type: ignore[arg-type]

    def _explain_active(self, one: _Partition) -> _Link:
        found = origins.find_active_run(self._batch, int(one.states.active_run[0]))
        kind = CauseKind.RUNNING if one.status == PartitionStatus.RUNNING else CauseKind.QUEUED
        return _Link(self._cause(one, kind, at=found and found.at, run_id=found and found.run_id))

    def _explain_failure(self, one: _Partition) -> _Link:
        found = origins.find_failure(self._batch, one.node.asset_id, one.key_id)
        detail = found.detail if found and found.detail else describe_briefly(CauseKind.FAILED)
        known = {"at": found and found.at, "run_id": found and found.run_id}
        return _Link(self._cause(one, CauseKind.FAILED, detail=detail, **known))

    def _explain_made(self, one: _Partition) -> _Link:
        found = origins.find_origin(self._batch, one.made)
        if (pruned := origins.find_pruning(self._batch, one.made)) is not None:
            known = {"at": pruned.at, "detail": pruned.detail, "run_id": found.run_id}
            return _Link(self._cause(one, CauseKind.PRUNED, **known))
        names = {node.asset_id: node.name for node in self._registry.nodes.values()}
        read, lacked = list[str](), list[str]()
        for each in origins.load_recorded_inputs(self._batch, one.made):
            name = names.get(each.input_id, "what is no asset any more")
            if each.key_id is None:
                read.append(f"{each.n:,} key{'' if each.n == 1 else 's'} of {name}")
            else:
                text = spell_ref(PartitionRef(name, queries.key_texts(self._batch, [each.key_id])[0]))
                (read if each.n else lacked).append(text)
        detail = f" of {', '.join(dict.fromkeys(read))}" if read else ""
        detail += f" without {', '.join(dict.fromkeys(lacked))}" if lacked else ""
        kind = _MADE_BY[MaterializationKind(found.kind)]
        by_hand = None if kind in (CauseKind.MADE, CauseKind.SEEN) else origins.find_verb(self._batch, one.made)
        person, reason = by_hand or ("", "")
        if person:
            detail += f" by {person}"
        if found.run_id:
            detail += f" by run {found.run_id}" if kind is CauseKind.MADE else f", the data of run {found.run_id}"
        if reason:
            detail += f": {reason}"
        return _Link(self._cause(one, kind, at=found.made_at, detail=detail, run_id=found.run_id))

    def _explain_blocked(self, one: _Partition) -> _Link | None:
        """Which input fails a blocking check, so that the partition cannot be made now; None where none does."""
        for read in one.node.definition.inputs:
            failing, names = load_blocking(self._batch, self._registry[read.name].asset_id)
            if not len(failing):
                continue
            ids = load_inputs(self._batch, self._relations.join(one.node.name, read), one.ids)
            for key_id in ids[np.isin(ids, failing)].tolist():
                check = names[int(np.flatnonzero(failing == key_id)[0])]
                return _Link(self._cause(one, CauseKind.CHECK_FAILED, detail=check, **self._subject(read, key_id)))
        return None

    # what has no data

    def _explain_missing(self, one: _Partition) -> _Link:
        if one.node.definition.is_source:
            needed = explain_absent(self._batch, one.node, one.key)
            return _Link(self._cause(one, CauseKind.WAITING, detail=needed.partition(": ")[2] or needed))
        if (link := self._explain_hindered(one)) is not None:
            return link
        lost = origins.find_loss(self._batch, one.node.asset_id, one.key_id)
        if lost is not None:
            return _Link(self._cause(one, CauseKind.DATA_LOST, detail=lost.detail, at=lost.at))
        return _Link(self._cause(one, CauseKind.NEVER_RUN))

    def _explain_hindered(self, one: _Partition) -> _Link | None:
        """Why a partition cannot be made now: what it requires does not exist, or failed; None where it can."""
        for read in one.node.definition.inputs:
            [lacking] = find_lacking(self._batch, self._relations.join(one.node.name, read), one.ids)
            if lacking is not None and lacking.required:
                detail = (
                    f"{lacking.key} has not ended"
                    if lacking.place == "open"
                    else PlanSentences(
                        make_finder_above(self._batch, self._registry, one.node.name, one.ids)
                    ).explain_waiting(one.node.name, one.ids)[0]
                )
                return _Link(self._cause(one, CauseKind.WAITING, detail=detail))
        if not one.blocks:
            return None
        absent = []
        for read in one.node.definition.inputs:
            states = self._load_read(one, read)
            lacks = ~states.has_data
            if lacks.any() and self._registry[read.name].definition.is_source:
                return self._name_absent(one, read, int(states.key_ids[lacks][0]), has_failed=False)
            if (failed := lacks & states.has_failed).any():
                return self._name_absent(one, read, int(states.key_ids[failed][0]), has_failed=True)
            if lacks.any():
                absent.append((read, states.key_ids[lacks]))
        return self._explain_above_missing(one, absent) if absent else None

    def _explain_above_missing(self, one: _Partition, absent: list[tuple[Input, Ids]]) -> _Link | None:
        """Which input without data is hindered itself; the finder of plans knows that of all that lies above."""
        finder = make_finder_above(self._batch, self._registry, one.node.name, one.ids)
        for read, ids in absent:
            if read.name == one.node.name:
                continue
            waits = finder.facts[read.name].key_ids[finder.find_absent(read.name)]
            if len(waiting := ids[np.isin(ids, waits)]):
                cause = self._cause(one, CauseKind.INPUT_WAITING, **self._subject(read, int(waiting[0])))
                return _Link(cause, (read.name, int(waiting[0])))
        return None

    def _name_absent(self, one: _Partition, read: Input, key_id: int, *, has_failed: bool) -> _Link:
        """The cause that an input has no data."""
        node, known = self._registry[read.name], self._subject(read, key_id)
        if one.blocks and node.definition.is_source:
            detail = explain_absent(self._batch, node, known["subject"].key)  # type: ignore[attr-defined]
            return _Link(self._cause(one, CauseKind.WAITING, detail=detail, **known))
        kind = CauseKind.INPUT_FAILED if has_failed and one.blocks else CauseKind.INPUT_MISSING
        return _Link(self._cause(one, kind, **known), (read.name, key_id))

    # what is stale

    def _explain_stale(self, one: _Partition) -> _Link:
        bits = int(one.states.stale[0])
        if bits & STALE_DATA:
            lost = origins.find_loss(self._batch, one.node.asset_id, one.key_id, one.made)
            detail = lost.detail if lost and lost.detail else describe_briefly(CauseKind.DATA_LOST)
            return _Link(self._cause(one, CauseKind.DATA_LOST, detail=detail, at=lost and lost.at))
        if bits & STALE_CODE:
            made = origins.find_origin(self._batch, one.made)
            what = self._describe_code(one.node, made.code_version)
            version = one.node.definition.code_version or None
            at = origins.find_registration(self._batch, one.node.asset_id, version, made.sequence)
            return _Link(self._cause(one, CauseKind.CODE_CHANGED, detail=f" ({what})" if what else "", at=at))
        recorded: _Recorded = {}
        if bits & STALE_INPUT or _needs_recorded(one.node):
            recorded = {(r.input_id, r.argument): r for r in origins.load_recorded_inputs(self._batch, one.made)}
        if bits & STALE_INPUT and (link := self._explain_changed_input(one, recorded)) is not None:
            return link
        if bits & STALE_INPUT and one.node.definition.bound:
            return _Link(self._cause(one, CauseKind.COLUMN_CHANGED, detail=" or ".join(one.node.definition.bound)))
        return self._explain_above(one, recorded) or _Link(self._cause(one, CauseKind.INPUT_CHANGED))

    def _explain_changed_input(self, one: _Partition, recorded: _Recorded) -> _Link | None:
        for read in one.node.definition.inputs:
            was = recorded.get((self._registry[read.name].asset_id, read.argument))
            if was is None:
                continue
            states = self._load_read(one, read, was)
            if int(np.bitwise_xor.reduce(states.element)) == was.element:
                continue
            if was.key_id is not None and len(states.key_ids) == 1 and not states.has_data[0]:
                return self._name_absent(one, read, int(states.key_ids[0]), has_failed=bool(states.has_failed[0]))
            return self._name_changed(one, read, was, states)
        return None

    def _name_changed(
        self,
        one: _Partition,
        read: Input,
        was: origins.RecordedInput,
        states: origins.PartitionStates,
    ) -> _Link:
        """The cause that what an input gives is not what was read: other keys, or other data of the same keys."""
        if was.key_id is not None and states.key_ids.tolist() == [was.key_id]:
            return self._name_one_changed(one, read, was.key_id, states)
        made = origins.find_origin(self._batch, one.made)
        changes = find_read_changes(self._batch, self._dependency(one, read), one.key_id, was, made, states)
        if changes.is_of_set:
            several = len(one.node.definition.inputs) > 1
            detail = describe_set_change(changes, read.name, is_one_of_several=several)
            return _Link(self._cause(one, CauseKind.INPUT_SET_CHANGED, detail=detail, at=changes.at))
        if changes.emptied:
            place = int(np.flatnonzero(states.key_ids == changes.emptied[0])[0])
            return self._name_absent(one, read, changes.emptied[0], has_failed=bool(states.has_failed[place]))
        if changes.changed:
            return self._name_one_changed(one, read, changes.changed[0], states)
        subject = {"subject": PartitionRef(read.name), "is_source": self._registry[read.name].definition.is_source}
        return _Link(self._cause(one, CauseKind.INPUT_CHANGED, **subject))

    def _dependency(self, one: _Partition, read: Input) -> StoredDependency:
        node = self._registry[read.name]
        ids = (one.node.asset_id, node.asset_id, read.argument, read.mapping, one.node.set_id, node.set_id)
        return StoredDependency(*ids, skips_missing=not one.blocks)

    def _name_one_changed(self, one: _Partition, read: Input, key_id: int, states: origins.PartitionStates) -> _Link:
        made = int(states.made[states.key_ids == key_id][0])
        at = origins.list_made_at(self._batch, [made]).get(made)
        return _Link(self._cause(one, CauseKind.INPUT_CHANGED, at=at, **self._subject(read, key_id)))

    def _explain_above(self, one: _Partition, recorded: _Recorded) -> _Link | None:
        """The first input that has no data, and is not one that the run went without, or that is stale itself."""
        for read in one.node.definition.inputs:
            was = recorded.get((self._registry[read.name].asset_id, read.argument))
            states = self._load_read(one, read, was)
            is_stale = states.has_data & (states.stale != 0)
            bad = is_stale | (~states.has_data & ~np.isin(states.key_ids, [] if one.blocks else _list_lacking(was)))
            if not bad.any():
                continue
            first = int(np.flatnonzero(bad)[0])
            key_id = int(states.key_ids[first])
            if not is_stale[first]:
                return self._name_absent(one, read, key_id, has_failed=bool(states.has_failed[first]))
            root, detail = key_id, ""
            if read.name == one.node.name and (root := self._find_first_of_self(one.node, read, key_id)) != key_id:
                key = queries.key_texts(self._batch, [root])[0]
                detail = f", back to {spell_ref(PartitionRef(one.node.name, key))}"
            subject = self._subject(read, key_id)
            cause = self._cause(one, CauseKind.INPUT_STALE, detail=detail, **subject)
            if root != key_id:
                return _Link(cause, (read.name, root))
            node, key = self._registry[read.name], cause.subject.key if cause.subject else None
            return _Link(cause, _Partition(node, key_id, key, states.at(first)))
        return None

    def _find_first_of_self(self, node: Node, read: Input, key_id: int) -> int:
        """Of an asset that reads itself, the stale partition that a stale one goes back to."""
        ids, bits = origins.load_stale_members(self._batch, node.asset_id)
        relation = relate(self._batch, self._relations.join(node.name, read), ids, ids)
        place = int(np.flatnonzero(ids == key_id)[0])
        while not bits[place] & (STALE_CODE | STALE_INPUT | STALE_DATA) and len(before := relation.inputs_of(place)):
            place = int(before[0])
        return int(ids[place])

    def _load_read(
        self, one: _Partition, read: Input, was: origins.RecordedInput | None = None
    ) -> origins.PartitionStates:
        """What a partition reads of an input now; where new keys are ignored only of those that it did read."""
        ids = load_inputs(self._batch, self._relations.join(one.node.name, read), one.ids)
        if was is not None and was.taken is not None:
            ids = ids[np.isin(ids, [*was.taken, *(was.lacking or ())])]
        return origins.load_states(self._batch, self._registry[read.name].asset_id, ids)

    def _subject(self, read: Input, key_id: int) -> dict[str, object]:
        key = queries.key_texts(self._batch, np.array([key_id], np.int64))[0]
        return {
            "subject": PartitionRef(read.name, key),
            "is_source": self._registry[read.name].definition.is_source,
        }


def _needs_recorded(node: Node) -> bool:
    """Whether what is above a partition depends on what its run read."""
    mappings = [read.mapping for read in node.definition.inputs]
    ignores_new = any(isinstance(mapping, AllKeys) and mapping.new == "ignore" for mapping in mappings)
    return ignores_new or node.definition.on_missing_input != "block"


def _list_lacking(was: origins.RecordedInput | None) -> list[int]:
    """The keys without which a run went on."""
    if was is None:
        return []
    return [was.key_id] if was.key_id is not None and not was.n else was.lacking or []
