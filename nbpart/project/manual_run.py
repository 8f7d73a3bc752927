"""A manual run: a notebook run cell by cell, which saves to scratch files or, if asked to, records each save."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbpart.backfill.claimed_run import ClaimedRun
from nbpart.backfill.coordinator import Coordinator
from nbpart.backfill.data_faults import assess_input_faults
from nbpart.backfill.inputs import ResolvedInputs
from nbpart.backfill.registry import Node
from nbpart.backfill.results import to_outcome
from nbpart.catalog import Batch, events, queries
from nbpart.errors import CatalogError, MissingInputError, UnknownNameError
from nbpart.project.data_seen import try_record_data_observations
from nbpart.project.folder import open_folder
from nbpart.run.context import RunContext
from nbpart.run.curve_files import publish_curves
from nbpart.run.curves import CurveLog
from nbpart.run.output_handler import OutputHandler
from nbpart.run.report import RunOutput, RunReport
from nbpart.run.spec import RunSpec
from nbpart.states import RunStatus
from nbpart.storage import FileRecord, Store, place_data, publish_again

MANUAL_RUN_PURPOSE = "a notebook run by hand"


@dataclass
class Recorder:
    """Records each save of a manual run as a run that succeeded.

    ``run`` is the reserved number and id of the next, ``scratch`` the spec as if nothing were recorded: its file of
    curves grows on over all that are recorded.
    """

    root: Path
    store: Store
    node: Node
    key: str | None
    resolved: ResolvedInputs
    run: events.ReservedRun
    scratch: RunSpec
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def assign_run(self, spec: RunSpec) -> RunSpec:
        """A copy of the spec with the id of the next recorded run, whose files go to the asset's data folder."""
        return dataclasses.replace(
            spec,
            run_no=self.run.run_no,
            run_id=self.run.run_id,
            data_prefix=place_data(self._claimed_run.stem),
        )

    def record(self, output: RunOutput) -> RunOutput:
        """Record the next run with all that was saved and logged so far; returns the output with its files' paths.

        Raises `CatalogError` where the partition is running elsewhere, `UnknownNameError` for a key that is not there.
        """
        output = dataclasses.replace(output, files=tuple(self._link_file(file) for file in output.files))
        # opened for each save: a cell that is run again and again must not leave a catalog open each time
        _, catalog = open_folder(self.root, create=False, purpose=MANUAL_RUN_PURPOSE)
        coordinator = Coordinator(catalog, catalog.path.with_name("coordinators"), MANUAL_RUN_PURPOSE)
        try:
            number = coordinator.number
            summed, curves = publish_curves(self.scratch, place_data(self._claimed_run.stem))
            complete = dataclasses.replace(output, metrics={**summed, **output.metrics})
            report = self._report(complete, curves)
            self.run = catalog.write(lambda batch: self._record(batch, number, report))
        finally:
            coordinator.close()
            catalog.close()
        return output

    def _link_file(self, file: FileRecord) -> FileRecord:
        """A file as one of the next run: one that an earlier recorded run saved gets a second name."""
        folder, _, name = file.path.rpartition("/")
        own = f"{folder}/{self.run.run_id}-1.{name.partition('.')[2]}"
        if own != file.path and self.store.stat(own) is None:
            publish_again(self.store, file.path, own)
        return dataclasses.replace(file, path=own)

    def _record(self, batch: Batch, coordinator_no: int, report: RunReport) -> events.ReservedRun:
        import pandas as pd

        claims = pd.DataFrame(
            {
                "backfill_no": pd.array([None], dtype="Int64"),
                "step_no": [0],
                "asset_id": [self.node.asset_id],
                "key_id": [self._key_id(batch)],
                "code_version": [self.node.definition.code_version],
                "settings": [None],
            }
        )
        run = self._claimed_run
        if not events.claim_reserved(batch, self.run, claims, coordinator_no):
            raise CatalogError(f"{run.label} is running elsewhere just now; save again when that is done.")
        attempt = {"run_no": run.run_no, "attempt": 1, "started_at": self.started_at, "notebook": None, "log": None}
        events.start_attempts(batch, pd.DataFrame([attempt]))
        events.record_outcomes(batch, [to_outcome(run, report, final=True)])
        return events.reserve_run(batch)

    def _key_id(self, batch: Batch) -> int:
        if self.key is None:
            return 0
        key_id = int(queries.key_ids(batch, self.node.set_id, [self.key])[0])
        if key_id < 0:
            raise UnknownNameError(f"{self.key!r} is no partition of {self.node.name!r}; add it before recording.")
        return key_id

    @property
    def _claimed_run(self) -> ClaimedRun:
        return ClaimedRun(
            step=0,
            run_no=self.run.run_no,
            run_id=self.run.run_id,
            asset=self.node.name,
            key=self.key,
            inputs=self.resolved.inputs,
            reads=self.resolved.reads,
            code_version=self.node.definition.code_version,
        )

    def _report(self, output: RunOutput, curves: str | None) -> RunReport:
        now = datetime.now(UTC)
        return RunReport(
            run_no=self.run.run_no,
            run_id=self.run.run_id,
            partition_key=self.key,
            attempt=1,
            status=RunStatus.SUCCEEDED,
            started_at=self.started_at,
            finished_at=now,
            duration_s=(now - self.started_at).total_seconds(),
            files=output.files,
            metrics=output.metrics,
            curves=curves,
            kernel="by hand",
        )


class ManualOutputHandler(OutputHandler):
    """Records faults of inputs at once and, where there is a ``recorder``, each save and log as a run of its own."""

    def __init__(self, root: Path, recorder: Recorder | None) -> None:
        self._root, self._recorder = root, recorder
        # the files of an earlier save are those of a recorded run
        self.keeps_replaced_files = recorder is not None

    def handle_change(self, spec: RunSpec, output: RunOutput) -> tuple[RunSpec, RunOutput]:
        if self._recorder is None:
            return spec, output
        recorded = self._recorder.record(output)
        return self._recorder.assign_run(spec), recorded

    def handle_faults(self, output: RunOutput) -> None:
        _, catalog = open_folder(self._root, create=False, purpose=MANUAL_RUN_PURPOSE)
        try:
            try_record_data_observations(catalog, assess_input_faults(output.faults))
        finally:
            catalog.close()


class ManualRun(RunContext):
    """The context of a notebook that a person runs cell by cell."""

    def __init__(
        self, spec: RunSpec, check_trust: Callable[[], object], recorder: Recorder | None = None, hint: str = ""
    ) -> None:
        """``hint`` is added to the error for a missing input: a possible reason, as a sentence."""
        handler = ManualOutputHandler(Path(spec.workspace), recorder)
        curves = CurveLog.of(spec)
        if recorder is not None:
            spec = recorder.assign_run(spec)
        super().__init__(spec, recording=recorder is not None, handler=handler, check_trust=check_trust, curves=curves)
        self._hint = hint

    def load(
        self,
        name: str | None = None,
        key: str | None = None,
        *,
        file: str | None = None,
        trusted: Collection[str] = (),
    ) -> Any:
        """Load an input; see `RunContext.load`."""
        try:
            return super().load(name, key, file=file, trusted=trusted)
        except MissingInputError as error:
            if self._hint:
                raise MissingInputError(f"{error} {self._hint}") from error
            raise
