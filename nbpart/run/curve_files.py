"""The files of a run's curves at its end: what grew is kept as Parquet, and sums up to metrics."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from nbpart.run.curves import read_lines
from nbpart.run.report import RunReport
from nbpart.run.spec import RunSpec
from nbpart.storage import place_kept_curves

log = logging.getLogger("nbpart.run")


def keep_curves(spec: RunSpec, report: RunReport) -> RunReport:
    """The report with the curves of a run that has ended, and with the metrics that they come to.

    A value that was logged without a step wins. Curves that cannot be kept are named in a note; the run ends as it did.
    """
    if not report.members:
        return _keep(spec, report)
    specs = {member.run_no: spec.of_member(member) for member in spec.members}
    members = {run_no: _keep(specs[run_no], member) for run_no, member in report.members.items()}
    return replace(report, members=members)


def _keep(spec: RunSpec, report: RunReport) -> RunReport:
    place = Path(spec.locate(spec.curves))
    if not place.exists():
        return report
    try:
        curves = read_lines(place)
        if not len(curves.table):
            return report
        curves.save(spec.store, place_kept_curves(spec.data_prefix))
    except (OSError, ValueError) as error:
        log.warning("the curves of %s could not be kept: %s", spec.where, error)
        note = f"its curves could not be kept: {error}"
        return replace(report, note=f"{report.note}; {note}" if report.note else note)
    place.unlink(missing_ok=True)
    metrics = {**curves.summarize(spec.metrics), **report.metrics}
    return replace(report, metrics=metrics, curves=place_kept_curves(spec.data_prefix))


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
