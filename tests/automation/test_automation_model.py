"""Random histories of eager assets against a plain model: what one tick after another asks for."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest

import nbpart
from nbpart.run.spec import RunSpec
from tests.automation.test_automations import declare, tick
from tests.automation.test_ticks import Ran
from tests.recording import record

KEYS = ["a", "b", "c"]
#: Each asset that asks by itself, with what it reads: by the same key, but for TOTAL, which reads all keys.
READS = {"clean": ["raw"], "report": ["clean", "other"], "page": ["report"], "total": ["clean"]}
TOTAL = "total"
Partition = tuple[str, str | None]


@dataclass
class Made:
    """What the last run of a partition that succeeded, or failed, found to read."""

    inputs: list[Any]
    value: Any = None


@dataclass
class Model:
    """What there is: data by (asset, key), what read it, and the keys that something happened to since the start."""

    members: list[str]
    data: dict[Partition, Any] = field(default_factory=dict)
    made: dict[Partition, Made] = field(default_factory=dict)
    failed: dict[Partition, Made] = field(default_factory=dict)
    caused: set[Partition] = field(default_factory=set)
    broken: set[Partition] = field(default_factory=set)
    count: int = 0

    def keys(self, name: str) -> list[str | None]:
        return [None] if name == TOTAL else list(self.members)

    def above(self, name: str, key: str | None) -> list[Partition]:
        """What a partition reads."""
        return [(read, one) for read in READS[name] for one in (self.members if name == TOTAL else [key])]

    def inputs(self, name: str, key: str | None) -> list[Any]:
        found = [(one, self.data.get(one)) for one in self.above(name, key)]
        return sorted((one, data) for one, data in found if data is not None)

    def is_outdated(self, name: str, key: str | None) -> bool:
        if name not in READS:
            return (name, key) not in self.data
        made = self.made.get((name, key))
        return made is None or made.inputs != self.inputs(name, key) or self.is_below(name, key)

    def is_below(self, name: str, key: str | None) -> bool:
        """Whether something that it reads is outdated."""
        return any(self.is_outdated(*one) for one in self.above(name, key))

    def record(self, name: str, key: str, value: str) -> None:
        """A person makes a partition that nothing asks for."""
        self.data[name, key] = value
        self._spread(name, key)

    def add(self, key: str) -> None:
        self.members.append(key)
        self.caused |= {(name, key) for name in READS if name != TOTAL} | {(TOTAL, None)}

    def remove(self, key: str) -> None:
        self.members.remove(key)
        self.caused.add((TOTAL, None))

    def tick(self) -> list[Partition]:
        """What is asked for, in the order of the graph, and run at once; returns what ran."""
        asked: set[Partition] = set()
        for name in READS:
            for key in self.keys(name):
                above = self.above(name, key)
                is_there = bool(above) and all(one in self.data or one in asked for one in above)
                is_asked = bool(asked.intersection(above))
                own = self.made.get((name, key))
                needs = own is not None and own.inputs == self.inputs(name, key)
                if (
                    self.is_outdated(name, key)
                    and is_there
                    and ((name, key) in self.caused or is_asked)
                    and (is_asked or not needs or (name, key) in self.failed)
                    and not self._is_hopeless(name, key)
                ):
                    asked.add((name, key))
        return [step for name in READS for step in self._run(name, asked)]

    def _is_hopeless(self, name: str, key: str | None) -> bool:
        failed = self.failed.get((name, key))
        return failed is not None and failed.inputs == self.inputs(name, key)

    def _run(self, name: str, asked: set[Partition]) -> list[Partition]:
        ran: list[Partition] = []
        for key in self.keys(name):
            step = (name, key)
            if step not in asked or any(one in asked and one in self.failed for one in self.above(name, key)):
                continue
            ran.append(step)
            self.count += 1
            made = Made(self.inputs(name, key), f"{name} {self.count}")
            self._spread(name, key)
            if step in self.broken:
                self.failed[step] = made
                continue
            self.failed.pop(step, None)
            self.made[step], self.data[step] = made, made.value
        return ran

    def _spread(self, name: str, key: str | None) -> None:
        """Something happened to a partition, and so to what reads it."""
        self.caused.add((name, key))
        for reader, reads in READS.items():
            if name in reads:
                self._spread(reader, None if reader == TOTAL else key)


def make_step(chance: random.Random, key: str) -> Partition:
    name = chance.choice(list(READS))
    return (name, None if name == TOTAL else key)


@pytest.fixture
def ran() -> Ran:
    return Ran()


@pytest.fixture
def ws(ws: nbpart.Workspace, ran: Ran) -> nbpart.Workspace:
    ws.project.make_pool = ran.stage.make_pool
    return ws


@pytest.mark.parametrize("seed", range(4))
def test_ticks_ask_for_what_a_plain_model_asks_for(ws: nbpart.Workspace, ran: Ran, seed: int) -> None:
    chance = random.Random(seed)
    letters = ws.dynamic_partitions("letters")
    letters.add("backlog")
    model = Model(["backlog"])

    def answer(spec: RunSpec) -> str | Exception:
        ran.append((spec.asset, spec.partition_key))
        return RuntimeError("broken") if (spec.asset, spec.partition_key) in model.broken else f"run {len(ran)}"

    ran.stage.answer = answer
    for name in ("raw", "other"):
        declare(ws, name, partitions=letters)
    record(ws, "raw", "backlog", "before")
    model.data["raw", "backlog"] = "before"
    for name, reads in READS.items():
        over = {} if name == TOTAL else {"partitions": letters}
        declare(ws, name, reads=reads, automation=nbpart.eager(), **over)
    history: list[str] = []
    for _ in range(60):
        act = chance.choice(["add", "add", "remove", *["record"] * 6, "break", *["tick"] * 3])
        key = chance.choice([*KEYS, "backlog"])
        if act == "add" and key not in model.members:
            letters.add(key)
            model.add(key)
            history.append(f"add {key}")
        elif act == "remove" and key in model.members and chance.random() < 0.3:
            letters.remove(key)
            model.remove(key)
            history.append(f"remove {key}")
        elif act == "record" and key in model.members:
            name, value = chance.choice(["raw", "other"]), chance.choice("xyz")
            record(ws, name, key, value)
            model.record(name, key, value)
            history.append(f"record {name} {key} {value}")
        elif act == "break":
            model.broken = set() if len(model.broken) > 1 else model.broken | {make_step(chance, key)}
            history.append(f"broken: {model.broken}")
        elif act == "tick":
            expected = model.tick()
            history.append(f"tick: {expected}")
            assert sorted(tick(ws, ran), key=str) == sorted(expected, key=str), "\n".join(history)
    assert len(ran) > 5, "a history that asks for nothing shows nothing"
