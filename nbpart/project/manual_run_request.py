"""Opening a manual run: which asset and partition a notebook that a person runs cell by cell stands for."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from nbpart.assets.asset import name_of
from nbpart.backfill.inputs import ResolvedInputs, resolve_inputs
from nbpart.backfill.registry import Node, Registry, describe_key, load_registry, spell_key
from nbpart.backfill.source_observation import refresh_sources
from nbpart.backfill.storage_options import find_options_of_inputs
from nbpart.catalog import Batch, events, queries
from nbpart.errors import DeclarationError, UnknownNameError, WorkspaceError
from nbpart.partitions import PartitionRef
from nbpart.project.data import find_key_id
from nbpart.project.discovery import find_workspace
from nbpart.project.folder import open_folder
from nbpart.project.manual_run import MANUAL_RUN_PURPOSE, ManualRun, Recorder
from nbpart.project.trust import is_trusted, require_trust
from nbpart.run.spec import RunSpec
from nbpart.storage import place_scratch
from nbpart.storage.relative import absolute_folder, to_relative


@dataclasses.dataclass(frozen=True)
class ManualRunRequest:
    """The arguments of `nbpart.current_run` by which a person says which run is meant.

    Without ``partition_key`` and ``params`` the key comes from ``variables``, the globals of the notebook. ``settings``
    are those that it was given in place of the defaults.
    """

    asset: Any
    partition_key: Any
    params: Mapping[str, Any]
    variables: Mapping[str, Any]
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def open_manual_run(workspace: str | Path | None, request: ManualRunRequest, *, record: bool) -> ManualRun:
    """The manual run that is asked for; with ``record`` what it saves is recorded in the catalog.

    ``workspace`` is its folder, None for the one at or above the current folder. Raises `WorkspaceError` where no
    workspace is found, `DeclarationError` where asset or partition are not clear, and `UnknownNameError` where a run
    that is to be recorded names a key that the set does not have.
    """
    found = absolute_folder(workspace) if workspace is not None else find_workspace(Path.cwd())
    if found is None:
        raise WorkspaceError(
            f"no workspace is at or above {Path.cwd()}; make one with nbpart.open, or pass workspace=its folder."
        )
    root, catalog = open_folder(found, create=False, purpose=MANUAL_RUN_PURPOSE)
    try:
        registry = catalog.read(lambda batch: load_registry(batch, root))
        node = registry[_choose_asset(request.asset, registry)]
        key = _choose_key(node, request)
        above = registry.graph.upstream(node.name)
        if is_trusted(root, catalog.workspace_id):
            sources = [name for name in above if registry[name].definition.is_source]
            refresh_sources(catalog, root, registry, sources, asks=False)
        (spec, resolved), hint = catalog.read(lambda batch: _prepare_run(batch, root, registry, node, key, record))
        reserved = catalog.write(events.reserve_run) if record else None
    finally:
        catalog.close()
    spec = dataclasses.replace(spec, settings=request.settings)
    recorder = Recorder(root, spec.store, node, key, resolved, reserved, spec) if reserved else None
    return ManualRun(spec, partial(require_trust, root, catalog.workspace_id), recorder, hint)


def _prepare_run(
    batch: Batch, root: Path, registry: Registry, node: Node, key: str | None, record: bool
) -> tuple[tuple[RunSpec, ResolvedInputs], str]:
    """The spec with what it reads, and a hint. Raises `UnknownNameError` for a key to record that is not there."""
    if record:
        find_key_id(batch, node, key)
    return _build_spec(batch, root, registry, node, key), _explain_key(batch, node, key)


def _explain_key(batch: Batch, node: Node, key: str | None) -> str:
    """A hint that the set has no such key, "" where it has. A manual run works without, but may lack inputs."""
    try:
        find_key_id(batch, node, key)
    except UnknownNameError as error:
        return f"By the way: {error}"
    return ""


def _choose_asset(asset: Any, registry: Registry) -> str:
    if asset is not None:
        return name_of(asset)
    names = registry.graph.computed
    if len(names) == 1:
        return names[0]
    raise DeclarationError(
        'by hand it is not known which asset this notebook is: name it, as in nbpart.current_run("model").'
    )


def _choose_key(node: Node, request: ManualRunRequest) -> str | None:
    key, params, variables = request.partition_key, request.params, request.variables
    if not node.definition.is_partitioned:
        return spell_key(node, key)
    if key is None and node.parameters is not None:
        from_cell = {name: variables[name] for name in node.parameters.names if name in variables}
        return spell_key(node, {**from_cell, **params})
    if params:
        raise DeclarationError(f"{node.name!r} is not partitioned by parameters: give its partition_key alone.")
    if key is None:
        key = variables.get("partition_key")
    if key is None:
        raise DeclarationError(
            f"{node.name!r} is partitioned by {node.definition.set_name!r}: by hand say which partition this is, "
            f"as in nbpart.current_run({node.name!r}, partition_key=...)."
        )
    return spell_key(node, key)


def _build_spec(
    batch: Batch, root: Path, registry: Registry, node: Node, key: str | None
) -> tuple[RunSpec, ResolvedInputs]:
    key_id = 0 if key is None else int(queries.key_ids(batch, node.set_id, [key])[0])
    resolved = resolve_inputs(batch, root, registry, node, {key_id: key})[key_id]
    about = describe_key(node, key, queries.load_attributes(batch, node.set_id, [key_id]).get(key_id, {}))
    needs_data = node.definition.on_missing_input == "block"
    inputs = {name: dataclasses.replace(given, needs_data=needs_data) for name, given in resolved.inputs.items()}
    now = datetime.now(UTC)
    # beside the time a number: two cells may begin in one moment, and must not write over each other's files
    name = f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}-scratch-{secrets.token_hex(3)}"
    prefix = place_scratch(PartitionRef(node.name, key), name)
    spec = RunSpec(
        run_id=name,
        attempt=1,
        asset=node.name,
        partition_key=key,
        params=about.params,
        columns=about.columns,
        window=about.window,
        inputs=inputs,
        notebook=node.definition.snapshot or "",
        folder=to_relative(node.definition.folder, str(root)),
        output_notebook="",
        log="",
        data_prefix=prefix,
        report=f"{prefix}.report.json",
        workspace=str(root),
        format=node.definition.format,
        metrics=node.definition.metrics,
        storage_options=find_options_of_inputs(root, [registry[given.name].definition for given in inputs.values()]),
    )
    return spec, resolved
