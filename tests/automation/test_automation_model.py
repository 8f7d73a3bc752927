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
#: Each asset that asks by itself, with what it reads by the same key.
READS = {"clean": ["raw"], "report": ["clean", "other"], "page": ["report"]}


@dataclass
class Made:
    """What the last run of a partition that succeeded, or failed, found to read."""

    inputs: list[Any]
    value: Any = None


@dataclass
class Model:
    """What there is: data by (asset, key), what read it, and the keys that something happened to since the start."""

    members: list[str]
    data: dict[tuple[str, str], Any] = field(default_factory=dict)
    made: dict[tuple[str, str], Made] = field(default_factory=dict)
    failed: dict[tuple[str, str], Made] = field(default_factory=dict)
    caused: set[tuple[str, str]] = field(default_factory=set)
    broken: set[tuple[str, str]] = field(default_factory=set)
    count: int = 0

    def inputs(self, name: str, key: str) -> list[Any]:
        return [self.data.get((read, key)) for read in READS[name]]

    def is_outdated(self, name: str, key: str) -> bool:
        if name not in READS:
            return (name, key) not in self.data
        made = self.made.get((name, key))
        return made is None or made.inputs != self.inputs(name, key) or self.is_below(name, key)

    def is_below(self, name: str, key: str) -> bool:
        """Whether something that it reads is outdated."""
        return any(self.is_outdated(read, key) for read in READS[name])

    def record(self, name: str, key: str, value: str) -> None:
        """A person makes a partition that nothing asks for."""
        self.data[name, key] = value
        self._spread(name, key)

    def add(self, key: str) -> None:
        self.members.append(key)
        self.caused |= {(name, key) for name in READS}

    def tick(self) -> list[tuple[str, str]]:
        """What is asked for, in the order of the graph, and run at once; returns what ran."""
        asked: set[tuple[str, str]] = set()
        for name, reads in READS.items():
            for key in self.members:
                above = [(read, key) for read in reads]
                is_there = all(one in self.data or one in asked for one in above)
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

    def _is_hopeless(self, name: str, key: str) -> bool:
        failed = self.failed.get((name, key))
        return failed is not None and failed.inputs == self.inputs(name, key)

    def _run(self, name: str, asked: set[tuple[str, str]]) -> list[tuple[str, str]]:
        ran = []
        for key in self.members:
            step = (name, key)
            if step not in asked or any((read, key) in asked and (read, key) in self.failed for read in READS[name]):
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

    def _spread(self, name: str, key: str) -> None:
        """Something happened to a partition, and so to what reads it."""
        self.caused.add((name, key))
        for reader, reads in READS.items():
            if name in reads:
                self._spread(reader, key)


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
        declare(ws, name, partitions=letters, reads=reads, automation=nbpart.eager())
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
            model.members.remove(key)
            history.append(f"remove {key}")
        elif act == "record" and key in model.members:
            name, value = chance.choice(["raw", "other"]), chance.choice("xyz")
            record(ws, name, key, value)
            model.record(name, key, value)
            history.append(f"record {name} {key} {value}")
        elif act == "break":
            model.broken = set() if len(model.broken) > 1 else model.broken | {(chance.choice(list(READS)), key)}
            history.append(f"broken: {sorted(model.broken)}")
        elif act == "tick":
            expected = model.tick()
            history.append(f"tick: {expected}")
            assert sorted(tick(ws, ran)) == sorted(expected), "\n".join(history)
    assert len(ran) > 5, "a history that asks for nothing shows nothing"
