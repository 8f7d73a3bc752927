"""A short way to tell what happened: each method is one or two events, in a write of its own."""

# ruff: noqa: S608  the SQL is made of constants of the package and of the tests
from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from nbpart.assets.definition import Input
from nbpart.catalog import Batch, Catalog, events
from nbpart.catalog.check import check
from nbpart.catalog.expressions import order_free_hash, status_sql
from nbpart.catalog.records import AssetRow, InputRead, Outcome, Registered
from nbpart.partitions import DynamicPartitions, PartitionRef
from nbpart.partitions.mapping import AllKeys, Same, Whole
from nbpart.run import RunReport
from nbpart.states import RunStatus
from nbpart.storage import FileRecord, place_run


def version_of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def make_outcome(
    run_no: int, attempt: int, status: RunStatus, final: bool = True, *, run_id: str = "", **given: Any
) -> Outcome:
    now = datetime.now(UTC)
    times = {"started_at": now, "finished_at": now, "duration_s": 0.1}
    report = RunReport(run_no=run_no, run_id=run_id, attempt=attempt, status=status, **(times | given))
    return Outcome(report, final)


#: What inputs of assets are registered by, in a word.
MAPPINGS = {"same": Same(), "whole": Whole(), "all": AllKeys()}


class Story:
    """The set `files`, and whatever a test registers on it."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.files = catalog.write(lambda b: events.ensure_set(b, DynamicPartitions("files")))
        self.coordinator = catalog.write(lambda b: events.start_coordinator(b, "here", 1, "lock", "test"))
        self.ids: dict[str, int] = {}
        self.sets: dict[str, int] = {}
        self.codes: dict[str, str | None] = {}
        self.inputs: dict[str, list[tuple[str, str]]] = {}
        self._numbers = itertools.count(1)

    def add(self, *keys: str) -> list[str]:
        return self.catalog.write(lambda b: events.add_keys(b, self.files, keys)).new

    def remove(self, *keys: str) -> list[str]:
        return self.catalog.write(lambda b: events.remove_keys(b, self.files, keys))

    def register(
        self,
        name: str,
        *inputs: tuple[str, str],
        code: str | None = "c1",
        kind: str = "function",
        set_id: int | None = None,
    ) -> Registered:
        set_id = self.files if set_id is None else set_id
        code = None if kind == "source" else code
        row = AssetRow(
            name, kind, set_id, code, {"doc": ""}, [Input(read, MAPPINGS[mapping]) for read, mapping in inputs]
        )
        registered = self.catalog.write(lambda b: events.register_assets(b, [row]))[name]
        self.ids[name], self.sets[name], self.codes[name] = registered.asset_id, set_id, code
        self.inputs[name] = list(inputs)
        return registered

    def observe(self, source: str, contents: Mapping[str, str | None]) -> int:
        frame = pd.DataFrame(
            {
                "key": list(contents),
                "size": [len(c or "") for c in contents.values()],
                "proof": str(next(self._numbers)),
                "version": [None if c is None else version_of(c) for c in contents.values()],
            }
        )
        return self.catalog.write(lambda b: events.record_observations(b, self.ids[source], frame))

    def claim(self, asset: str, *keys: str | None, coordinator: int | None = None) -> list[int | None]:
        """Claim partitions; the number of each run, None where another has the partition."""
        ids = [self.key_id(key) for key in keys]
        frame = pd.DataFrame(
            {
                "backfill_no": None,
                "step_no": range(len(keys)),
                "asset_id": self.ids[asset],
                "key_id": ids,
                "code_version": self.codes[asset],
                "settings": None,
            }
        )
        number = self.coordinator if coordinator is None else coordinator
        claimed = self.catalog.write(lambda b: events.claim_runs(b, frame, number))
        return [None if pd.isna(run_no) else int(run_no) for run_no in claimed["run_no"]]

    def start(self, *run_nos: int, attempt: int = 1) -> None:
        frame = pd.DataFrame({"run_no": run_nos, "attempt": attempt, "notebook": "a.ipynb", "log": "a.log"})
        frame["started_at"] = datetime.now(UTC)
        self.catalog.write(lambda b: events.start_attempts(b, frame))

    def end(
        self,
        run_no: int,
        status: RunStatus = RunStatus.SUCCEEDED,
        *,
        attempt: int = 1,
        final: bool = True,
        content: str | None = None,
        **more: Any,
    ) -> None:
        """Record an outcome; a success reads its inputs as they are now and has `content` for data."""
        asset, key_id, run_id = self._run(run_no)
        known = {name: more.pop(name) for name in ("inputs", "code_version", "data_observations") if name in more}
        if status is RunStatus.SUCCEEDED:
            known.setdefault("inputs", self.catalog.read(lambda b: self._read_inputs(b, asset, key_id)))
            if content is not None:
                path, version = f"data/{self.place(run_no, attempt)}.json", version_of(content)
                more.setdefault("files", (FileRecord("", "value", "json", path, data_version=version),))
        outcome = make_outcome(run_no, attempt, status, final, run_id=run_id, **more)
        self.catalog.write(lambda b: events.record_outcomes(b, [replace(outcome, **known)]))

    def place(self, run_no: int, attempt: int = 1) -> str:
        """Where an attempt's files lie."""
        sql = """SELECT a.name, nullif(k.key, ''), r.run_id FROM runs AS r
            JOIN assets AS a USING (asset_id) JOIN keys AS k USING (key_id) WHERE run_no = ?"""
        row = self.catalog.read(lambda b: b.row(sql, run_no))
        assert row is not None
        asset, key, run_id = row
        return place_run(PartitionRef(asset, key), run_id, attempt)

    def make(self, asset: str, key: str | None, content: str) -> int:
        """A whole run of one partition that comes out as `content`."""
        [run_no] = self.claim(asset, key)
        assert run_no is not None
        self.start(run_no)
        self.end(run_no, content=content)
        return run_no

    def status(self, asset: str, key: str | None) -> str:
        sql = f"""SELECT {status_sql()} FROM keys AS k LEFT JOIN partition_facts AS f
            ON f.key_id = k.key_id AND f.asset_id = ? WHERE k.key = ?"""
        return str(self.catalog.read(lambda b: b.value(sql, self.ids[asset], key or "")))

    def statuses(self, asset: str, keys: Sequence[str]) -> str:
        return " ".join(self.status(asset, key) for key in keys)

    def findings(self) -> list[Any]:
        return self.catalog.read(check)

    def key_id(self, key: str | None) -> int:
        if key is None:
            return 0
        # first of its own set: in a catalog that tests share others have keys of the same text
        sql = "SELECT key_id FROM keys WHERE key = ? ORDER BY set_id <> ? LIMIT 1"
        return int(self.catalog.read(lambda b: b.value(sql, key, self.files)))

    def count(self, table: str) -> int:
        return int(self.catalog.read(lambda b: b.value(f"SELECT count(*) FROM {table}")))

    def read_inputs(self, asset: str, key: str | None) -> list[InputRead]:
        """What a run of this partition would read now."""
        key_id = self.key_id(key)
        return self.catalog.read(lambda b: self._read_inputs(b, asset, key_id))

    def run_id(self, run_no: int) -> str:
        return self._run(run_no)[2]

    def _run(self, run_no: int) -> tuple[str, int, str]:
        sql = "SELECT a.name, r.key_id, r.run_id FROM runs AS r JOIN assets AS a USING (asset_id) WHERE run_no = ?"
        row = self.catalog.read(lambda b: b.row(sql, run_no))
        assert row is not None
        return row[0], row[1], row[2]

    def _read_inputs(self, batch: Batch, asset: str, key_id: int) -> list[InputRead]:
        reads = []
        for name, mapping in self.inputs[asset]:
            input_id = self.ids[name]
            if mapping == "all":
                sql = f"""SELECT count(*), {order_free_hash()} FROM partition_facts JOIN members USING (key_id)
                    WHERE asset_id = ? AND set_id = ? AND data_hash IS NOT NULL"""
                n, data_hash = batch.rows(sql, input_id, self.sets[name])[0]
                reads.append(InputRead(input_id, name, None, n, data_hash, batch.sequence))
            else:
                wanted = key_id if mapping == "same" else 0
                sql = "SELECT data_hash FROM partition_facts WHERE asset_id = ? AND key_id = ?"
                data_hash = batch.value(sql, input_id, wanted)
                reads.append(InputRead(input_id, name, wanted, int(data_hash is not None), data_hash))
        return reads
