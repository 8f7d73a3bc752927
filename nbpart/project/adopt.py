"""Adopting files that are there: they become the data of partitions and stay where they are."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from nbpart.assets.asset import name_of
from nbpart.backfill.registry import Node
from nbpart.backfill.source_location import list_column_names, list_columns
from nbpart.catalog import Batch, VerbEvent, events, queries
from nbpart.errors import DeclarationError, MissingInputError, NbpartError, nearest
from nbpart.project.launch import check_readable
from nbpart.project.partition_sets import load_sets
from nbpart.project.path_keys import find_keys, read_key, spell_search
from nbpart.project.person import name_person
from nbpart.project.project import Project
from nbpart.project.refresh import refresh_registry, register_edited_code
from nbpart.project.verb_result import VerbResult
from nbpart.project.verb_selection import refuse_active_of
from nbpart.states import Verb
from nbpart.storage import FORMATS, FileRecord, Store
from nbpart.storage.adopted import mark_adopted
from nbpart.storage.formats import describe_frame, hash_saved
from nbpart.storage.integrity import stamp_version
from nbpart.storage.named_format import find_named
from nbpart.storage.source_files import find_files
from nbpart.storage.source_versions import Versioning
from nbpart.storage.url_template import UrlTemplate, is_url

#: How files are told from others: by what they hold, or by their size and time, without reading them.
_VERSIONINGS = (Versioning.HASH, Versioning.SIZE_AND_TIME)
_THREADS = 4
#: The records of adopted files by key, and their places; None is the key of an asset without partitions.
Files: TypeAlias = dict[str | None, FileRecord]
Places: TypeAlias = dict[str | None, str]


def adopt(
    project: Project,
    asset: Any,
    path: str | os.PathLike[str],
    *,
    folder: Path,
    version: str = "hash",
    reason: str = "",
    dry_run: bool = False,
) -> VerbResult:
    """Make files the data of partitions; see `Workspace.adopt`. A relative ``path`` is below ``folder``."""
    changes = register_edited_code(project)
    node = refresh_registry(project, asks=True)[name_of(asset)]
    check_readable(changes.unreadable, [node.name])
    template = _read_template(node, os.path.expanduser(path), folder)
    if version not in _VERSIONINGS:
        raise DeclarationError(f"version={version!r} tells no file from another; {nearest(str(version), _VERSIONINGS)}")
    by_key, left = _match_files(node, template)
    found = project.catalog.read(lambda batch: find_keys(batch, node, by_key))
    if not found.places:
        raise DeclarationError(_explain_no_match(node, template, found.others or left))
    count, new = len(found.places), sum(map(len, found.new.values()))
    if not dry_run:
        # a file that cannot be adopted is refused before its key is there
        files = _describe_files(project, Versioning(version), found.places, node.definition.format)
        for name, keys in found.new.items():
            load_sets(project.catalog)[name].add(*keys)
        event = VerbEvent(Verb.ADOPTED, name_person(), reason)
        count = project.catalog.write(lambda batch: _record(batch, node, files, event))
    notes = []
    if new:
        keys_said = f"{new:,} new key{'' if new == 1 else 's'} {'to add' if dry_run else 'added'}"
        notes.append(f"{keys_said} to {', '.join(found.new)}")
    if current := len(found.places) - count:
        notes.append(f"{current:,} already current")
    if others := [*found.others, *left]:
        first = f"{'' if len(others) == 1 else 'the first '}{others[0]!r}"
        notes.append(f"{_count_files(len(others))} of no key, left alone: {first}")
    return VerbResult(Verb.ADOPTED, {node.name: count}, tuple(notes), dry_run)


def _count_files(number: int) -> str:
    return f"{number:,} file{'' if number == 1 else 's'}"


def _record(batch: Batch, node: Node, files: Files, event: VerbEvent) -> int:
    key_ids = queries.key_ids(batch, node.set_id, list(files))
    if (key_ids < 0).any():
        raise DeclarationError(f"keys of {node.name!r} were removed meanwhile, and nothing was adopted: do it again.")
    refuse_active_of(batch, node.asset_id, key_ids, "adopted")
    return events.adopt_files(batch, node.asset_id, key_ids, list(files.values()), event)


def describe_paths(project: Project, asset: Any, folder: Path) -> str:
    """What the path of files that an asset can adopt looks like, for who has none yet."""
    node = project.registry()[name_of(asset)]
    names = " or ".join(f"{{{name}}}" for name in list_column_names(node.partitions))
    which = f"Which files? Their path, with {names} where they differ" if names else "Which file? Its path"
    return f"{which}; a relative one is below {folder}. They stay there, and are only ever read."


def describe_adopted(store: Store, root: Path, versioning: Versioning, declared: str | None, place: str) -> FileRecord:
    """The record of a file that is adopted where it is; its ending says how it is loaded.

    ``declared`` is the format that its asset asks for by name: no ending alone makes a file a pickle that is loaded.
    """
    path, format = mark_adopted(place, root), find_format(place, declared)
    found = store.stat(path)
    if found is None:
        raise MissingInputError(f"the file {place!r} is gone; adopt what is there now.")
    rows, schema = None, None
    try:
        if format == "frame":
            rows, columns = describe_frame(Path(place))
            schema = json.dumps(columns, ensure_ascii=False)
        if versioning is Versioning.SIZE_AND_TIME:
            return FileRecord("", "file", format, path, rows, found.bytes, stamp_version(found), schema)
        with store.read(path) as file:
            return FileRecord("", "file", format, path, rows, found.bytes, hash_saved(file, format), schema)
    except ValueError as error:
        raise DeclarationError(f"{place!r} is no {FORMATS[format]} file ({error}); nothing was adopted.") from error


def find_format(place: str, declared: str | None = None) -> str:
    """The format that a file is loaded in, by its ending; ``file`` for any that nbpart does not write.

    Such a file is in the format that is ``declared``, where one is: the endings of pickles are many.
    """
    known = [(ending, format) for format, ending in FORMATS.items() if ending and find_named(format) is None]
    endings = sorted(known, key=lambda e: -len(e[0]))
    return next((format for ending, format in endings if place.lower().endswith(ending)), declared or "file")


def _read_template(node: Node, path: str, folder: Path) -> UrlTemplate:
    """The absolute template of a path. Raises `DeclarationError` for one that cannot name files of the asset's keys."""
    if node.definition.is_source:
        raise DeclarationError(f"{node.name!r} is a source: its files are where it says; only assets adopt.")
    if is_url(path):
        raise DeclarationError(f"{path!r} is a URL: adopt takes files of this machine; declare a source for it.")
    template = UrlTemplate.parse(path)
    if template.has_wildcard:
        raise DeclarationError(f"{path!r} has a *, but a partition adopts one file: name what tells the files apart.")
    names = list_column_names(node.partitions)
    try:
        template.check_names(names)
    except DeclarationError as error:
        raise DeclarationError(f"{node.name!r} cannot adopt {path!r}: {error}") from None
    if node.partitions is not None and not template.names:
        raise DeclarationError(
            f"{node.name!r} is partitioned, so the path {path!r} has to say of which key each file is: name "
            f"{', '.join(f'{{{name}}}' for name in names)} in it."
        )
    return template.below(folder)


def _match_files(node: Node, template: UrlTemplate) -> tuple[dict[str | None, str], list[str]]:
    """The place of the file of each key, and those files that fit the path and are of no key.

    Raises `MissingInputError` where there is no file at all.
    """
    by_key: dict[str | None, str] = {}
    left = []
    for place in _list_places(template):
        values = template.split(place)
        if values is None:
            continue
        try:
            key = None if node.partitions is None else read_key(node.partitions, values)
            fits = template.fill(list_columns(node, key)) == place
        except (NbpartError, ValueError):
            fits, key = False, None
        if fits:
            by_key[key] = place
        else:
            left.append(place)
    if not by_key and not left:
        raise MissingInputError(f"there are no files at {template.text!r} for {node.name!r} to adopt.")
    return by_key, left


def _list_places(template: UrlTemplate) -> Iterator[str]:
    for found in find_files([spell_search(template)]).values():
        yield from (file.name for file in found if os.path.isfile(file.name))


def _describe_files(
    project: Project, versioning: Versioning, places: Mapping[str | None, str], declared: str | None
) -> Files:
    """The records of files by key."""
    with ThreadPoolExecutor(_THREADS, "nbpart-adopt") as threads:
        describe = partial(describe_adopted, project.store, project.root, versioning, declared)
        return dict(zip(places, threads.map(describe, places.values()), strict=True))


def _explain_no_match(node: Node, template: UrlTemplate, places: Sequence[str]) -> str:
    number = _count_files(len(places))
    return (
        f"{number} at {template.text!r} match no key of {node.name!r}, {places[0]!r} the first; name in the path what "
        f"makes a key: {', '.join(f'{{{name}}}' for name in list_column_names(node.partitions))}."
    )
