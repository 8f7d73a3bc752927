"""What a plan says in words: what it reads, what is not there, and why partitions wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbpart.assets.definition import Input
from nbpart.backfill.input_relations import InputRelations
from nbpart.backfill.inputs import explain_absent
from nbpart.backfill.plan import StepTable
from nbpart.backfill.waiting import WaitingFinder
from nbpart.catalog import queries
from nbpart.catalog.join_windows import LackingWindow, count_lacking, find_lacking, find_unended_reader
from nbpart.catalog.related_keys import load_inputs
from nbpart.partitions import PartitionRef
from nbpart.partitions.mapping import By, Overlap, Previous, Same, Whole
from nbpart.states import STATUS_CODES, PartitionStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

_MISSING = STATUS_CODES[PartitionStatus.MISSING]


@dataclass(frozen=True)
class PlanSentences:
    """Says what the steps of a plan read, by what ``finder`` knows of partitions and how they read each other."""

    finder: WaitingFinder

    @property
    def relations(self) -> InputRelations:
        return self.finder.relations

    def list_reads(self, steps: StepTable) -> list[str]:
        """A line for each input that is read in another way than by the same key, or that is not all there."""
        lines: list[str] = []
        made = {part.asset: part.key_ids for part in steps.assets}
        for name, key_ids in made.items():
            for read in self.relations.registry[name].definition.inputs:
                lines += filter(None, [self._describe_read(name, read, key_ids, made.get(read.name))])
                lines += self._describe_left_out(name, read, key_ids)
        return lines

    def explain_waiting(self, name: str, key_ids: Ids) -> list[str]:
        """For each of some keys of an asset that wait, what for."""
        found: list[str] = [""] * len(key_ids)
        definition = self.relations.registry[name].definition
        for read in definition.inputs:
            join = self.relations.join(name, read)
            for place, lacking in enumerate(find_lacking(self.relations.batch, join, key_ids)):
                if lacking is not None and lacking.required:
                    found[place] = found[place] or _describe_required(read.name, lacking)
        for read in definition.inputs if definition.on_missing_input == "block" else ():
            for place, key in self._find_absent(name, read, key_ids):
                found[place] = found[place] or self._describe_absent(read.name, key)
        return found

    def list_unended(self, name: str, key_ids: Ids) -> list[str]:
        """A line for each asset of which a window that has not ended would read one of these keys of ``name``."""
        graph = self.relations.registry.graph
        lines = []
        for edge in graph.edges:
            if edge.upstream == name != edge.downstream:
                join = self.relations.join(edge.downstream, edge.input)
                if (key := find_unended_reader(self.relations.batch, join, key_ids)) is not None:
                    label = PartitionRef(edge.downstream, key).label
                    lines.append(f"{label} is not there yet, though it reads some of {name}: {key} has not ended")
        return lines

    def _describe_read(self, name: str, read: Input, readers: Ids, made: Ids | None) -> str | None:
        inputs = load_inputs(self.relations.batch, self.relations.join(name, read), readers)
        missing = self._count_missing(read.name, inputs, made)
        if isinstance(read.mapping, Same | Whole) and not missing:
            return None
        if not len(inputs):
            return f"{name} reads no key of {read.name}: there is none for it yet"
        first, last = queries.key_texts(self.relations.batch, inputs[[0, -1]])
        label = read.name if first is None else f"{read.name}[{first if len(inputs) == 1 else f'{first} .. {last}'}]"
        lacks = f", {missing:,} of {len(inputs):,} missing" if missing else f", {len(inputs):,} keys"
        return f"{name} reads {label}{'' if first is None or (len(inputs) == 1 and not missing) else lacks}"

    def _count_missing(self, name: str, inputs: Ids, made: Ids | None) -> int:
        """How many of these have no data, and get none by this plan."""
        facts = self.finder.facts[name]
        missing = np.isin(inputs, facts.key_ids[facts.status == _MISSING])
        if made is not None:
            missing &= ~np.isin(inputs, made)
        return int(missing.sum())

    def _describe_left_out(self, name: str, read: Input, readers: Ids) -> Iterator[str]:
        if not isinstance(read.mapping, Overlap | Previous | By):
            return
        join = self.relations.join(name, read)
        lacking = np.flatnonzero(count_lacking(self.relations.batch, join, readers).left_out)
        if not len(lacking):
            return
        first = readers[lacking[:1]]
        [one], [key] = find_lacking(self.relations.batch, join, first), queries.key_texts(self.relations.batch, first)
        if one is None:
            return
        label = PartitionRef(name, key).label
        of = "" if read.name == name else f" of {read.name}"
        where = {"before": "before", "after": "after it", "open": "yet"}[one.place]
        more = f", nor have {len(lacking) - 1:,} more all of theirs" if len(lacking) > 1 else ""
        if one.count == one.wanted:
            yield f"{label} has no {one.unit}{of} {where}{more}"
        else:
            yield f"{label} reads {one.wanted - one.count:,} of {one.wanted:,} {one.unit}s{of}{more}"

    def _find_absent(self, name: str, read: Input, readers: Ids) -> Iterator[tuple[int, str | None]]:
        """(place of a reader, the first key without data that it reads) where that cannot have any yet."""
        above = self.finder.facts[read.name].key_ids[self.finder.find_absent(read.name)]
        relation = self.relations.relate(name, read, readers, above)
        for place in range(len(readers)):
            if len(found := relation.inputs_of(place)):
                yield place, queries.key_texts(self.relations.batch, above[found[:1]])[0]

    def _describe_absent(self, name: str, key: str | None) -> str:
        if self.relations.registry[name].definition.is_source:
            return explain_absent(self.relations.batch, self.relations.registry[name], key)
        return f"needs {PartitionRef(name, key).label}, which is waiting itself"


def _describe_required(name: str, lacking: LackingWindow) -> str:
    label = PartitionRef(name, lacking.key).label
    if lacking.place == "open":
        return f"needs {label}, and {lacking.key} has not ended"
    where = "begins later" if lacking.place == "before" else "ends before it"
    return f"needs {label}, and {name} {where}"
