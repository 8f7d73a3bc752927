"""Editing the notebook of one partition: a working copy with what its run is given, saved back to the person's file."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nbpart.assets.asset import name_of
from nbpart.assets.kept_paths import find_path, keep_path
from nbpart.assets.write_back import WrittenBack, write_back
from nbpart.backfill.inputs import resolve_inputs
from nbpart.backfill.options import make_options
from nbpart.backfill.registry import Node, Registry, describe_key, spell_key
from nbpart.catalog import Batch, queries
from nbpart.catalog.queries.cells import find_partition
from nbpart.errors import DeclarationError, MissingInputError, NbpartError, UnknownNameError
from nbpart.partitions import PartitionRef
from nbpart.project.data import find_key_id
from nbpart.project.edit_copy import Binding, bind_cells, drop_bound, hash_cells, list_bound, make_copy
from nbpart.project.edited_file import locate_source, read_base, read_file, replace_content
from nbpart.project.equivalent_code import spell_partition
from nbpart.project.project import Project
from nbpart.project.refresh import refresh_registry, register_edited_code
from nbpart.project.verb_selection import refuse_active_of
from nbpart.project.working_copy import Note, WorkingCopy, hash_content
from nbpart.states import PartitionStatus

log = logging.getLogger("nbpart")


@dataclass(frozen=True)
class SavedEdit:
    """What `Edit.save` did to the person's file at ``path``; ``status`` is that of the partition after it."""

    path: Path
    is_changed: bool
    status: str
    text: str

    def __repr__(self) -> str:
        return self.text


class Edit:
    """An open edit: the notebook of one partition in a working copy, ``path``, whose first cell gives what a run gets.

    `Workspace.edit` opens it, and finds it again. It is a notebook as any other: open it in JupyterLab, change and
    execute its cells; what they save and log is recorded nowhere.
    """

    def __init__(self, project: Project, copy: WorkingCopy) -> None:
        self._project, self._copy = project, copy

    @property
    def asset(self) -> str:
        return self._copy.partition.asset

    @property
    def partition_key(self) -> str | None:
        """The key of its partition; None for an asset without partitions."""
        return self._copy.partition.key

    @property
    def path(self) -> Path:
        """The working copy."""
        return self._copy.path

    @property
    def file(self) -> Path | None:
        """The person's own file, to which `save` writes; None for a function."""
        kept = self._copy.note.file
        return None if kept is None else Path(find_path(kept, self._project.root))

    @property
    def is_changed(self) -> bool:
        """Whether its cells differ from what they were when it was opened or last saved."""
        return self._copy.is_changed

    def save(self, *, force: bool = False) -> SavedEdit:
        """Write the cells back to the person's own file, without those that bind it and without outputs.

        Cells that did not change stay as they are there, with their outputs; without any change nothing is written.
        Code that changed is registered at once, and what earlier code made is stale. Raises `DeclarationError` where
        that file was changed since the edit was opened (``force`` writes over it), is gone, or where the asset is a
        function: then the sentence says where its source is.
        """
        project, copy = self._project, self._copy
        project.check_trust()
        node = project.registry()[self.asset]
        cells = drop_bound(copy.read()["cells"])
        place = self._require_file(node)
        content = read_file(place)
        if hash_content(content) != copy.note.digest and not force:
            raise DeclarationError(
                f"{place} was changed since the edit of {self._label} was opened: take over by hand what you need of "
                f"{copy.path}, or write over that change by .save(force=True)."
            )
        try:
            done = write_back(content, place.suffix, cells)
        except (DeclarationError, ValueError) as error:
            raise DeclarationError(f"{place} {error}") from error
        if done.is_change:
            replace_content(place, done.content)
        copy.write_note(replace(copy.note, digest=hash_content(done.content), cells=hash_cells(cells)))
        register_edited_code(project)
        return self._describe(place, done)

    def discard(self) -> None:
        """Give the edit up: its working copy is deleted, the person's own file stays as it is."""
        self._copy.remove()

    def _require_file(self, node: Node) -> Path:
        """The person's file. Raises `DeclarationError` for a function, and where the file is gone or another one."""
        definition = node.definition
        if definition.kind == "function":
            raise DeclarationError(f"{node.name!r} is a function: {locate_source(definition)}")
        place = Path(definition.path or "")
        if self.file != place:
            raise DeclarationError(
                f"{node.name!r} is another notebook now, {place}, than the one that was edited, {self.file}: take over "
                f"by hand what you need of {self.path}, and .discard() it."
            )
        if not place.is_file():
            raise DeclarationError(f"{place} is gone: bring it back, then save the edit of {node.name!r} again.")
        return place

    def _describe(self, place: Path, done: WrittenBack) -> SavedEdit:
        node = self._project.registry()[self.asset]
        status = self._project.read(lambda batch: _find_status(batch, node, self.partition_key))
        parts = (
            (done.changed, f"{done.changed} cell{'s' * (done.changed != 1)} changed"),
            (done.removed, f"{done.removed} gone"),
            (done.is_moved, "in another order"),
        )
        what = ", ".join(text for is_so, text in parts if is_so) or "as it was, no cell differs"
        again = f": ws.backfill({spell_partition(self.asset, self.partition_key)}) makes it with the code of now"
        is_made = status == PartitionStatus.MATERIALIZED
        text = f"{place.name}: {what}; {self._label} is {status}{'' if is_made else again}."
        return SavedEdit(place, done.is_change, status, text)

    @property
    def _label(self) -> str:
        return self._copy.partition.label

    def __repr__(self) -> str:
        try:
            if not self._copy.is_there:
                return f"<Edit of {self._label}, discarded>"
            state = "changed and not saved" if self.is_changed else "without changes"
        except NbpartError as error:
            return f"<Edit of {self._label}, broken: {error}>"
        return f"<Edit of {self._label}, {state}: {self.path}>"

    def _repr_html_(self) -> str:
        from nbpart.widgets.edit_html import edit_html

        return edit_html(self._label, self.path, self.file, self._copy.note.inputs)


def open_edit(project: Project, asset: Any, key: Any, settings: Mapping[str, Any] | None) -> Edit:
    """The open edit of a partition, with what was changed in it, or a new one; see `Workspace.edit`."""
    project.check_trust()
    register_edited_code(project)
    registry = refresh_registry(project, asks=True)
    node = registry[name_of(asset)]
    if node.definition.is_source:
        raise DeclarationError(f"{node.name!r} is a source: it has no notebook to edit.")
    text = spell_key(node, key)
    given = make_options([node.definition], settings=settings).settings
    copy = WorkingCopy(project.root, PartitionRef(node.name, text))
    try:
        binding, inputs = project.read(lambda batch: _bind(batch, project.root, registry, (node, text), given))
    except (DeclarationError, MissingInputError) as error:
        if not (copy.is_there and copy.is_changed):
            raise
        log.warning("the edit is as it was left: %s", error)
        return Edit(project, copy)
    if not _take_up(copy, binding):
        _begin(copy, binding)
    copy.write_note(replace(copy.note, inputs=inputs))
    return Edit(project, copy)


def find_edit(project: Project, asset: str, key: Any) -> Edit:
    """The open edit of a partition. Raises `UnknownNameError` where there is none."""
    node = project.registry()[asset]
    copy = WorkingCopy(project.root, PartitionRef(node.name, spell_key(node, key)))
    if not copy.is_there:
        raise UnknownNameError(f"no edit of {copy.partition.label} is open; ws.edit opens one.")
    return Edit(project, copy)


def _bind(
    batch: Batch, root: Path, registry: Registry, partition: tuple[Node, str | None], settings: Mapping[str, Any]
) -> tuple[Binding, dict[str, int]]:
    """What a run of a partition would be given, and how many partitions of each input.

    Raises `DeclarationError` where it is running, `MissingInputError` where a run could not begin.
    """
    node, key = partition
    key_id = find_key_id(batch, node, key)
    refuse_active_of(batch, node.asset_id, np.array([key_id], np.int64), "edited")
    found = resolve_inputs(batch, root, registry, node, {key_id: key}, registry.unreadable)[key_id]
    if found.blocking_cause is not None:
        raise MissingInputError(
            f"{PartitionRef(node.name, key).label} {found.blocking_cause}, so there is nothing to edit it with; "
            f"make that first, as by ws.backfill({spell_partition(f'+{node.name}', key)})."
        )
    about = describe_key(node, key, queries.load_attributes(batch, node.set_id, [key_id]).get(key_id, {}))
    binding = Binding(root, node, key, about, settings)
    return binding, {name: len(spec.items) for name, spec in found.inputs.items()}


def _take_up(copy: WorkingCopy, binding: Binding) -> bool:
    """Whether there is an open edit to go on with: one that was changed, or of a file that was not.

    It is given what a run would get now; all else of it stays.
    """
    if not copy.is_there:
        return False
    if not copy.is_changed and copy.note.digest != hash_content(read_base(binding.node.definition, binding.root)[0]):
        return False
    notebook = copy.read()
    bound = bind_cells(notebook["cells"], binding)
    if list_bound(bound) != list_bound(notebook["cells"]):
        copy.write({**notebook, "cells": bound})
    return True


def _begin(copy: WorkingCopy, binding: Binding) -> None:
    content, base = read_base(binding.node.definition, binding.root)
    notebook = make_copy(base, binding)
    copy.write(notebook)
    path = binding.node.definition.path
    file = None if path is None else keep_path(path, binding.root)
    copy.write_note(Note(file, hash_content(content), hash_cells(notebook["cells"])))


def _find_status(batch: Batch, node: Node, key: str | None) -> str:
    found = find_partition(batch, node.asset_id, find_key_id(batch, node, key))
    return str(PartitionStatus.MISSING if found is None else found.status)
