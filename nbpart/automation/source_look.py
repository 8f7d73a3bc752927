"""One look at the files of a watched source: which are new, others or gone, from one listing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from nbpart.automation.source_changes import Settled, WatchState, count_files, name_some, settle
from nbpart.backfill.registry import Node
from nbpart.backfill.source_location import Attributes, explain_shared, locate, locate_all, read_template
from nbpart.backfill.source_observation import (
    CANNOT_READ,
    Comparison,
    LastSeen,
    Observation,
    compare_files,
    load_seen_keys,
    observe,
    versioning_of,
)
from nbpart.backfill.storage_options import find_options
from nbpart.catalog import Batch, Catalog, queries
from nbpart.errors import MissingInputError, NbpartError
from nbpart.partitions.values import Value
from nbpart.project.path_keys import find_keys, read_attributes, read_key, spell_search
from nbpart.storage.filesystems import scheme_of
from nbpart.storage.source_files import FoundFile, Listing, find_files, list_files, match_files
from nbpart.storage.source_versions import prove
from nbpart.storage.url_template import WILDCARD, UrlTemplate, is_url, match_location, show_location

#: So many threads read files, so many of them at a time.
_THREADS, _AT_A_TIME = 4, 50
#: A key of a source; None where it has no partitions.
Key: TypeAlias = str | None


@dataclass(frozen=True)
class KnownFiles:
    """What the catalog knows of a source: the keys with what was last seen of each, and the number of its state.

    ``since`` are keys of which somebody else recorded a file since the last look, and whether they had one before;
    ``gone`` are those that had one once. ``attributes`` are columns that the path names and keys do not spell.
    """

    before: Mapping[Key, LastSeen | None]
    attributes: Mapping[Key, Attributes]
    since: Mapping[Key, bool]
    gone: Sequence[Key]
    sequence: int


def load_known(batch: Batch, node: Node, state: WatchState) -> KnownFiles:
    """What is known of a source since the look that left a state."""
    before, attributes = load_seen_keys(batch, node)
    since = queries.observed_since(batch, node.asset_id, state.after, state.own)
    gone = [key for key in queries.gone_files(batch, node.asset_id) if key in before]
    return KnownFiles(before, attributes, since, gone, batch.sequence)


@dataclass(frozen=True)
class SourceChanges:
    """What a look found.

    ``changed`` are keys whose file is another one or is there again, ``new`` files of keys that are not there yet,
    those to be added by set in ``new_keys``; ``gone`` are keys that had a file, ``unchanged`` those that have the same.
    ``not_ready`` are keys whose file is there and is not still, or cannot be read. ``attributes`` are columns that the
    paths of new files give their keys, and of those that ``moved`` to where other columns say.
    ``locations`` are paths or URLs by key, ``settled`` says which files are not still. ``notes`` are sentences.
    """

    changed: Sequence[Observation] = ()
    new: Sequence[Observation] = ()
    new_keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    gone: Sequence[Key] = ()
    unchanged: Sequence[Key] = ()
    moved: Sequence[str] = ()
    attributes: Mapping[Key, Mapping[str, Value]] = field(default_factory=dict)
    not_ready: frozenset[Key] = frozenset()
    locations: Mapping[Key, str] = field(default_factory=dict)
    settled: Settled | None = None
    notes: Sequence[str] = ()
    is_there: bool = True
    is_whole: bool = True


def ask_functions(root: Path, node: Node, known: KnownFiles, now_ns: int) -> SourceChanges:
    """What the version function of a source that is no file says. Raises `MissingInputError` where it fails."""
    observed, unreadable = observe(root, node, known.before, now_ns, known.attributes)
    for reason in unreadable.values():
        raise MissingInputError(reason)
    other = {one.key for one in observed}
    return SourceChanges(
        [one for one in observed if one.version is not None],
        gone=[one.key for one in observed if one.version is None],
        unchanged=[key for key, last in known.before.items() if last is not None and key not in other],
    )


class _Place(NamedTuple):
    """The files of one key, and what was last seen of them."""

    key: Key
    location: str
    files: Sequence[FoundFile]
    last: LastSeen | None


def look_at_files(
    catalog: Catalog, root: Path, node: Node, known: KnownFiles, state: WatchState, settle_s: float, now_ns: int
) -> SourceChanges:
    """What became of the files of a source.

    Raises `MissingInputError` where they cannot be listed, and errors of nbpart for options that are not there.
    """
    options = find_options(root, node.definition)
    template = read_template(node)
    locations, refused = locate_all(node, known.before, known.attributes)
    found = _list(node, template, locations, options)
    by = Comparison(versioning_of(node), options, now_ns)
    unchanged, places = _split_known(by, known, locations, found)
    others = _read_others(node, template, found, locations) if node.partitions is not None else _Others()
    keys = catalog.read(lambda batch: find_keys(batch, node, others.locations)) if others.locations else None
    added = [key for key in (keys.places if keys else ()) if key not in known.before]
    moved = [key for key in others.attributes if key in known.before and key not in refused]
    places += [_Place(k, others.locations[k], others.files[k], known.before.get(k)) for k in (*added, *moved)]
    settled = settle({one.location: one.files for one in places}, state.waiting, now_ns, round(settle_s * 1e9))
    observed, same, unreadable = _observe(by, [one for one in places if one.location in settled.still], state)
    unchanged += same
    is_new = {key for key in others.locations if key not in known.before}
    ready = {*(one.key for one in observed), *same}
    moved = [key for key in moved if key in ready]
    locations = {**locations, **others.locations}
    notes = [
        *_describe_listing(template, found.listing, is_empty=not (unchanged or places or others.locations)),
        *others.describe(node, keys.others if keys else []),
        *dict.fromkeys(refused.values()),
        *_describe_moved(moved, locations),
        *([f"{count_files(len(unreadable))} cannot be read: {_show_first(unreadable)}"] if unreadable else []),
        *_describe_unsettled(settled, settle_s),
    ]
    new = [one for one in observed if one.key in is_new]
    readable = {one.key for one in new}
    return SourceChanges(
        [one for one in observed if one.key not in is_new],
        new,
        _keep_ready(node, keys.new if keys else {}, readable),
        [key for key, last in known.before.items() if last and not (key in refused or found.has(locations.get(key)))],
        unchanged,
        [key for key in moved if key is not None],
        {key: others.attributes[key] for key in (*moved, *readable) if key in others.attributes},
        frozenset(one.key for one in places) - ready,
        locations,
        settled,
        notes,
        found.listing.is_there,
        not found.listing.faults,
    )


class _Found(NamedTuple):
    """What was listed; ``groups`` has the files of each location, and is None where a location is one file."""

    listing: Listing
    groups: Mapping[str, Sequence[FoundFile]] | None = None

    def has(self, location: str | None) -> bool:
        return location is not None and bool(self.files_of(location))

    def files_of(self, location: str) -> Sequence[FoundFile]:
        if self.groups is not None:
            return self.groups.get(location, ())
        file = self.listing.files.get(location)
        return () if file is None else (file,)


def _list(node: Node, template: UrlTemplate, locations: Mapping[Key, str], options: Mapping[str, Any]) -> _Found:
    """All files. A web server, which has no listings, is asked for that of each key."""
    search = spell_search(template)
    try:
        if WILDCARD not in search or (is_url(search) and scheme_of(search) in ("http", "https")):
            return _Found(Listing({}), find_files(locations.values(), options))
        listing = list_files(search, options)
    except CANNOT_READ as error:
        reason = str(error) or type(error).__name__
        raise MissingInputError(f"source {node.name!r} cannot be listed, and nothing was done: {reason}") from error
    return _Found(listing, dict(match_files(locations.values(), listing.files)) if template.has_wildcard else None)


def _split_known(
    by: Comparison, known: KnownFiles, locations: Mapping[Key, str], found: _Found
) -> tuple[list[Key], list[_Place]]:
    """The keys whose files are as they were, and the files that may be others."""
    unchanged: list[Key] = []
    places = []
    for key, location in locations.items():
        files = found.files_of(location)
        if not files:
            continue
        last = known.before[key]
        if last is not None and last.proof and prove(files, by.versioning, by.now_ns) == last.proof:
            unchanged.append(key)
        else:
            places.append(_Place(key, location, files, last))
    return unchanged, places


@dataclass
class _Others:
    """The files that are where no known key has one: those of a key with its location, and why others are of none.

    Where the path names columns that keys do not spell, ``attributes`` has those of each key.
    """

    locations: dict[Key, str] = field(default_factory=dict)
    files: dict[Key, list[FoundFile]] = field(default_factory=dict)
    attributes: dict[Key, dict[str, Value]] = field(default_factory=dict)
    no_key: list[str] = field(default_factory=list)
    second: list[str] = field(default_factory=list)

    def describe(self, node: Node, not_added: Sequence[str]) -> list[str]:
        notes = list(self.second)
        if self.no_key:
            notes.append(f"{count_files(len(self.no_key))} of no key of {node.definition.set_name!r}, left alone: "
                         f"{_name_ends(self.no_key)}")  # fmt: skip
        if not_added:
            one = len(not_added) == 1
            notes.append(
                f"{count_files(len(not_added))} of {'a key' if one else 'keys'} that {node.definition.set_name!r} "
                f"{'does' if one else 'do'} not have and that cannot be added: {_name_ends(not_added)}"
            )
        return notes


def _read_others(node: Node, template: UrlTemplate, found: _Found, locations: Mapping[Key, str]) -> _Others:
    listing, others = found.listing, _Others()
    if found.groups is None:
        taken = set(locations.values())
    else:
        taken = {file.name for files in found.groups.values() for file in files}
    for name in sorted(listing.files.keys() - taken):
        file = listing.files[name]
        is_empty_folder = not is_url(name) and not file.changed_ns
        if is_empty_folder or (values := template.split(name)) is None:
            continue
        assert node.partitions is not None
        try:
            key = read_key(node.partitions, values)
            attributes = read_attributes(node.partitions, values)
            location = locate(node, key, attributes)
        except (NbpartError, ValueError):
            others.no_key.append(name)
            continue
        if not match_location(location, name):
            others.second.append(_explain_second(name, key, location, exists=location in listing.files))
            continue
        if attributes and found.has(known := locations.get(key)):
            others.second.append(_explain_second(name, key, str(known), exists=True))
        elif others.locations.setdefault(key, location) == location:
            others.files.setdefault(key, []).append(file)
            others.attributes |= {key: attributes} if attributes else {}
        else:
            others.second.append(_explain_second(name, key, others.locations[key], exists=True))
    others.second += _drop_shared(node, others)
    return others


def _explain_second(name: str, key: str, location: str, *, exists: bool) -> str:
    start = f"{show_location(name)!r} is of the key {key!r}, whose path is {show_location(location)!r}"
    return f"{start}, a second file for one key, left alone" if exists else f"{start}; rename it"


def _drop_shared(node: Node, others: _Others) -> list[str]:
    """Leave out new keys that one path would stand for; returns why."""
    keys: dict[str, list[Key]] = {}
    for key, location in others.locations.items():
        keys.setdefault(location, []).append(key)
    shared = {location: group for location, group in keys.items() if len(group) > 1}
    for group in shared.values():
        for key in group:
            del others.locations[key], others.files[key]
    return [explain_shared(node.definition.path or "", group, location) for location, group in shared.items()]


def _observe(
    by: Comparison, places: Sequence[_Place], state: WatchState
) -> tuple[list[Observation], list[Key], dict[str, str]]:
    """What there is to record of files, the keys of those that are as they were, and why others cannot be read."""

    def look(place: _Place) -> Observation | str | None:
        try:
            left_out = state.left_out.get(place.location)
            proof = prove(place.files, by.versioning, by.now_ns)
            if left_out is not None and proof and proof == left_out.proof:
                return Observation(place.key, sum(file.size for file in place.files), proof, left_out.version)
            return compare_files(by, place.key, place.location, place.files, place.last)
        except CANNOT_READ as error:
            return str(error)

    with ThreadPoolExecutor(_THREADS, "nbpart-source") as threads:
        # some at a time: to hand over one takes as long as to read it
        parts = [places[start : start + _AT_A_TIME] for start in range(0, len(places), _AT_A_TIME)]
        answers = [answer for part in threads.map(lambda part: list(map(look, part)), parts) for answer in part]
    answered = list(zip(places, answers, strict=True))
    unreadable = {show_location(place.location): why for place, why in answered if isinstance(why, str)}
    same = [place.key for place, answer in answered if answer is None and place.last is not None]
    # one that vanished meanwhile is not there: the next look says so
    found = [one for one in answers if isinstance(one, Observation) and one.version is not None]
    return found, same, unreadable


def _keep_ready(node: Node, new: Mapping[str, Sequence[str]], ready: set[Key]) -> dict[str, Sequence[str]]:
    """Of the keys to be added those of files that are still and were read; dimensions of these, in a product."""
    if node.partitions is None or not new:
        return {}
    if node.definition.set_name in new:
        kept = {node.definition.set_name: [key for key in new[node.definition.set_name] if key in ready]}
    else:
        parts = [node.partitions.split(key) for key in ready if key is not None]  # type: ignore[attr-defined]
        kept = {}
        for name, part in node.partitions.parts:
            if part.set_name in new:
                wanted = {split[name] for split in parts}
                kept[part.set_name] = [key for key in new[part.set_name] if key in wanted]
    return {name: keys for name, keys in kept.items() if keys}


def _describe_listing(template: UrlTemplate, listing: Listing, *, is_empty: bool) -> list[str]:
    folder = show_location(spell_search(template)).partition("*")[0].rpartition("/")[0]
    notes = [f"part of it cannot be listed: {error}" for error in listing.faults[:1]]
    if not listing.is_there:
        notes.append(f"the folder {folder!r} is not there (yet)")
    elif is_empty and not notes:
        notes.append(f"there is no file at {template.text!r} (yet)")
    return notes


def _describe_moved(moved: Sequence[Key], locations: Mapping[Key, str]) -> list[str]:
    if not moved:
        return []
    start = "1 file was" if len(moved) == 1 else f"{len(moved):,} files were"
    return [f"{start} moved: {name_some(show_location(locations[key]) for key in moved)}"]


def _describe_unsettled(settled: Settled, settle_s: float) -> list[str]:
    if not settled.unsettled:
        return []
    number = len(settled.unsettled)
    verb = "is" if number == 1 else "are"
    return [f"{count_files(number)} {verb} not still for {settle_s:g} s yet: {_name_ends(settled.unsettled)}"]


def _name_ends(locations: Sequence[str]) -> str:
    return name_some(show_location(location).rpartition("/")[2] for location in locations)


def _show_first(unreadable: Mapping[str, str]) -> str:
    name, why = next(iter(unreadable.items()))
    return f"{name.rpartition('/')[2]!r} ({why})"
