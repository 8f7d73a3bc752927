"""The records of the explorer's panel as they are sent to pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbpart.partitions import REQUIRED, Parameter, PartitionRef
from nbpart.widgets import payloads
from nbpart.widgets.actions import (
    DataPreview,
    ExecutedNotebook,
    MaterializationDetails,
    NumberOption,
    PartitionDetails,
    PlanSummary,
    RunDetails,
)
from nbpart.widgets.clipping import clip_value, strip_terminal_codes
from nbpart.widgets.palette import describe_check
from nbpart.widgets.values import to_exact_json, to_iso

_HEAD_ROWS = 12
_MAX_TRACEBACK = 20_000
_MAX_MESSAGE = 2_000


def partition_json(shown: PartitionDetails) -> payloads.PartitionJson:
    """A partition with its newest runs."""
    return {
        "status": shown.status,
        "why": [_why_part_json(*part) for part in shown.why],
        "blocked": strip_terminal_codes(shown.blocked)[:_MAX_MESSAGE],
        "checks": [
            (name, strip_terminal_codes(describe_check(*said))[:_MAX_MESSAGE]) for name, *said in shown.checks
        ],
        "params": [(name, str(to_iso(value))) for name, value in shown.params.items()],
        "materialization": None if shown.materialization is None else materialization_json(shown.materialization),
        "runs": [
            {
                "id": run.run_id, "status": run.status, "attempt": run.attempt, "started_at": run.started_at,
                "duration_s": run.duration_s, "error": strip_terminal_codes(run.error or "")[:300],
            }
            for run in shown.runs
        ],
        "run_id": shown.run_id,
        "code": shown.code,
    }  # fmt: skip


def _why_part_json(text: str, named: PartitionRef | None) -> tuple[str, payloads.NamedPartitionJson | None]:
    """A part of a sentence; the message of an error in it may be long."""
    shown = strip_terminal_codes(text)[:_MAX_MESSAGE]
    return shown, None if named is None else {"asset": named.asset, "key": named.key}


def run_json(run: RunDetails) -> payloads.RunJson:
    """A run; of its traceback only the end, which says what was raised."""
    return {
        "id": run.run_id,
        "status": run.status,
        "is_live": run.is_live,
        "attempt": run.attempt,
        "started_at": run.started_at,
        "duration_s": run.duration_s,
        "error": strip_terminal_codes(run.error or "")[:_MAX_MESSAGE],
        "traceback": strip_terminal_codes(run.traceback)[-_MAX_TRACEBACK:],
        "notebook": run.notebook,
        "has_log": run.has_log,
        "materialization": None if run.materialization is None else materialization_json(run.materialization),
        "code": run.code,
    }


def materialization_json(made: MaterializationDetails) -> payloads.MaterializationJson:
    """What a run produced."""
    return {
        "materialized_at": made.materialized_at,
        "run_id": made.run_id,
        "duration_s": made.duration_s,
        "rows": made.rows,
        "bytes": made.bytes,
        "files": [_file_json(file) for file in made.files],
        "metrics": [(name, clip_value(to_exact_json(value))) for name, value in made.metrics.items()],
    }


def _file_json(file: Mapping[str, Any]) -> payloads.FileJson:
    return {"name": file["name"], "format": file["format"], "path": file["path"], "bytes": file["bytes"]}


def plan_json(plan: PlanSummary) -> payloads.PlanJson:
    """A plan with its first steps."""
    return {"steps": plan.steps, "head": list(plan.head[:_HEAD_ROWS])}


def describe_plan(plan: PlanSummary) -> str:
    """A plan in one sentence, such as "14 steps: 12 missing, 2 failed", with its notes before and its notice after."""
    reasons = ", ".join(f"{n:,} {reason}" for reason, n in plan.reasons.items())
    summary = f"{plan.steps:,} step{'' if plan.steps == 1 else 's'}: {reasons}"
    if not plan.steps:
        summary = "Nothing to do yet" if plan.waiting else "Nothing to do: everything chosen is up to date."
    summary = "; ".join([*plan.notes, summary, *filter(None, [plan.waiting])])
    return f"{summary.rstrip('.')}. {plan.notice[0].upper()}{plan.notice[1:]}" if plan.notice else summary


def parameter_json(parameter: Parameter) -> payloads.ParameterFieldJson:
    """A declared parameter as a field of a form."""
    default = "" if parameter.default is REQUIRED else str(to_iso(parameter.default))
    drawn = parameter.distribution
    choices = parameter.choices or (drawn.values if drawn is not None and drawn.is_list else None) or ()
    return {
        "name": parameter.name,
        "kind": parameter.kind.value,
        "accepts": parameter.takes,
        "choices": ["null" if choice is None else str(to_iso(choice)) for choice in choices],
        "drawn": "" if drawn is None else repr(drawn),
        "default": default,
        "required": parameter.default is REQUIRED,
    }


def option_json(option: NumberOption) -> payloads.OptionJson:
    """An option of a backfill as a field of a form."""
    return {
        "name": option.name, "label": option.label, "help": option.help, "placeholder": option.placeholder,
        "default": option.default, "least": option.least, "most": option.most,
    }  # fmt: skip


def backfill_json(monitor: payloads.MonitorJson) -> payloads.BackfillJson:
    """The part of a backfill's monitor that the panel's list shows."""
    return {
        "id": monitor["id"], "selection": monitor["selection"], "status": monitor["status"],
        "is_active": monitor["is_active"], "waiting_for": monitor["waiting_for"], "steps": monitor["steps"],
        "done": monitor["done"], "counts": monitor["counts"], "remaining_s": monitor["remaining_s"],
        "allowed": monitor["allowed"],
    }  # fmt: skip


def data_json(data: DataPreview) -> payloads.DataJson:
    """The beginning of some data, without its image."""
    return {
        "kind": data.kind,
        "columns": list(data.columns),
        "types": list(data.types),
        "rows": [list(row) for row in data.rows],
        "text": strip_terminal_codes(data.text),
    }


def notebook_json(notebook: ExecutedNotebook) -> tuple[payloads.ExecutedNotebookJson, list[bytes]]:
    """An executed notebook, and its images in the order in which its outputs refer to them."""
    images: list[bytes] = []
    cells: list[payloads.CellJson] = []
    for cell in notebook.cells:
        outputs: list[payloads.OutputJson] = []
        for output in cell.outputs:
            if isinstance(output, bytes):
                outputs.append({"image": len(images)})
                images.append(output)
            else:
                outputs.append({"text": strip_terminal_codes(output)})
        cells.append({"kind": cell.kind, "source": cell.source, "outputs": outputs})
    return {"cells": cells, "omitted_cells": notebook.omitted_cells}, images
