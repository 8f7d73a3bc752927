"""The checks of a workspace: registered, removed, counted, and what they say of partitions."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbpart.assets.asset import name_of
from nbpart.assets.check_definition import CheckDefinition
from nbpart.assets.checks import Check, bind_check
from nbpart.assets.kept_paths import keep_path
from nbpart.assets.selection import read_selection
from nbpart.assets.source_functions import find_version, read_code
from nbpart.backfill.registry import Node, load_registry
from nbpart.catalog import Batch, events, queries
from nbpart.errors import DeclarationError, UnknownNameError, nearest
from nbpart.partitions.filters import read_condition
from nbpart.project.key_choices import list_choices
from nbpart.project.partition_selection import choose_partitions
from nbpart.project.project import Project

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


log = logging.getLogger("nbpart")


def prepare_check(declared: Check) -> CheckDefinition:
    """The definition of a declared check, without its arguments yet; what its code needs is read now.

    Raises `DeclarationError`, and `CarryError` for a function that cannot be carried.
    """
    try:
        code = read_code(declared.function, declared.folder)
    except DeclarationError as error:
        raise type(error)(f"check {declared.name!r} of {declared.asset!r}: {error}") from None
    return CheckDefinition(
        declared.name,
        "function",
        code.version,
        declared.blocking,
        declared.severity,
        declared.description,
        code,
    )


def record_checks(batch: Batch, root: Path, checks: Sequence[tuple[Check, CheckDefinition]]) -> None:
    """Register checks that were prepared. Raises `DeclarationError`, and `UnknownNameError` for an unknown asset."""
    if not checks:
        return
    nodes = load_registry(batch, root).nodes
    by_name = {name.lower(): node for name, node in nodes.items()}
    seen: set[tuple[str, str]] = set()
    for declared, definition in checks:
        node = by_name.get(declared.asset.lower())
        if node is None:
            raise UnknownNameError(
                f"the check {declared.name!r} is of {declared.asset!r}, which is no asset here; "
                f"{nearest(declared.asset, nodes)}"
            )
        _refuse(node, declared, seen)
        inputs = [read.argument for read in node.definition.inputs]
        bound = bind_check(declared, node.partitions, inputs)
        complete = replace(definition, arguments=bound)
        events.save_check(batch, node.asset_id, complete.with_paths(lambda path: keep_path(path, root)))


def _refuse(node: Node, declared: Check, seen: set[tuple[str, str]]) -> None:
    if node.definition.is_source:
        raise DeclarationError(
            f"the check {declared.name!r} is of the source {node.name!r}, which nobody here computes: check an asset "
            "that reads it."
        )
    if node.definition.language.lower() not in ("python", "ipython", "python3"):
        raise DeclarationError(
            f"the check {declared.name!r} is of {node.name!r}, a notebook in {node.definition.language}: checks are "
            "Python, and run in the kernel of its runs."
        )
    one = (node.name, declared.name.lower())
    if one in seen:
        raise DeclarationError(
            f"the check {declared.name!r} of {node.name!r} comes twice in one call: name one of them."
        )
    seen.add(one)
    cell = next((c for c in node.definition.check_cells if c.name.lower() == declared.name.lower()), None)
    if cell is not None:
        raise DeclarationError(
            f"{node.name!r} has a check {cell.name!r} already, in a cell of its notebook: give this one another name."
        )


def refresh_checks(project: Project) -> None:
    """Take up the code of checks that stand in edited modules: what they said before is outdated then.

    One whose function is not there any more is taken off, which is logged.
    """
    root = project.root
    found: list[tuple[Node, CheckDefinition, str]] = []
    for node in project.registry().nodes.values():
        for check in node.checks:
            version = find_version(check.code) if check.code is not None else None
            if version is not None and version != check.version:
                found.append((node, check, version))

    def work(batch: Batch) -> list[str]:
        known = queries.load_checks(batch)
        gone = []
        for node, check, version in found:
            if not any(one.name == check.name for one in known.get(node.asset_id, ())):
                continue
            if version:
                now = replace(check, version=version).with_paths(lambda path: keep_path(path, root))
                events.save_check(batch, node.asset_id, now)
            else:
                events.remove_check(batch, node.asset_id, check.name)
                gone.append(
                    f"the check {check.name!r} of {node.name!r} is not in its module any more, and is taken off"
                )
        return gone

    for sentence in project.catalog.write(work) if found else ():
        log.info("%s; what it said stays recorded.", sentence)


def remove_check(project: Project, asset: Any, name: str) -> None:
    """Take a check off an asset; see `Workspace.remove_check`."""

    def work(batch: Batch) -> None:
        node = load_registry(batch, project.root)[name_of(asset)]
        if any(cell.name.lower() == name.lower() for cell in node.definition.check_cells):
            raise DeclarationError(
                f"the check {name!r} is a cell of the notebook of {node.name!r}: take its tag away there."
            )
        events.remove_check(batch, node.asset_id, name)

    project.catalog.write(work)


def checks_frame(project: Project) -> pd.DataFrame:
    """The checks of a workspace; see `Workspace.checks`."""
    return project.read(queries.count_checks)


def outcomes_frame(project: Project, asset: Any, keys: Any = None, where: Any = None) -> pd.DataFrame:
    """What the checks of an asset say; see `Workspace.check_outcomes`."""

    def work(batch: Batch) -> pd.DataFrame:
        registry = load_registry(batch, project.root)
        node = registry[name_of(asset)]
        key_ids = None
        if keys is not None or where is not None:
            selection = read_selection(registry.graph, node.name)
            choices, condition = (keys if keys is None else list_choices(keys)), (where and read_condition(where))
            key_ids = choose_partitions(batch, registry, selection, choices, condition).key_ids[node.name]
        return queries.load_judgements(batch, node.asset_id, key_ids)

    frame = project.read(work)
    frame["metadata"] = [{} if text is None else json.loads(text) for text in frame["metadata"]]
    return frame
