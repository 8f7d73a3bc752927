"""Finding and registering code that was edited on disk: notebooks, module files and imported local modules.

Files are read and parsed, never imported. Edited code is registered again; code that cannot be read is reported by the
name of its asset, which keeps the code that was registered.
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
from nbpart.backfill.source_observation import FileChanges
from nbpart.catalog import Batch, Catalog
from nbpart.errors import DeclarationError, ExtraRequiredError, UnknownNameError, WorkspaceError
from nbpart.project.code_on_disk import CodeOnDisk, read_code_on_disk
from nbpart.project.registration import record_prepared
from nbpart.storage import write_bytes_atomic
from nbpart.storage.own_files import check_own, open_own
from nbpart.storage.seen_files import SeenFiles

log = logging.getLogger("nbpart")

#: This file beside the catalog has the fingerprints of the code at the last scan; its modification time is that scan's.
SCAN_FILE_NAME = "code_seen.json"
#: What reading code raises where it cannot be read.
_UNREADABLE = (DeclarationError, ExtraRequiredError, UnknownNameError, WorkspaceError, OSError, SyntaxError)
#: A notice names so many files and assets at most.
_MOST_NAMED = 5


@dataclass(frozen=True)
class CodeChanges:
    """The result of comparing the code on disk with the registered code.

    ``edited`` maps each asset whose changed code was registered to the files that changed, ``unreadable`` each asset
    whose code cannot be registered to the reason, and ``gone`` each asset whose file no longer exists to its path. The
    last two keep the code that was registered. ``notes`` are sentences about edits that a person should know. Where
    files of sources were looked at too, ``sources`` says of each that changed what became of its files.
    """

    edited: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    gone: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    sources: Mapping[str, FileChanges] = field(default_factory=dict)

    def __repr__(self) -> str:
        parts = [(self.edited, "edited"), (self.unreadable, "not readable"), (self.gone, "without their files"),
                 (self.sources, "changed")]  # fmt: skip
        summary = ", ".join(f"{_list(list(names))} {what}" for names, what in parts if names)
        return f"<CodeChanges: {summary or 'nothing changed'}>"

    @property
    def notice(self) -> str:
        """One line that names the edited files and assets; "" where nothing was edited."""
        if not self.edited:
            return ""
        by_file: dict[str, list[str]] = {}
        for asset, edited in self.edited.items():
            for file in edited:
                by_file.setdefault(file, []).append(asset)
        files = _list([f"{file} ({_list(assets)})" for file, assets in by_file.items()])
        return " ".join([f"edited and taken up: {files}; what the earlier code made is stale.", *self.notes])

    @property
    def source_notice(self) -> str:
        """One line that names the sources whose files changed; "" where none did."""
        if not self.sources:
            return ""
        sources = _list([f"{name} ({what})" for name, what in self.sources.items()])
        is_read = any(found.changed or found.gone for found in self.sources.values())
        return f"changed sources: {sources}{'; what read their earlier files is stale' if is_read else ''}."

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence for each asset whose code is unreadable or gone."""
        gone = (
            f"asset {asset!r}: {path} is gone; its runs go on with the code that was registered."
            for asset, path in self.gone.items()
        )
        return (*self.unreadable.values(), *gone)

    def log(self) -> None:
        """Log the notices and the warnings."""
        for notice in filter(None, (self.notice, self.source_notice)):
            log.info("%s", notice)
        for warning in self.warnings:
            log.warning("%s", warning)

    def without_unreadable(self, names: Collection[str]) -> CodeChanges:
        """A copy without the unreadable code of these assets, for a caller that reports it in another way."""
        return replace(self, unreadable={name: why for name, why in self.unreadable.items() if name not in names})


def describe_scan_time(checked_at: datetime | None, now: datetime) -> str:
    """``as seen 10:02``, in local time, for a scan more than a minute ago; "" for a newer one or none."""
    if checked_at is None or now - checked_at < timedelta(minutes=1):
        return ""
    local, today = checked_at.astimezone(), now.astimezone().date()
    return f"as seen {local:%H:%M}" if local.date() == today else f"as seen {local:%Y-%m-%d %H:%M}"


class CodeScanner:
    """Compares the code of a workspace's assets with what is registered, and registers what was edited.

    Fingerprints of the files are kept in a file beside the catalog, so that a scan reads only files that changed.
    ``clock`` returns the time in nanoseconds since 1970.
    """

    def __init__(self, catalog: Catalog, root: Path, clock: Callable[[], int]) -> None:
        self._catalog, self._root, self._clock = catalog, root, clock
        self._path = catalog.path.with_name(SCAN_FILE_NAME)

    @property
    def checked_at(self) -> datetime | None:
        """When any process last scanned this workspace; None where none did."""
        try:
            return datetime.fromtimestamp(os.lstat(self._path).st_mtime, UTC)
        except OSError:
            return None

    def scan(self, registry: Registry) -> CodeChanges:
        """Register what changed on disk since it was registered, and return what changed."""
        before = self._load()
        seen = SeenFiles(self._clock(), before.get("files", {}))
        known = {name: node.partitions for name, node in registry.nodes.items()}
        same: dict[str, list[str]] = {}
        fingerprints = before.get("assets", {})
        found: list[CodeOnDisk] = []
        unreadable: dict[str, str] = {}
        gone: dict[str, str] = {}
        for name, node in registry.nodes.items():
            if node.definition.is_source or node.definition.snapshot is None:
                continue
            try:
                fingerprint = _fingerprint(node.definition, seen, self._root)
                if fingerprints.get(name) == fingerprint:
                    same[name] = fingerprint
                    continue
                current = read_code_on_disk(node, self._root, known)
            except _UNREADABLE as error:
                unreadable[name] = _explain(name, error)
                continue
            if current.gone is not None:
                gone[name] = keep_path(current.gone, self._root)
            elif current.is_unchanged(self._root):
                same[name] = fingerprint
            else:
                found.append(current)
        registered = self._record(registry, found, unreadable)
        self._save(before, seen, same, registry)
        edited = {a.name: a.list_edited_files(self._root) for a in registered if a.is_code_changed}
        notes = dict.fromkeys(note for a in registered if a.is_code_changed for note in a.notes())
        return CodeChanges(edited, unreadable, gone, tuple(notes))

    def _record(
        self, registry: Registry, found: Sequence[CodeOnDisk], unreadable: dict[str, str]
    ) -> Sequence[CodeOnDisk]:
        """Register the code that was read, and return what was registered.

        Where one of them is refused they are registered one by one, and those that are refused go to ``unreadable``.
        """
        if not found:
            return ()
        try:
            return self._catalog.write(lambda batch: self._record_all(batch, registry, found))
        except (DeclarationError, UnknownNameError) as error:
            if len(found) == 1:
                unreadable[found[0].name] = _explain(found[0].name, error)
                return ()
        return [one for current in found for one in self._record(registry, [current], unreadable)]

    def _record_all(self, batch: Batch, registry: Registry, found: Sequence[CodeOnDisk]) -> Sequence[CodeOnDisk]:
        now = load_registry(batch, self._root)
        # what another process registered meanwhile is newer than the registry that was compared
        unchanged_since = [
            a for a in found if a.name in now.nodes and now.nodes[a.name].definition == a.node.definition
        ]
        if unchanged_since:
            record_prepared(
                batch, self._root, now, [current.prepared for current in unchanged_since], {}, is_declared=False
            )
        return unchanged_since

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
        """Save the fingerprints and the time of this scan; without them the next scan reads all files."""
        settled = {
            name: fingerprint
            for name, fingerprint in same.items()
            if all(map(seen.is_settled, _files_of(registry.nodes[name].definition)))
        }
        now = {"files": seen.to_json(), "assets": settled}
        try:
            if now == before and check_own(self._path):
                os.utime(self._path, ns=(seen.now_ns, seen.now_ns), follow_symlinks=False)
            else:
                write_bytes_atomic(self._path, json.dumps(now).encode())
        except (OSError, WorkspaceError):
            pass  # no fingerprints are kept, and the next scan reads the files again


def _files_of(definition: AssetDefinition) -> Iterator[str]:
    """The paths of an asset's code files, and of the folders where an import would find another file."""
    if definition.path is not None:
        yield definition.path
    yield definition.folder
    yield from (*definition.import_roots, *definition.late_roots)
    for _, original in definition.modules.values():
        yield original
        yield os.path.dirname(original)


def _fingerprint(definition: AssetDefinition, seen: SeenFiles, root: Path) -> list[str]:
    """Hashes of an asset's definition and of the state of its files: equal as long as neither changes."""
    files = sorted(set(_files_of(definition)))
    state = "\0".join(f"{path}\0{seen.digest(path)}" for path in files)
    return [_hash(json.dumps(definition.to_json(root), sort_keys=True)), _hash(state)]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _explain(name: str, error: Exception) -> str:
    """Why the code of an asset cannot be registered, as a sentence that names the asset."""
    text = (str(error) or type(error).__name__).partition("\n")[0].rstrip(".")
    if isinstance(error, SyntaxError) and error.filename:
        text = f"{Path(error.filename).name} is not valid Python (line {error.lineno}: {error.msg})"
    start = "" if text.startswith(f"asset {name!r}") else f"asset {name!r}: "
    return f"{start}{text}; the code that was registered is kept, and it is not planned until that is mended."


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
