"""Recording outcomes of runs: the outcome, its materialization, and the facts of the partition."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpart.catalog.events import staging
from nbpart.catalog.events.checks import record_judgements
from nbpart.catalog.events.data import record_data_observations
from nbpart.catalog.events.staging import FactsUpdate, NewMaterialization
from nbpart.catalog.expressions import OUTCOME_FAILED, OUTCOME_SUCCEEDED, STALE_CODE
from nbpart.catalog.ids import is_id_of
from nbpart.catalog.ledger_shifts import FactChange, shift_facts
from nbpart.catalog.records import Judgement, Outcome
from nbpart.catalog.staleness import mark_made
from nbpart.errors import CatalogError, RecordingError, UnknownNameError
from nbpart.partitions import PartitionRef
from nbpart.states import MaterializationKind, RunStatus
from nbpart.storage import is_in_place, place_run

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch


@dataclass(frozen=True, slots=True)
class _Run:
    """A run with an outcome to record, and the facts of its partition.

    ``newest`` is its newest attempt that began, ``newest_ended`` the newest that has an outcome; 0 where there is none.
    ``code_version`` is that of the run, ``asset_code`` that of the asset now.
    """

    asset_id: int
    key_id: int
    set_id: int
    asset: str
    key: str | None
    run_id: str
    code_version: str | None
    asset_code: str | None
    is_source: bool
    fact_row: int
    data_hash: int | None
    stale: int
    is_ended: bool
    newest: int
    newest_ended: int


def record_outcomes(batch: Batch, outcomes: Sequence[Outcome]) -> None:
    """Record outcomes of attempts, with the materializations of those that succeeded.

    An outcome is ignored where its run has a final one, so that a result which comes twice is recorded once, and where
    the next attempt of its run has begun. The states of data that runs found while they read are recorded too.
    Raises UnknownNameError for a run that was never claimed, RecordingError where a data file is not the run's own.
    """
    runs = _load_runs(batch, [outcome.run_no for outcome in outcomes])
    accepted = _drop_superseded(outcomes, runs)
    if not accepted:
        return
    for outcome in accepted:
        _check_files(outcome, runs[outcome.run_no])
    batch.stage("outcomes_staged", staging.build_outcomes(accepted))
    batch.execute(
        "INSERT INTO outcomes BY NAME SELECT *, ? AS sequence FROM outcomes_staged",
        batch.sequence,
    )
    made = _insert_materializations(batch, accepted, runs)
    updates = _update_facts(batch, accepted, runs, made)
    record_judgements(batch, _list_judgements(made, runs))
    if renewed := [one for one in updates if one.materialization_id is not None]:
        _mark(batch, renewed, runs)
    record_data_observations(batch, [each for outcome in accepted for each in outcome.data_observations])


def _load_runs(batch: Batch, run_nos: Sequence[int]) -> dict[int, _Run]:
    wanted = set(run_nos)
    batch.stage("outcomes_runs", staging.build_numbers(run_no=sorted(wanted)))
    # in one statement these two take three times as long
    rows = batch.rows(
        """SELECT r.run_no, r.asset_id, r.key_id, a.set_id, a.name, CASE WHEN a.set_id <> 0 THEN k.key END, r.run_id,
            r.code_version, a.code_version, a.kind = 'source', f.rowid, f.data_hash, f.stale
        FROM runs AS r JOIN outcomes_runs USING (run_no) JOIN assets AS a ON a.asset_id = r.asset_id
        LEFT JOIN keys AS k ON k.key_id = r.key_id
        LEFT JOIN partition_facts AS f ON f.asset_id = r.asset_id AND f.key_id = r.key_id"""
    )
    attempts = batch.rows(
        """SELECT run_no, bool_or(final), max(begun), max(ended) FROM (
            SELECT run_no, final, 0 AS begun, attempt AS ended FROM outcomes
            UNION ALL SELECT run_no, false, attempt, 0 FROM attempts
        ) JOIN outcomes_runs USING (run_no) GROUP BY run_no"""
    )
    known = {run_no: found for run_no, *found in attempts}
    runs = {run_no: _Run(*row, *known.get(run_no, (False, 0, 0))) for run_no, *row in rows}
    if unknown := wanted - runs.keys():
        raise UnknownNameError(f"An outcome came for run {min(unknown)}, which was never claimed; claim the run first.")
    if any(run.fact_row is None for run in runs.values()):
        raise CatalogError(
            "The facts of a claimed partition are gone; rebuild them with nbpart catalog check --repair."
        )
    return runs


def _check_files(outcome: Outcome, run: _Run) -> None:
    """Raise RecordingError for a file that is not in the place of the run.

    So no two materializations name the same file: the place of an attempt contains its run's number, which no other
    run has, and a run has one materialization at most.
    """
    if not outcome.report.files:
        return
    if not is_id_of(run.run_id, outcome.run_no):
        raise RecordingError(f"Run {outcome.run_no} has the id {run.run_id!r}, which is another's; run it again.")
    place = place_run(PartitionRef(run.asset, run.key), run.run_id, outcome.attempt)
    for file in outcome.report.files:
        if not is_in_place(file.path, place):
            raise RecordingError(
                f"The data file {file.path!r} is not one of run {run.run_id} of {run.asset}: those are data/{place}.*"
            )


def _drop_superseded(outcomes: Sequence[Outcome], runs: dict[int, _Run]) -> list[Outcome]:
    """The outcomes without those after a final one of the same run, and without those of replaced attempts."""
    ended = {run_no for run_no, run in runs.items() if run.is_ended}
    newest_ended = {run_no: run.newest_ended for run_no, run in runs.items()}
    accepted = []
    for outcome in outcomes:
        run_no, attempt = outcome.run_no, outcome.attempt
        is_recorded = not outcome.final and attempt <= newest_ended[run_no]
        if run_no in ended or attempt < runs[run_no].newest or is_recorded:
            continue
        accepted.append(outcome)
        newest_ended[run_no] = max(newest_ended[run_no], attempt)
        if outcome.final:
            ended.add(run_no)
    return accepted


def _insert_materializations(
    batch: Batch, accepted: Sequence[Outcome], runs: dict[int, _Run]
) -> dict[int, NewMaterialization]:
    """Record the materializations of the runs that succeeded. Returns them by the numbers of their runs."""
    succeeded = [outcome for outcome in accepted if outcome.final and outcome.status is RunStatus.SUCCEEDED]
    if not succeeded:
        return {}
    first = batch.take_ids("next_materialization_id", len(succeeded))
    made = []
    for materialization_id, outcome in enumerate(succeeded, first):
        run = runs[outcome.run_no]
        code_version = run.code_version if outcome.code_version is None else outcome.code_version
        made.append(
            staging.build_new_materialization(materialization_id, run.asset_id, run.key_id, code_version, outcome)
        )
    batch.stage("materializations_staged", staging.build_materializations(made))
    batch.execute(
        f"""INSERT INTO materializations BY NAME SELECT *, ? AS sequence, '{MaterializationKind.RUN}' AS kind
        FROM materializations_staged""",
        batch.sequence,
    )
    for table, statement in _INSERTS.items():
        if (rows := staging.BUILDERS[table](made)).num_rows:
            batch.stage(f"{table}_staged", rows)
            batch.execute(statement)
    return {one.outcome.run_no: one for one in made}


def _list_judgements(made: dict[int, NewMaterialization], runs: dict[int, _Run]) -> Iterator[Judgement]:
    """What checks said of what runs made; of a run that made nothing nothing counts."""
    for run_no, one in made.items():
        for result in one.outcome.report.checks:
            run = runs[run_no]
            yield Judgement(run.asset_id, run.key_id, one.materialization_id, one.data_hash, result, run_no)


_INSERTS = {
    "data_files": "INSERT INTO data_files BY NAME FROM data_files_staged",
    "inputs": "INSERT INTO inputs BY NAME FROM inputs_staged",
    "metrics": """INSERT INTO metrics (materialization_id, name, number, text, whole)
        SELECT materialization_id, name, number, text, whole::HUGEINT FROM metrics_staged""",
}


def _update_facts(
    batch: Batch, accepted: Sequence[Outcome], runs: dict[int, _Run], made: dict[int, NewMaterialization]
) -> list[FactsUpdate]:
    """Update the facts of the partitions, and leave the updates, which are returned, staged as facts_updates."""
    updates: dict[int, FactsUpdate] = {}
    for outcome in accepted:
        run, one = runs[outcome.run_no], made.get(outcome.run_no) if outcome.final else None
        updates[run.fact_row] = FactsUpdate(
            run.fact_row,
            run.asset_id,
            run.key_id,
            outcome.run_no,
            outcome.final,
            _OUTCOMES.get(outcome.status) if outcome.final else None,
            one.materialization_id if one else None,
            one.data_hash if one else None,
            STALE_CODE if one and not run.is_source and one.code_version != run.asset_code else 0,
            one is not None and one.data_hash != run.data_hash,
        )
    batch.stage("facts_updates", staging.build_facts_updates(list(updates.values())))
    batch.execute(
        """UPDATE partition_facts AS f SET
            active = CASE WHEN f.active_run IS DISTINCT FROM s.run_no THEN f.active WHEN s.final THEN 0 ELSE 1 END,
            active_run = CASE WHEN s.final AND f.active_run = s.run_no THEN NULL ELSE f.active_run END,
            outcome = coalesce(s.outcome, f.outcome),
            materialization_id = coalesce(s.materialization_id, f.materialization_id),
            data_hash = coalesce(s.data_hash, f.data_hash),
            stale = CASE WHEN s.materialization_id IS NULL THEN f.stale ELSE s.stale END,
            changed = ?
        FROM facts_updates AS s WHERE f.rowid = s.fact_row""",
        batch.sequence,
    )
    return list(updates.values())


def _mark(batch: Batch, renewed: Sequence[FactsUpdate], runs: dict[int, _Run]) -> None:
    """Decide what follows from partitions that were made, of which the facts are updated."""
    by_asset: dict[int, list[FactsUpdate]] = {}
    for one in renewed:
        by_asset.setdefault(one.asset_id, []).append(one)
    for asset_id, some in by_asset.items():
        old = [runs[one.run_no] for one in some]
        changes = [
            FactChange(new.key_id, run.data_hash, run.stale, new.data_hash, new.stale)
            for new, run in zip(some, old, strict=True)
        ]
        shift_facts(batch, asset_id, old[0].set_id, changes)
    counts = {asset_id: (len(some), any(one.is_data for one in some)) for asset_id, some in by_asset.items()}
    mark_made(batch, "facts_updates", counts)


_OUTCOMES = {RunStatus.SUCCEEDED: OUTCOME_SUCCEEDED, RunStatus.FAILED: OUTCOME_FAILED}
