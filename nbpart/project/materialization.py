"""Materializing one partition: running it and waiting for its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbpart.assets.asset import name_of
from nbpart.backfill.inputs import HOW_TO_MAKE
from nbpart.backfill.registry import spell_key
from nbpart.errors import DeclarationError, MissingInputError
from nbpart.partitions import PartitionRef
from nbpart.project.partition_sets import add_key_if_new
from nbpart.project.plans import make_plan
from nbpart.project.project import Project
from nbpart.project.refresh import refresh_registry
from nbpart.project.runs import Run, get_run
from nbpart.states import RunStatus, StepStatus


def materialize(
    project: Project,
    asset: Any,
    key: Any,
    *,
    retries: int | None = None,
    timeout_s: float | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Run:
    """Run one partition now and wait for it; see `Workspace.materialize`. An interrupt (Ctrl-C) cancels the run."""
    project.check_trust()
    node = refresh_registry(project, asks=True)[name_of(asset)]
    if node.definition.is_source:
        raise DeclarationError(f"{node.name!r} is a source: nobody here computes it.")
    text = spell_key(node, key)
    if text is not None:
        add_key_if_new(project.catalog, node, text)
    plan = make_plan(project, node.name, text, "all")
    if plan.waiting_count:
        raise MissingInputError(f"{PartitionRef(node.name, text).label} {plan.waiting.iloc[0].reason}.")
    backfill = plan.run(max_workers=1, retries=retries, timeout_s=timeout_s, settings=settings)
    try:
        backfill.wait(progress=False)
    except KeyboardInterrupt:
        backfill.cancel()
        raise
    step = backfill.steps().iloc[0]
    if step.status == StepStatus.BLOCKED:
        keys = "" if text is None else f", keys={text!r}"
        example = f", as in ws.backfill('+{node.name}'{keys})" if step.cause.endswith(HOW_TO_MAKE) else ""
        raise MissingInputError(f"{PartitionRef(node.name, text).label} {step.cause}{example}.")
    run = get_run(project, step.run_id)
    if run.status != RunStatus.SUCCEEDED:
        raise run.to_error()
    return run
