"""Planning a backfill: which steps (asset, key) would run, in which order, and why. Pure.

Everything that can hold a million steps is an array; texts of steps are made only where they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from nbpart.assets.definition import Input
from nbpart.assets.graph import AssetGraph
from nbpart.catalog.causes import PRUNED_AND_READ, describe_read
from nbpart.catalog.expressions import STALE_ABOVE
from nbpart.catalog.records import PlanFacts
from nbpart.partitions.mapping import AllKeys, Same, Whole
from nbpart.partitions.relation import Groups, Identity, Relation, spread_readers
from nbpart.states import ACTIVE, OUTDATED, STATUS_CODES, PartitionStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    #: The relation of an asset's key ids and those of one of its inputs.
    Relate = Callable[[str, Input, NDArray[np.int64], NDArray[np.int64]], Relation]


_STALE = STATUS_CODES[PartitionStatus.STALE]


@dataclass(frozen=True)
class AssetSteps:
    """The planned steps of one asset: the id of each key, and why it is planned, as its place in ``causes``."""

    asset: str
    key_ids: NDArray[np.int64]
    cause: NDArray[np.int16]
    causes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.key_ids)

    def extend(self, more: AssetSteps) -> AssetSteps:
        """These steps, then more of the same asset."""
        if more.asset != self.asset:
            raise ValueError(f"steps of {more.asset!r} are none of {self.asset!r}")
        causes = tuple(dict.fromkeys((*self.causes, *more.causes)))
        places = np.array([causes.index(cause) for cause in more.causes], dtype=np.int16)
        cause = np.concatenate((self.cause, places[more.cause] if len(more) else more.cause))
        return AssetSteps(self.asset, np.concatenate((self.key_ids, more.key_ids)), cause, causes)


#: The key ids, the causes by step and all causes of an asset that has no steps yet.
NO_STEPS = (np.empty(0, np.int64), np.empty(0, np.int16), ())


@dataclass(frozen=True)
class StepTable:
    """All steps of a plan, asset by asset; a step's number is its place among all of them, from 0.

    An asset may have several parts. ``offsets`` has the number of each part's first step, and then that of all steps.
    """

    assets: tuple[AssetSteps, ...] = ()
    offsets: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        sizes = np.cumsum([0, *(len(a) for a in self.assets)])
        object.__setattr__(self, "offsets", tuple(int(s) for s in sizes))

    def __len__(self) -> int:
        return self.offsets[-1]

    def ranges(self) -> Iterator[tuple[AssetSteps, int, int]]:
        """For each part (its steps, the number of its first step, the number after that of its last)."""
        yield from zip(self.assets, self.offsets[:-1], self.offsets[1:], strict=True)


@dataclass(frozen=True)
class StepRelation:
    """Which planned steps of an input the planned steps of an asset read, each by its place among those of its asset.

    ``is_tolerant``: the reader goes on without an input that failed.
    """

    reader: str
    input: str
    relation: Relation
    is_tolerant: bool = False


@dataclass(frozen=True)
class MadeAgain:
    """Pruned partitions that a plan makes again: their ``key_ids`` by asset.

    What else read them is up to date. In the assets that ``followers`` names it is planned too, for the case that these
    come out different, but for the key ids that ``stay``; in other assets it is not asked for.
    """

    key_ids: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    followers: Collection[str] = ()
    stay: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)


@dataclass(frozen=True)
class PlannedSteps:
    """The steps of a plan, and partitions that are none: those ``waiting``, and those ``left_out``.

    What is left out is stale only because of something above it that this plan does not make; its cause is the name of
    the first such input. ``lacking`` has the key ids, by asset, of pruned data that steps read and that the
    plan does not make again.
    """

    steps: StepTable
    waiting: StepTable = StepTable()
    left_out: StepTable = StepTable()
    lacking: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)


def relate_plainly(asset: str, read: Input, readers: NDArray[np.int64], inputs: NDArray[np.int64]) -> Relation:
    """The relation of readers and inputs with these key ids, for a mapping to which they are all that matters."""
    if isinstance(read.mapping, AllKeys | Whole):
        label = np.zeros(1, dtype=np.int32)
        return Groups(np.broadcast_to(label, len(readers)), np.broadcast_to(label, len(inputs)), 1)
    if not isinstance(read.mapping, Same):
        raise TypeError(f"{asset} reads {read.name} by {read.mapping.kind}, which the catalog has to relate")
    if not len(inputs):
        return Identity(np.full(len(readers), -1, dtype=np.int32))
    order = np.argsort(inputs, kind="stable").astype(np.int32)
    found = order[np.minimum(np.searchsorted(inputs, readers, sorter=order), len(inputs) - 1)]
    return Identity(np.where(inputs[found] == readers, found, -1))


def plan_steps(
    graph: AssetGraph,
    selected: Sequence[str],
    facts: Mapping[str, PlanFacts],
    *,
    keys: Mapping[str, NDArray[np.int64]] | None = None,
    statuses: Collection[PartitionStatus] = OUTDATED,
    waiting: Mapping[str, NDArray[np.bool_]] | None = None,
    again: MadeAgain = MadeAgain(),
    relate: Relate = relate_plainly,
) -> PlannedSteps:
    """The steps that bring the selected partitions up to date.

    ``selected`` are names of assets, in the order of the graph, and ``facts`` has each of them; ``keys`` restricts
    assets, by name, to some key ids; ``statuses`` chooses partitions; ``waiting`` marks those of an asset that cannot
    be made yet. With the default statuses a plan also has steps for partitions that are queued or running in another
    backfill, since their readers wait for them, and for partitions that read one which this plan makes. Partitions that
    are stale only because of what lies above them are steps only if they read one of those, unless ``statuses`` chooses
    up-to-date ones too. What is pruned is made ``again`` whatever was chosen.
    """
    outdated = frozenset(statuses) == OUTDATED
    wanted = frozenset(statuses) | ACTIVE if outdated else frozenset(statuses)
    is_wanted = np.array([status in wanted for status in STATUS_CODES])
    planned: dict[str, AssetSteps] = {}
    held: dict[str, AssetSteps] = {}
    left: dict[str, AssetSteps] = {}
    for name in selected:
        allowed = _allowed(facts[name], None if keys is None else keys.get(name))
        own = np.where(is_wanted[facts[name].status], facts[name].status.astype(np.int16), np.int16(-1))
        follows = (own == _STALE) & (facts[name].stale == STALE_ABOVE) & (PartitionStatus.MATERIALIZED not in wanted)
        own[follows] = -1
        is_held = np.zeros(len(own), bool) if waiting is None or name not in waiting else waiting[name]
        choice = _Choice(facts[name].key_ids, own, allowed & ~is_held, [str(status) for status in STATUS_CODES])
        among = None if outdated else follows
        needed = {input_name: _drop_pruned(part) for input_name, part in planned.items()}
        _mark_readers(graph, name, choice, needed, relate, among)
        if (pruned := again.key_ids.get(name)) is not None:
            choice.allow(np.isin(facts[name].key_ids, pruned), PRUNED_AND_READ)
        if again.key_ids and name in again.followers:
            moves = ~np.isin(facts[name].key_ids, again.stay.get(name, ()))
            _mark_readers(graph, name, choice, planned, relate, moves if among is None else moves & among)
        rest = follows & (choice.cause < 0) & choice.allowed
        if rest.any():
            left[name] = _name_above(graph, name, facts, facts[name].key_ids[rest], relate)
        for chosen, steps in ((choice.allowed, planned), (allowed & is_held, held)):
            chosen = chosen & (choice.cause >= 0)
            if chosen.any():
                steps[name] = AssetSteps(name, facts[name].key_ids[chosen], choice.cause[chosen], tuple(choice.causes))
    planned_steps, waits, others = (StepTable(tuple(parts.values())) for parts in (planned, held, left))
    return PlannedSteps(planned_steps, waits, others)


def permute_steps(steps: StepTable, places: Mapping[str, NDArray[np.int64]]) -> tuple[StepTable, NDArray[np.int64]]:
    """The steps with those of some assets in another order, and the number in ``steps`` of each.

    ``places`` has, by asset, the place in its part of the step that comes first, then of the second, and so on. An
    asset has one part.
    """
    parts, numbers = [], [np.empty(0, np.int64)]
    for part, first, last in steps.ranges():
        order = places.get(part.asset)
        if order is not None:
            part = replace(part, key_ids=part.key_ids[order], cause=part.cause[order])
        parts.append(part)
        numbers.append(np.arange(first, last) if order is None else order + first)
    return StepTable(tuple(parts)), np.concatenate(numbers)


def relate_steps(graph: AssetGraph, steps: StepTable, relate: Relate = relate_plainly) -> list[StepRelation]:
    """Which steps of a plan read which, by the mappings of the assets."""
    key_ids: dict[str, list[NDArray[np.int64]]] = {}
    for part in steps.assets:
        key_ids.setdefault(part.asset, []).append(part.key_ids)
    keys = {asset: np.concatenate(parts) for asset, parts in key_ids.items()}
    return [
        StepRelation(asset, read.name, relate(asset, read, own, above), graph[asset].on_missing_input == "skip")
        for asset, own in keys.items()
        for read in graph[asset].inputs
        if (above := keys.get(read.name)) is not None
    ]


def _allowed(facts: PlanFacts, keys: NDArray[np.int64] | None) -> NDArray[np.bool_]:
    if keys is None:
        return np.ones(len(facts.key_ids), dtype=bool)
    return np.isin(facts.key_ids, keys)


@dataclass
class _Choice:
    """Which partitions of one asset are to be made, and why: arrays with a place for each of its keys.

    ``cause`` is the place in ``causes``, -1 where there is none yet; only what is ``allowed`` becomes a step.
    """

    key_ids: NDArray[np.int64]
    cause: NDArray[np.int16]
    allowed: NDArray[np.bool_]
    causes: list[str]

    def add(self, readers: NDArray[np.bool_], cause: str) -> None:
        """Give those of ``readers`` a cause that have none yet."""
        if cause not in self.causes:  # an asset may read another one in several ways
            self.causes.append(cause)
        self.cause[readers & (self.cause < 0)] = self.causes.index(cause)

    def allow(self, some: NDArray[np.bool_], cause: str) -> None:
        """Give a cause to some that are chosen whatever was asked for."""
        self.allowed = self.allowed | some
        self.add(some, cause)


def _drop_pruned(part: AssetSteps) -> AssetSteps:
    """The steps without those that only make pruned partitions again."""
    if PRUNED_AND_READ not in part.causes:
        return part
    rest = part.cause != part.causes.index(PRUNED_AND_READ)
    return replace(part, key_ids=part.key_ids[rest], cause=part.cause[rest])


def _name_above(
    graph: AssetGraph, name: str, facts: Mapping[str, PlanFacts], key_ids: NDArray[np.int64], relate: Relate
) -> AssetSteps:
    """Partitions with the name of the first input because of which each is stale."""
    cause = np.full(len(key_ids), -1, np.int16)
    inputs = list(dict.fromkeys(read.name for read in graph[name].inputs))
    for read in graph[name].inputs:
        if (above := facts.get(read.name)) is not None:
            is_bad = (above.stale != 0) | (above.status == STATUS_CODES[PartitionStatus.MISSING])
            marked = relate(name, read, key_ids, above.key_ids[is_bad]).mark_readers(np.ones(int(is_bad.sum()), bool))
            cause[marked & (cause < 0)] = inputs.index(read.name)
    cause[cause < 0] = len(inputs)
    return AssetSteps(name, key_ids, cause, (*inputs, "what it reads"))


def _mark_readers(
    graph: AssetGraph,
    name: str,
    choice: _Choice,
    planned: Mapping[str, AssetSteps],
    relate: Relate,
    among: NDArray[np.bool_] | None,
) -> None:
    """Choose the partitions of an asset that read one which this plan makes; the first such input counts.

    Only those ``among`` these, a place for each key, are chosen.
    """
    if among is not None and not among.any():
        return
    every = np.True_ if among is None else among
    for read in graph[name].inputs:
        if read.name == name or (above := planned.get(read.name)) is None:
            continue
        relation = relate(name, read, choice.key_ids, above.key_ids)
        choice.add(relation.mark_readers(np.ones(len(above), bool)) & every, describe_read(read.name))
    for read in graph[name].inputs:
        if read.name == name:
            made = (choice.cause >= 0) & choice.allowed
            if made.any():
                relation = relate(name, read, choice.key_ids, choice.key_ids)
                choice.add(
                    spread_readers(relation, made, choice.allowed & every) & every,
                    describe_read(name),
                )
