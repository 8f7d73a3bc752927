"""Whether all that partitions read is there, so that an automation may ask for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nbpart.assets.definition import Input
from nbpart.backfill.input_relations import InputRelations
from nbpart.catalog import queries
from nbpart.catalog.expressions import STALE_ABOVE
from nbpart.catalog.join_windows import count_lacking
from nbpart.catalog.queries import touched
from nbpart.catalog.related_keys import load_inputs
from nbpart.partitions import PartitionRef
from nbpart.partitions.relation import Relation, distinct, spread_readers
from nbpart.states import STATUS_CODES, PartitionStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]
    Mask = NDArray[np.bool_]
    LoadFacts = Callable[[str, Ids], touched.TouchedFacts]

_FAILED, _STALE = STATUS_CODES[PartitionStatus.FAILED], STATUS_CODES[PartitionStatus.STALE]


@dataclass(frozen=True)
class InputFacts:
    """What some partitions of an asset read of one input: its ``facts``, and which of them the same tick asks for.

    ``relation`` is that of the partitions and of these. ``requires`` and ``lacks`` say which partitions require a
    window that is no partition, or read none because there is none before or after. ``fails_check`` says which keys of
    the input fail a blocking check, and are not asked for.
    """

    read: Input
    facts: touched.TouchedFacts
    relation: Relation
    is_asked: Mask
    requires: Mask
    lacks: Mask
    fails_check: Mask

    @property
    def is_there(self) -> Mask:
        """Which keys of the input have data, or get them by the same tick."""
        return self.facts.has_data | self.is_asked


def load_input_facts(
    relations: InputRelations, load: LoadFacts, name: str, key_ids: Ids, asked: Mapping[str, Ids]
) -> list[InputFacts]:
    """What some partitions of an asset read, input by input; ``asked`` has what the same tick asks for, by asset.

    ``load`` gives the facts of the partitions of an asset with some key ids.
    """
    found = []
    for read in relations.registry[name].definition.inputs:
        join = relations.join(name, read)
        ids = load_inputs(relations.batch, join, key_ids)
        lacking = count_lacking(relations.batch, join, key_ids)
        is_asked = np.isin(ids, asked.get(read.name, ids[:0]))
        failing, _ = queries.load_blocking(relations.batch, relations.registry[read.name].asset_id)
        found.append(
            InputFacts(
                read,
                load(read.name, ids),
                relations.relate(name, read, key_ids, ids),
                is_asked,
                lacking.required > 0,
                lacking.left_out > 0,
                np.isin(ids, failing) & ~is_asked,
            )
        )
    return found


@dataclass
class Readiness:
    """Which of some partitions of an asset may be asked for, and sentences about the others.

    Those that ``follows`` has are asked for only if they read something that the same tick asks for.
    """

    relations: InputRelations
    name: str
    facts: touched.TouchedFacts
    follows: Mask
    is_ready: Mask = field(init=False)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.is_ready = np.ones(len(self.facts.key_ids), bool)

    def judge(self, inputs: list[InputFacts]) -> None:
        """Leave out what waits, what reads something that runs or is not there, and what is stale for no reason yet."""
        skips = self.relations.registry[self.name].definition.on_missing_input == "skip"
        others = [one for one in inputs if one.read.name != self.name]
        for one in inputs:
            self._refuse(one.requires, f"requires a window of {one.read.name} that is not there")
            self._refuse_readers(one, one.fails_check, "fails a blocking check")
        for one in others:
            self._refuse_readers(one, one.facts.is_active, "is running")
            if skips:
                has_some = one.relation.mark_readers(one.is_there) | _reads_none(one, one.lacks)
                self._refuse(~has_some, f"reads no key of {one.read.name} that has data")
            else:
                self._refuse_readers(one, ~one.is_there, "has no data")
                self._refuse(_reads_none(one, ~one.lacks), f"reads no key of {one.read.name}: there is none for it")
        for one in inputs:
            if one.read.name == self.name:
                self._judge_own(one, skips=skips)
        self._keep_caused(inputs)

    def _judge_own(self, own: InputFacts, *, skips: bool) -> None:
        """Leave out what reads others of the asset that are not there and are not asked for either."""
        relation, ids, has_data, is_active = self._relate_own(own)
        ready = np.isin(ids, self.facts.key_ids[self.is_ready])
        lacking = is_active | ~(has_data | ready)
        lacking = spread_readers(relation, lacking, ready & ~has_data)
        refused = relation.mark_readers(lacking)
        if skips:
            refused &= ~relation.mark_readers(~lacking)
        self._refuse(np.isin(self.facts.key_ids, ids[refused]), f"reads others of {self.name} that are not there")

    def _keep_caused(self, inputs: list[InputFacts]) -> None:
        """Leave out what follows, or is stale only because of what it reads, unless the same tick asks for that."""
        is_below = (self.facts.status == _STALE) & (self.facts.stale == STALE_ABOVE)
        if not (self.follows | is_below).any():
            return
        caused = ~(self.follows | is_below)
        for one in inputs:
            caused |= one.relation.mark_readers(one.is_asked)
        for one in inputs:
            if one.read.name == self.name:
                relation, ids, *_ = self._relate_own(one)
                starts = np.isin(ids, self.facts.key_ids[self.is_ready & caused])
                spread = spread_readers(relation, starts, np.isin(ids, self.facts.key_ids[self.is_ready]))
                caused |= np.isin(self.facts.key_ids, ids[spread])
        self._refuse(~caused & is_below, "is stale only because of what it reads, which nothing asks for")
        self.is_ready &= caused

    def _relate_own(self, own: InputFacts) -> tuple[Relation, Ids, Mask, Mask]:
        """The partitions and those of the same asset that they read, related with each other: with their ids, which of
        them have data and which are running."""
        ids = distinct(np.concatenate([self.facts.key_ids, own.facts.key_ids]))
        has_data, is_active = np.zeros(len(ids), bool), np.zeros(len(ids), bool)
        for facts in (self.facts, own.facts):
            places = np.searchsorted(ids, facts.key_ids)
            has_data[places], is_active[places] = facts.has_data, facts.is_active
        return self.relations.relate(self.name, own.read, ids, ids), ids, has_data, is_active

    def _refuse_readers(self, one: InputFacts, bad: Mask, why: str) -> None:
        """Leave out what reads a bad key of an input, naming the first."""
        readers = one.relation.mark_readers(bad) & self.is_ready
        if not readers.any():
            return
        found = one.relation.inputs_of(int(np.argmax(readers)))
        place = int(found[bad[found]][0])
        [key] = queries.key_texts(self.relations.batch, one.facts.key_ids[[place]])
        word = "failed" if one.facts.status[place] == _FAILED and not one.facts.is_active[place] else why
        self._refuse(readers, f"reads {PartitionRef(one.read.name, key).label}, which {word}")

    def _refuse(self, mask: Mask, why: str) -> None:
        refused = mask & self.is_ready
        if not refused.any():
            return
        self.is_ready &= ~refused
        [key] = queries.key_texts(self.relations.batch, self.facts.key_ids[refused][:1])
        more = int(refused.sum()) - 1
        also = f", and so {'does' if more == 1 else 'do'} {more:,} more of this kind" if more else ""
        self.notes.append(f"{PartitionRef(self.name, key).label} is not asked for: it {why}{also}")


def _reads_none(one: InputFacts, among: Mask) -> Mask:
    """Which of some partitions read no key of an input at all."""
    reads_none: Mask = one.relation.count_inputs() == 0
    return reads_none & among
