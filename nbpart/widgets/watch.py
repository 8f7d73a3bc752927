"""Following a catalog: one thread for all live widgets on it, whoever writes to it.

While nothing happens it reads one small file a second. When the number in it changed, one batch reads what each
follower asks for, and then, with no lock held, each is handed what it read.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Iterable
from typing import Any, Protocol

from nbpart.catalog import Batch, Catalog
from nbpart.catalog.queries import Changes
from nbpart.errors import CatalogBusyError, CatalogError

log = logging.getLogger("nbpart")

#: Set when the interpreter ends.
_is_ending = threading.Event()
atexit.register(_is_ending.set)

#: Seconds between two looks at the sequence: while nothing happens, and for a while after something did.
IDLE_S, LIVELY_S = 0.9, 0.2
LIVELY_FOR_S = 10.0
#: How long a look waits for the catalog before it tries again later.
PATIENCE_S = 5.0
#: A reading that takes long is made more rarely, so that it never takes more than this part of the time.
MOST_BUSY = 0.25


class Follower(Protocol):
    """What the watcher hands changes to. All of it is called on threads that are not the follower's."""

    def is_watched(self) -> bool:
        """Whether anybody looks at it; who is not looked at is left out, and catches up later. It must be quick."""

    def is_due(self) -> bool:
        """Whether the watcher must look though nothing was written; asked at every turn, so it must be quick."""

    def read(self, batch: Batch, changes: Changes) -> Any:
        """Read what is needed, inside the one batch of all followers. It takes no lock and calls no catalog."""

    def apply(self, found: Any) -> None:
        """Take what `read` returned, outside of the batch."""


class Watcher:
    """Follows one catalog; use `follow`, which shares one a catalog.

    ``since`` of the changes is the commit that the follower saw last. It ends when nobody follows any more.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._guard = threading.Lock()
        self._seen: weakref.WeakKeyDictionary[Follower, int] = weakref.WeakKeyDictionary()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self.readings = 0

    def add(self, follower: Follower, seen: int) -> None:
        with self._guard:
            self._seen[follower] = seen
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="nbpart-watch", daemon=True)
                self._thread.start()
        self._wake.set()

    def remove(self, follower: Follower) -> None:
        with self._guard:
            self._seen.pop(follower, None)
        self._wake.set()

    def nudge(self) -> None:
        """Look now, for who has just written or wants to know."""
        self._wake.set()

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _followers(self) -> dict[Follower, int]:
        with self._guard:
            found = dict(self._seen)
            if not found:
                self._thread = None  # under the guard: who comes later starts another
            return found

    def _run(self) -> None:
        lively_until, wait_s = 0.0, 0.0
        while True:
            self._wake.wait(wait_s)
            self._wake.clear()
            followers = self._followers()
            if not followers:
                return
            began = time.monotonic()
            sequence = self._catalog.sequence()
            behind = {f: s for f, s in followers.items() if f.is_watched() and (s != sequence or _is_due(f))}
            del followers
            try:
                changed = self._look(behind) if behind else False
            except CatalogBusyError:
                changed = True
            except CatalogError as error:
                if self._catalog.is_closed:
                    return
                log.warning("the live widgets could not read the catalog: %s", error)
                changed = False
            except Exception:
                if _is_ending.is_set():
                    return  # modules are taken down under it
                log.exception("the live widgets could not read the catalog")
                self._skip(behind)
                changed = False
            del behind
            ended = time.monotonic()
            if changed:
                lively_until, wait_s = ended + LIVELY_FOR_S, 0.0
                # the pace while changes come: nobody can nudge it on
                time.sleep(max(LIVELY_S, min((ended - began) / MOST_BUSY, IDLE_S)))
            else:
                wait_s = LIVELY_S if ended < lively_until else IDLE_S

    def _look(self, behind: dict[Follower, int]) -> bool:
        """Read for those who are behind and hand it to them; whether there was anything new."""
        self.readings += 1
        try:
            sequence, found = self._catalog.read(lambda batch: _read(batch, behind), timeout_s=PATIENCE_S)
        except CatalogBusyError:
            raise
        except Exception:
            if len(behind) == 1 or self._catalog.is_closed:
                raise
            # one of them spoils the batch: the others need not suffer for it
            changes = [self._look_alone(follower, seen) for follower, seen in behind.items()]
            return any(changes)
        changed = False
        for follower, result in found:
            with self._guard:
                if follower not in self._seen:
                    continue
                changed |= self._seen[follower] != sequence
                self._seen[follower] = sequence
            _apply(follower, result)
        return changed

    def _look_alone(self, follower: Follower, seen: int) -> bool:
        try:
            return self._look({follower: seen})
        except CatalogBusyError:
            raise
        except Exception as error:  # noqa: BLE001 - it is told, and the others go on
            log.warning("%s could not read the catalog: %s", type(follower).__name__, error)
            self._skip([follower])
            return False

    def _skip(self, followers: Iterable[Follower]) -> None:
        """Leave out what these could not read: the next change may do."""
        sequence = self._catalog.sequence()
        with self._guard:
            for follower in followers:
                if follower in self._seen:
                    self._seen[follower] = sequence


def _read(batch: Batch, behind: dict[Follower, int]) -> tuple[int, list[tuple[Follower, Any]]]:
    shared: dict[int, Changes] = {}
    found = []
    for follower, seen in behind.items():
        changes = shared.setdefault(seen, Changes(batch, seen))
        found.append((follower, follower.read(batch, changes)))
    return batch.sequence, found


def _apply(follower: Follower, result: Any) -> None:
    try:
        follower.apply(result)
    except Exception:
        log.exception("%s could not show what changed", type(follower).__name__)


def _is_due(follower: Follower) -> bool:
    try:
        return follower.is_due()
    except Exception:
        log.exception("%s could not tell whether it is due", type(follower).__name__)
        return False


_WATCHERS: weakref.WeakKeyDictionary[Catalog, Watcher] = weakref.WeakKeyDictionary()
_WATCHERS_GUARD = threading.Lock()


def watcher_of(catalog: Catalog) -> Watcher:
    """The watcher of a catalog, shared by all that follow it in this process."""
    with _WATCHERS_GUARD:
        if catalog not in _WATCHERS:
            _WATCHERS[catalog] = Watcher(catalog)
        return _WATCHERS[catalog]


def follow(catalog: Catalog, follower: Follower, seen: int) -> Watcher:
    """Hand the follower every change after the commit ``seen``, until `Watcher.remove` or until it is gone."""
    watcher = watcher_of(catalog)
    watcher.add(follower, seen)
    return watcher
