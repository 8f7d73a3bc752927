"""Edits of code on disk: notebooks, module files and imported local modules that are not what was registered.

Files are read and parsed, never imported. What changed is taken up as if it had been registered again; what cannot be
is told by name, and the code that was registered is kept.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nbpart.assets.definition import AssetDefinition
from nbpart.assets.kept_paths import keep_path
from nbpart.backfill.registry import Registry, load_registry
from nbpart.catalog import Batch, Catalog
from nbpart.errors import DeclarationError, UnknownNameError, WorkspaceError
from nbpart.project.edited_code import Reread, read_again
from nbpart.project.registration import record_prepared
from nbpart.storage import write_bytes_atomic
from nbpart.storage.own_files import check_own, open_own
from nbpart.storage.seen_files import SeenFiles

log = logging.getLogger("nbpart")

#: Beside the catalog: what the files of code were when they were last looked at, which is the time of this file.
MEMORY_NAME = "code_seen.json"
#: A notice names so many files and assets at most.
_MOST_NAMED = 5


@dataclass(frozen=True)
class CodeLook:
    """What a look at the code on disk came to.

    ``edited`` are the assets whose code changed, each with the files that did; ``unreadable`` those of which the files
    cannot be taken up, with the reason; ``gone`` those whose files are no longer there, with their paths. The last two
    keep the code that was registered.
    """

    edited: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    gone: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def __repr__(self) -> str:
        parts = [(self.edited, "edited"), (self.unreadable, "not readable"), (self.gone, "without their files")]
        told = ", ".join(f"{_list(list(names))} {what}" for names, what in parts if names)
        return f"<CodeLook: {told or 'nothing changed'}>"

    @property
    def notice(self) -> str:
        """What was taken up, in one line; "" where nothing was."""
        if not self.edited:
            return ""
        by_file: dict[str, list[str]] = {}
        for asset, edited in self.edited.items():
            for file in edited:
                by_file.setdefault(file, []).append(asset)
        files = _list([f"{file} ({_list(assets)})" for file, assets in by_file.items()])
        return " ".join([f"edited and taken up: {files}; what the earlier code made is stale.", *self.notes])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be taken up, and what is gone, a sentence each."""
        gone = (
            f"asset {asset!r}: {path} is gone; its runs go on with the code that was registered."
            for asset, path in self.gone.items()
        )
        return (*self.unreadable.values(), *gone)

    def tell(self) -> None:
        """Say what was taken up, and what could not be."""
        if self.notice:
            log.info("%s", self.notice)
        for warning in self.warnings:
            log.warning("%s", warning)

    def without(self, names: Collection[str]) -> CodeLook:
        """The same without what of these assets cannot be read, for who tells that otherwise."""
        return replace(self, unreadable={name: why for name, why in self.unreadable.items() if name not in names})


def describe_seen(seen_at: datetime | None, now: datetime) -> str:
    """ "as seen 10:02", in local time, for a look that is older than a minute; else ""."""
    if seen_at is None or now - seen_at < timedelta(minutes=1):
        return ""
    seen, today = seen_at.astimezone(), now.astimezone().date()
    return f"as seen {seen:%H:%M}" if seen.date() == today else f"as seen {seen:%Y-%m-%d %H:%M}"


class CodeWatch:
    """Looks at the code of a workspace, and remembers in a file what it saw, so that the next look is cheap.

    ``clock`` gives the time in nanoseconds since 1970.
    """

    def __init__(self, catalog: Catalog, root: Path, clock: Callable[[], int]) -> None:
        self._catalog, self._root, self._clock = catalog, root, clock
        self._path = catalog.path.with_name(MEMORY_NAME)

    @property
    def seen_at(self) -> datetime | None:
        """When somebody last looked, in whatever process; None where nobody did."""
        try:
            return datetime.fromtimestamp(os.lstat(self._path).st_mtime, UTC)
        except OSError:
            return None

    def look(self, registry: Registry) -> CodeLook:
        """Take up what changed on disk since it was registered."""
        before = self._load()
        seen = SeenFiles(self._clock(), before.get("files", {}))
        set_names = {name: node.definition.set_name for name, node in registry.nodes.items()}
        same: dict[str, list[str]] = {}
        marks = before.get("assets", {})
        found: list[Reread] = []
        unreadable: dict[str, str] = {}
        gone: dict[str, str] = {}
        for name, node in registry.nodes.items():
            if node.definition.is_source or node.definition.snapshot is None:
                continue
            try:
                mark = _mark(node.definition, seen)
                if marks.get(name) == mark:
                    same[name] = mark
                    continue
                again = read_again(node, self._root, set_names)
            except (DeclarationError, UnknownNameError, WorkspaceError, OSError, SyntaxError) as error:
                unreadable[name] = _explain(name, error)
                continue
            if again.gone is not None:
                gone[name] = keep_path(again.gone, self._root)
            elif again.is_same(self._root):
                same[name] = mark
            else:
                found.append(again)
        taken = self._record(registry, found, unreadable)
        self._save(before, seen, same, registry)
        edited = {a.name: a.find_edited(self._root) for a in taken if a.is_recoded}
        notes = dict.fromkeys(note for a in taken if a.is_recoded for note in a.notes())
        return CodeLook(edited, unreadable, gone, tuple(notes))

    def _record(self, registry: Registry, found: Sequence[Reread], unreadable: dict[str, str]) -> Sequence[Reread]:
        """Record what was read anew; one by one where something of it cannot be, which is added to ``unreadable``."""
        if not found:
            return ()
        try:
            return self._catalog.write(lambda batch: self._record_all(batch, registry, found))
        except (DeclarationError, UnknownNameError) as error:
            if len(found) == 1:
                unreadable[found[0].name] = _explain(found[0].name, error)
                return ()
        return [one for again in found for one in self._record(registry, [again], unreadable)]

    def _record_all(self, batch: Batch, registry: Registry, found: Sequence[Reread]) -> Sequence[Reread]:
        now = load_registry(batch, self._root)
        # what another process registered meanwhile is newer than what was looked at
        still = [a for a in found if a.name in now.nodes and now.nodes[a.name].definition == a.node.definition]
        if still:
            record_prepared(batch, self._root, now, [again.prepared for again in still], {})
        return still

    def _load(self) -> dict[str, Any]:
        try:
            with os.fdopen(open_own(self._path), "rb") as file:
                found = json.load(file)
        except (OSError, ValueError, WorkspaceError):
            return {}
        fits = isinstance(found, dict) and all(isinstance(found.get(name), dict) for name in ("files", "assets"))
        return found if fits else {}

    def _save(
        self, before: Mapping[str, Any], seen: SeenFiles, same: Mapping[str, list[str]], registry: Registry
    ) -> None:
        """Remember what was seen and when; a workspace that cannot be written is looked at as if for the first time."""
        settled = {
            name: mark
            for name, mark in same.items()
            if all(map(seen.is_settled, _files_of(registry.nodes[name].definition)))
        }
        now = {"files": seen.to_json(), "assets": settled}
        try:
            if now == before and check_own(self._path):
                os.utime(self._path, ns=(seen.now_ns, seen.now_ns), follow_symlinks=False)
            else:
                write_bytes_atomic(self._path, json.dumps(now).encode())
        except (OSError, WorkspaceError):
            pass  # what was seen is not kept, and the next look reads the files again


def _files_of(definition: AssetDefinition) -> Iterator[str]:
    """The files that an asset's code is in, and the folders where one more would be found."""
    if definition.path is not None:
        yield definition.path
    yield definition.folder
    yield from (*definition.import_roots, *definition.late_roots)
    for _, original in definition.modules.values():
        yield original
        yield os.path.dirname(original)


def _mark(definition: AssetDefinition, seen: SeenFiles) -> list[str]:
    """What tells that neither the definition nor one of its files is another than when it was last read."""
    files = sorted(set(_files_of(definition)))
    state = "\0".join(f"{path}\0{seen.digest(path)}" for path in files)
    return [_hash(repr(definition)), _hash(state)]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _explain(name: str, error: Exception) -> str:
    text = (str(error) or type(error).__name__).partition("\n")[0].rstrip(".")
    if isinstance(error, SyntaxError) and error.filename:
        text = f"{Path(error.filename).name} is not valid Python (line {error.lineno}: {error.msg})"
    start = "" if text.startswith(f"asset {name!r}") else f"asset {name!r}: "
    return f"{start}{text}; the code that was registered is kept, and it is not planned until that is mended."


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
