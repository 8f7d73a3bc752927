"""What a watched source asks for: keys of new files, and runs of what reads new and changed ones."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nbpart.assets.selection import describe, read_selection
from nbpart.assets.watched_source import WatchedSource
from nbpart.automation.demand import ColumnChange, Demand, KeyChange, ReadersDemand
from nbpart.automation.evaluation import Look
from nbpart.automation.source_changes import (
    LeftOut,
    WatchState,
    count_files,
    explain_guard,
    find_duplicates,
    name_some,
)
from nbpart.automation.source_look import (
    Key,
    KnownFiles,
    SourceChanges,
    ask_functions,
    load_known,
    look_at_files,
)
from nbpart.backfill.registry import Node, load_registry
from nbpart.backfill.source_location import list_column_names, list_named_attributes, read_template
from nbpart.backfill.source_observation import Observation, versioning_of
from nbpart.catalog import Batch
from nbpart.errors import DeclarationError, MissingInputError
from nbpart.partitions import DynamicPartitions
from nbpart.project.added_keys import build_key_columns
from nbpart.project.partition_set import PartitionSet
from nbpart.project.partition_sets import load_sets
from nbpart.project.path_keys import spell_search
from nbpart.project.project import Project
from nbpart.storage.source_versions import Versioning
from nbpart.storage.url_template import WILDCARD, is_url, show_location

if TYPE_CHECKING:
    import pyarrow as pa

#: So many files that have the bytes of others are named on a tick.
_MOST_DOUBLES = 5


def evaluate_source(look: Look) -> Demand:
    """What a watched source asks for now. The cursor of its trigger is a `WatchState`.

    Raises `MissingInputError` for files that cannot be listed, `UnknownNameError` and `DeclarationError` for a source
    or a selection that is not there any more.
    """
    trigger = look.trigger
    if not trigger.is_on:
        return Demand(skip_reason="it is turned off")
    watch, state = WatchedSource.from_json(trigger.name, trigger.definition), WatchState.from_text(trigger.cursor)
    node = look.registry[watch.source]
    found, known = _find(look.project, node, watch, state, round(look.now.timestamp() * 1e9))
    return _make_demand(look, node, watch, state, known, found)


def find_folder(node: Node) -> str | None:
    """The local folder in which the files of a source lie; None where they lie elsewhere, or it has none."""
    if not node.definition.path:
        return None
    location = spell_search(read_template(node))
    return None if is_url(location) else os.path.dirname(location.partition(WILDCARD)[0])


def find_vanished(project: Project, source: str) -> list[str]:
    """The keys of a source that had a file once and have none now.

    Raises `MissingInputError` where its files cannot be listed.
    """
    project.check_trust()
    node = project.registry()[source]
    watch = WatchedSource(source, 0, 0, "run", "remove", "run", None)
    now_ns = round(project.catalog.clock().timestamp() * 1e9)
    found, known = _find(project, node, watch, WatchState(), now_ns)
    if not found.is_whole:
        raise MissingInputError(f"source {source!r}: {found.notes[0]}; nothing was removed.")
    return [key for key in _list_gone(known, found) if key is not None]


def check_watch(batch: Batch, root: Path, watch: WatchedSource) -> None:
    """Raise `DeclarationError` or `UnknownNameError` for a watched source that is none, or cannot be watched so."""
    registry = load_registry(batch, root)
    node = registry[watch.source]
    definition, start = node.definition, f"watched source {watch.source!r}: "
    if not definition.is_source or definition.is_value:
        raise DeclarationError(f"{start}it is no source with files or a version function, so nothing can be watched.")
    if watch.duplicates != "run":
        if definition.is_of_functions or versioning_of(node) is not Versioning.HASH:
            raise DeclarationError(
                f"{start}duplicates={watch.duplicates!r} compares bytes; declare the source with version='hash'."
            )
        if read_template(node).has_wildcard:
            raise DeclarationError(f"{start}duplicates={watch.duplicates!r} is for one file a key; its path has a *.")
    if watch.on_remove == "remove" and not isinstance(node.partitions, DynamicPartitions):
        raise DeclarationError(f"{start}on_remove='remove' takes keys off a dynamic set, which it does not have.")
    if isinstance(node.partitions, DynamicPartitions) and not definition.is_of_functions:
        own = {one.name for one in node.partitions.attributes or ()}
        if strange := [name for name in list_named_attributes(node) if name not in own]:
            raise DeclarationError(
                f"{start}its path {definition.path!r} names {{{strange[0]}}}, a column of a dimension or a parent of "
                "its keys, which a file cannot set."
            )
        named, needed = set(read_template(node).names), set(list_column_names(node.partitions)) - {"partition_key"}
        if "partition_key" not in named and (missing := sorted(needed - named)):
            raise DeclarationError(
                f"{start}its path {definition.path!r} does not name {{{missing[0]}}}, so a new file would be of no key."
            )


def _find(
    project: Project, node: Node, watch: WatchedSource, state: WatchState, now_ns: int
) -> tuple[SourceChanges, KnownFiles]:
    known = project.catalog.read(partial(load_known, node=node, state=state))
    if node.definition.is_of_functions:
        return ask_functions(project.root, node, known, now_ns), known
    return look_at_files(project.catalog, project.root, node, known, state, watch.settle_s, now_ns), known


def _make_demand(
    look: Look, node: Node, watch: WatchedSource, state: WatchState, known: KnownFiles, found: SourceChanges
) -> Demand:
    doubles = _find_doubles(watch, known, found)
    skipped = doubles.keys() if watch.duplicates == "skip" else frozenset[Key]()
    new = [one for one in found.new if one.key not in skipped]
    gone, removed, note = _judge_gone(node, watch, known, found)
    asked, seen, pending = _list_asked(watch, state, known, found, skipped)
    left_out = {
        found.locations[one.key]: LeftOut(one.proof or "", one.version or "") for one in found.new if one.key in skipped
    }
    observed = [*found.changed, *new, *gone]
    sets = load_sets(look.project.catalog) if found.new_keys or found.moved else {}
    changes = [*_list_added(sets, found, skipped), *removed]
    columns = _list_columns(sets, node, found)
    waiting = found.settled.waiting if found.settled else {}
    after = WatchState(known.sequence, -1, waiting, left_out, pending)
    is_first = look.trigger.cursor is None
    has_moved = is_first or observed or changes or columns or seen or not after.holds_as_much_as(state)
    selection = None if watch.run is None else read_selection(look.registry.graph, watch.run)
    terms = f"{node.name}+" if watch.run is None else describe(watch.run)
    groups = [(asked, True), (seen, False)] if is_first else [([*asked, *seen], True)]
    notes = [*found.notes, *_describe_doubles(watch, state, found, doubles), *([note] if note else [])]
    again_ns = found.settled.again_ns if found.settled else None
    return Demand(
        changes,
        columns=columns,
        readers=[ReadersDemand(node.name, keys, selection, terms, with_failed) for keys, with_failed in groups if keys],
        observed={node.name: observed} if observed else {},
        cursor=after.to_text if has_moved else None,
        again_in_s=None if again_ns is None else again_ns / 1e9,
        notes=notes,
        is_once=bool(has_moved),
    )


def _list_asked(
    watch: WatchedSource, state: WatchState, known: KnownFiles, found: SourceChanges, skipped: Collection[Key]
) -> tuple[list[Key], list[Key], dict[Key, bool]]:
    """The keys that are asked for as their files are new or others, those of which somebody else recorded that since
    the last look, and of these last those whose files are to be looked at again before (with whether they had one)."""
    since = {**known.since, **state.pending}
    runs_changed = watch.on_change == "run"
    asked = [one.key for one in found.new if one.key not in skipped]
    there = set(known.gone)
    moved = frozenset(key for key in found.moved if runs_changed and key not in skipped)
    asked += sorted(moved)
    for one in found.changed:
        last = known.before[one.key]
        is_same = last is not None and last.version == one.version
        if one.key in skipped or one.key in moved or (is_same and one.key not in since):
            continue
        had_file = since.get(one.key, last is not None or one.key in there)
        if runs_changed or not had_file:
            asked.append(one.key)
    seen = [key for key in found.unchanged if key in since and (runs_changed or not since[key])] if since else []
    looked_at = {*found.unchanged, *(one.key for one in found.changed)} if since else set()
    pending = {
        key: had_file
        for key, had_file in since.items()
        if key not in looked_at and found.locations.get(key) in (found.settled.unsettled if found.settled else ())
    }
    return asked, seen, pending


def _find_doubles(watch: WatchedSource, known: KnownFiles, found: SourceChanges) -> dict[Key, str]:
    """The keys of new and changed files that have the bytes of another, and where that is."""
    if watch.duplicates == "run":
        return {}
    names = found.locations
    owners = {last.version: names[key] for key in found.unchanged if (last := known.before[key]) is not None}
    others = []
    for one in [*found.changed, *found.new]:
        last = known.before.get(one.key)
        if last is not None and last.version == one.version:
            owners[last.version] = names[one.key]
        else:
            others.append((names[one.key], one.version or "", one.key))
    doubles = find_duplicates(owners, [(name, version) for name, version, _ in sorted(others, key=lambda o: o[0])])
    return {key: doubles[name] for name, _, key in others if name in doubles}


def _describe_doubles(
    watch: WatchedSource, state: WatchState, found: SourceChanges, doubles: dict[Key, str]
) -> list[str]:
    """Which files have the bytes of others; those that were left out are named once."""
    named = [
        f"{_show_name(found.locations[key])} has the bytes of {_show_name(original)}"
        for key, original in doubles.items()
        if found.locations[key] not in state.left_out
    ]
    if not named:
        return []
    more = f", and {len(named) - _MOST_DOUBLES:,} more are alike" if len(named) > _MOST_DOUBLES else ""
    end = "; left out" if watch.duplicates == "skip" else ""
    return [f"{', '.join(named[:_MOST_DOUBLES])}{more}{end}"]


def _show_name(location: str) -> str:
    return repr(show_location(location).rpartition("/")[2])


def _judge_gone(
    node: Node, watch: WatchedSource, known: KnownFiles, found: SourceChanges
) -> tuple[list[Observation], list[KeyChange], str]:
    """What is recorded of files that are gone, the keys that go with them, and a sentence about it."""
    vanished = [Observation(key, None, None, None) for key in found.gone]
    if watch.on_remove == "keep":
        if not found.gone or not found.is_there or not found.is_whole:
            return [], [], ""
        which = name_some(key for key in found.gone if key is not None) or repr(node.name)
        stays = "is gone, its key stays" if len(found.gone) == 1 else "are gone, their keys stay"
        return vanished, [], f"{count_files(len(found.gone))} {stays}: {which}"
    gone = _list_gone(known, found)
    number = sum(last is not None for last in known.before.values()) + len(gone) - len(found.gone)
    reason = explain_guard(number, len(gone), is_there=found.is_there, is_whole=found.is_whole)
    if reason:
        keys = "1 key was" if len(gone) == 1 else f"{len(gone):,} keys were"
        return [], [], f"{keys} not removed, as {reason}; if that is right, remove_vanished() of the source does it"
    keys_gone = [key for key in gone if key is not None]
    change = KeyChange(node.set_id, node.definition.set_name, keys_gone, None, is_added=False)
    return vanished, [change] if keys_gone else [], ""


def _list_added(sets: Mapping[str, PartitionSet], found: SourceChanges, skipped: Collection[Key]) -> list[KeyChange]:
    """The keys that are added to each set."""
    wanted = {name: [key for key in keys if key not in skipped] for name, keys in found.new_keys.items()}
    return [
        KeyChange(sets[name].set_id, name, keys, _build_columns(sets[name], found, keys), is_added=True)
        for name, keys in wanted.items()
        if keys
    ]


def _list_columns(sets: Mapping[str, PartitionSet], node: Node, found: SourceChanges) -> list[ColumnChange]:
    """What the paths of files that moved say of their keys."""
    if not found.moved:
        return []
    columns = _build_columns(sets[node.definition.set_name], found, found.moved)
    assert columns is not None, "its path names columns"
    return [ColumnChange(node.set_id, found.moved, columns.select(list_named_attributes(node)))]


def _build_columns(keys_of: PartitionSet, found: SourceChanges, keys: Sequence[str]) -> pa.Table | None:
    return build_key_columns(keys_of.definition, keys, [found.attributes.get(key, {}) for key in keys])


def _list_gone(known: KnownFiles, found: SourceChanges) -> list[Key]:
    """The keys that had a file once and have none now."""
    there = {*found.unchanged, *(one.key for one in found.changed)} | found.not_ready
    return list(dict.fromkeys([*found.gone, *(key for key in known.gone if key not in there)]))
