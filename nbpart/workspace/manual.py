"""A run by hand: scratch files, or, where that was asked for, a record of each save."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbpart.backfill.claims import Flight, new_run_id
from nbpart.backfill.coordinator import Coordinator
from nbpart.backfill.inputs import ResolvedInputs
from nbpart.backfill.nodes import Node
from nbpart.backfill.results import to_outcome
from nbpart.catalog import Batch, events, queries
from nbpart.errors import CatalogError, MissingInputError, UnknownNameError
from nbpart.run.context import RunContext
from nbpart.run.spec import RunOutput, RunResult, RunSpec, SavedFileRecord
from nbpart.states import RunStatus
from nbpart.storage import SavedFile
from nbpart.workspace.folder import open_folder

BY_HAND = "a notebook run by hand"


@dataclass
class Recorder:
    """Records what a run by hand saves: each time as a run that succeeded."""

    root: Path
    node: Node
    key: str | None
    resolved: ResolvedInputs
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def place(self, spec: RunSpec) -> RunSpec:
        """The spec of the next recorded run: a new id, and data files among those of the asset."""
        run_id = new_run_id(datetime.now(UTC))
        flight = self._flight(run_id)
        return dataclasses.replace(spec, run_id=run_id, data_prefix=str(self.root / "data" / flight.stem))

    def record(self, run_id: str, output: RunOutput) -> None:
        """Record a run with all that was saved and logged so far."""
        # opened for each save: a cell that is run again and again must not leave a catalog open each time
        _, catalog = open_folder(self.root, create=False, purpose=BY_HAND)
        coordinator = Coordinator(catalog, catalog.path.with_name("coordinators"), BY_HAND)
        try:
            number = coordinator.number
            catalog.write(lambda batch: self._record(batch, number, run_id, output))
        finally:
            coordinator.close()
            catalog.close()

    def _record(self, batch: Batch, coordinator_no: int, run_id: str, output: RunOutput) -> None:
        import pandas as pd

        claims = pd.DataFrame(
            {
                "backfill_no": pd.array([None], dtype="Int64"),
                "step_no": [0],
                "asset_id": [self.node.asset_id],
                "key_id": [self._key_id(batch)],
                "run_id": [run_id],
                "code_version": [self.node.definition.code_version],
                "params": [None],
            }
        )
        claimed = events.claim_runs(batch, claims, coordinator_no).iloc[0]
        flight = self._flight(run_id)
        if pd.isna(claimed["run_no"]):
            raise CatalogError(f"{flight.label} is running elsewhere just now; save again when that is done.")
        flight = dataclasses.replace(flight, run_no=int(claimed["run_no"]))
        attempt = {"run_no": flight.run_no, "attempt": 1, "started_at": self.started_at, "notebook": None, "log": None}
        events.start_attempts(batch, pd.DataFrame([attempt]))
        events.record_outcomes(batch, [to_outcome(self.root, flight, self._result(run_id, output), final=True)])

    def _key_id(self, batch: Batch) -> int:
        if self.key is None:
            return 0
        key_id = int(queries.key_ids(batch, self.node.set_id, [self.key])[0])
        if key_id < 0:
            raise UnknownNameError(f"{self.key!r} is no partition of {self.node.name!r}; add it before recording.")
        return key_id

    def _flight(self, run_id: str) -> Flight:
        return Flight(
            step=0,
            run_no=-1,
            run_id=run_id,
            asset=self.node.name,
            key=self.key,
            inputs=self.resolved.inputs,
            reads=self.resolved.reads,
            code_version=self.node.definition.code_version,
        )

    def _result(self, run_id: str, output: RunOutput) -> RunResult:
        now = datetime.now(UTC)
        return RunResult(
            run_id=run_id,
            attempt=1,
            status=RunStatus.SUCCEEDED,
            started_at=self.started_at,
            finished_at=now,
            duration_s=(now - self.started_at).total_seconds(),
            files=output.files,
            metrics=output.metrics,
            kernel="by hand",
        )


class ManualRun(RunContext):
    """The context of a notebook that a person runs cell by cell."""

    def __init__(self, spec: RunSpec, recorder: Recorder | None = None, hint: str = "") -> None:
        """``hint`` is added where an input has nothing for this partition: why that may be."""
        super().__init__(recorder.place(spec) if recorder else spec, recording=recorder is not None)
        self._recorder, self._hint = recorder, hint

    def load(self, name: str | None = None, key: str | None = None, *, file: str | None = None) -> Any:
        """The value of an input; see `RunContext.load`."""
        try:
            return super().load(name, key, file=file)
        except MissingInputError as error:
            if self._hint:
                raise MissingInputError(f"{error} {self._hint}") from error
            raise

    def _put_file(self, name: str, saved: SavedFile) -> None:
        if self._recorder is None:
            super()._put_file(name, saved)
            return
        # what an earlier save recorded stays: every recorded run has files of its own
        self._files[name] = SavedFileRecord(
            name, saved.kind, saved.format, str(saved.path), saved.rows, saved.bytes, saved.data_version, saved.schema
        )

    def _changed(self, what: str) -> None:
        super()._changed(what)
        if self._recorder is not None:
            self._recorder.record(self.run_id, self.output)
            self._spec = self._recorder.place(self._spec)
