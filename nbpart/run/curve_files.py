"""The files of a run's curves at its end: what grew is kept as Parquet, and sums up to metrics."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from nbpart.run.curves import read_lines
from nbpart.run.report import RunReport
from nbpart.run.spec import RunSpec
from nbpart.storage import place_curves, place_kept_curves

log = logging.getLogger("nbpart.run")


def keep_curves(spec: RunSpec, report: RunReport) -> RunReport:
    """The report with the curves of a run that has ended, and with the metrics that they come to.

    A value that was logged without a step wins. Curves that cannot be kept are named in a note; the run ends as it did.
    """
    if not report.members:
        return _keep(spec, spec.data_prefix, report)
    prefixes = {member.run_no: member.data_prefix for member in spec.members}
    members = {run_no: _keep(spec, prefixes[run_no], member) for run_no, member in report.members.items()}
    return replace(report, members=members)


def _keep(spec: RunSpec, data_prefix: str, report: RunReport) -> RunReport:
    """The same for the partition whose data files begin with ``data_prefix``."""
    place, kept = Path(spec.locate(place_curves(data_prefix))), place_kept_curves(data_prefix)
    if not place.exists():
        return report
    try:
        curves = read_lines(place)
        if not len(curves.table):
            return report
        curves.save(spec.store, kept)
    except (OSError, ValueError) as error:
        log.warning("the curves of run %s could not be kept: %s", report.run_id, error)
        note = f"its curves could not be kept: {error}"
        return replace(report, note=f"{report.note}; {note}" if report.note else note)
    place.unlink(missing_ok=True)
    metrics = {**curves.summarize(spec.metrics), **report.metrics}
    return replace(report, metrics=metrics, curves=kept)


def publish_curves(spec: RunSpec, data_prefix: str) -> tuple[dict[str, float], str | None]:
    """Keep what a run by hand has logged so far for a run whose data files begin with ``data_prefix``.

    The file that grows stays. Returns the metrics that it comes to, and where it is kept.
    """
    curves = read_lines(Path(spec.locate(spec.curves)))
    if not len(curves.table):
        return {}, None
    kept = place_kept_curves(data_prefix)
    curves.save(spec.store, kept)
    return curves.summarize(spec.metrics), kept
