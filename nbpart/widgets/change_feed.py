"""The changes of a catalog, delivered to all live widgets of this process from one thread, whoever wrote them.

While nothing happens the thread reads one small file about once a second. When the number in it has changed, one batch
reads what each subscriber needs; then, with no lock held, each subscriber gets what was read for it.
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

#: Seconds from one poll of the sequence number to the next: while nothing changes, and for a while after a change.
IDLE_POLL_S, ACTIVE_POLL_S = 0.9, 0.2
#: How long after a change the shorter interval holds.
ACTIVE_FOR_S = 10.0
#: How long one read waits for a busy catalog; after that it is tried again at the next poll.
CATALOG_TIMEOUT_S = 5.0
#: Reads that take long are made less often, so that they take at most this share of the time.
MAX_BUSY_SHARE = 0.25


class Subscriber(Protocol):
    """Something that is kept up to date with a catalog. The feed's thread calls these methods."""

    def has_viewers(self) -> bool:
        """Whether anybody can see it. If not, it gets nothing now and everything later. Must return quickly."""

    def on_poll(self) -> bool:
        """Called at a poll that finds nothing new; return True to be read all the same. Must return quickly."""

    def read(self, batch: Batch, changes: Changes) -> Any:
        """Read what it needs, in the one batch of all subscribers. May take no lock and start no other batch."""

    def apply(self, found: Any) -> None:
        """Take what `read` returned; called after the batch has ended."""


class ChangeFeed:
    """Delivers the changes of one catalog. Use `subscribe`, which shares one feed per catalog.

    The thread starts with the first subscriber and ends with the last. ``read_count`` is the number of batches so far.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        #: By subscriber, the sequence number up to which it knows the catalog.
        self._seen: weakref.WeakKeyDictionary[Subscriber, int] = weakref.WeakKeyDictionary()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self.read_count = 0

    def add(self, subscriber: Subscriber, seen: int) -> None:
        """Deliver every change after the sequence number ``seen``."""
        with self._lock:
            self._seen[subscriber] = seen
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="nbpart-watch", daemon=True)
                self._thread.start()
        self._wake.set()

    def remove(self, subscriber: Subscriber) -> None:
        """Deliver nothing more to it; does nothing where it is not subscribed."""
        with self._lock:
            self._seen.pop(subscriber, None)
        self._wake.set()

    def poll_now(self) -> None:
        """Poll at once instead of at the next interval, for instance after a write."""
        self._wake.set()

    @property
    def is_running(self) -> bool:
        """Whether the thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    def _subscribers(self) -> dict[Subscriber, int]:
        with self._lock:
            found = dict(self._seen)
            if not found:
                self._thread = None  # with the lock held: a later subscriber starts another
            return found

    def _run(self) -> None:
        active_until, wait_s = 0.0, 0.0
        while True:
            self._wake.wait(wait_s)
            self._wake.clear()
            subscribers = self._subscribers()
            if not subscribers:
                return
            began = time.monotonic()
            sequence = self._catalog.sequence()
            behind = {f: s for f, s in subscribers.items() if f.has_viewers() and (s != sequence or _call_on_poll(f))}
            del subscribers
            try:
                changed = self._deliver(behind) if behind else False
            except CatalogBusyError:
                changed = True
            except CatalogError as error:
                if self._catalog.is_closed:
                    return
                log.warning("the live widgets could not read the catalog: %s", error)
                changed = False
            except Exception:
                if _is_ending.is_set():
                    return  # modules are being unloaded
                log.exception("the live widgets could not read the catalog")
                self._skip(behind)
                changed = False
            del behind
            ended = time.monotonic()
            if changed:
                active_until, wait_s = ended + ACTIVE_FOR_S, 0.0
                # while changes come the interval holds whatever `poll_now` asks for
                time.sleep(max(ACTIVE_POLL_S, min((ended - began) / MAX_BUSY_SHARE, IDLE_POLL_S)))
            else:
                wait_s = ACTIVE_POLL_S if ended < active_until else IDLE_POLL_S

    def _deliver(self, behind: dict[Subscriber, int]) -> bool:
        """Read for these subscribers, given with what they have seen, and deliver it; True if anything was new."""
        self.read_count += 1
        try:
            sequence, found = self._catalog.read(lambda batch: _read(batch, behind), timeout_s=CATALOG_TIMEOUT_S)
        except CatalogBusyError:
            raise
        except Exception:
            if len(behind) == 1 or self._catalog.is_closed:
                raise
            # one of them made the batch fail: read for each alone, so that the others get theirs
            changes = [self._deliver_alone(subscriber, seen) for subscriber, seen in behind.items()]
            return any(changes)
        changed = False
        for subscriber, result in found:
            with self._lock:
                if subscriber not in self._seen:
                    continue
                changed |= self._seen[subscriber] != sequence
                self._seen[subscriber] = sequence
            _apply(subscriber, result)
        return changed

    def _deliver_alone(self, subscriber: Subscriber, seen: int) -> bool:
        """As `_deliver` for one subscriber, whose error is logged."""
        try:
            return self._deliver({subscriber: seen})
        except CatalogBusyError:
            raise
        except Exception as error:  # noqa: BLE001 - it is logged, and the others go on
            log.warning("%s could not read the catalog: %s", type(subscriber).__name__, error)
            self._skip([subscriber])
            return False

    def _skip(self, subscribers: Iterable[Subscriber]) -> None:
        """Mark what these subscribers could not read as seen: they are read again at the next change."""
        sequence = self._catalog.sequence()
        with self._lock:
            for subscriber in subscribers:
                if subscriber in self._seen:
                    self._seen[subscriber] = sequence


def _read(batch: Batch, behind: dict[Subscriber, int]) -> tuple[int, list[tuple[Subscriber, Any]]]:
    shared: dict[int, Changes] = {}
    found = []
    for subscriber, seen in behind.items():
        changes = shared.setdefault(seen, Changes(batch, seen))
        found.append((subscriber, subscriber.read(batch, changes)))
    return batch.sequence, found


def _apply(subscriber: Subscriber, result: Any) -> None:
    try:
        subscriber.apply(result)
    except Exception:
        log.exception("%s could not show what changed", type(subscriber).__name__)


def _call_on_poll(subscriber: Subscriber) -> bool:
    try:
        return subscriber.on_poll()
    except Exception:
        log.exception("%s failed at a poll", type(subscriber).__name__)
        return False


_FEEDS: weakref.WeakKeyDictionary[Catalog, ChangeFeed] = weakref.WeakKeyDictionary()
_FEEDS_LOCK = threading.Lock()


def feed_of(catalog: Catalog) -> ChangeFeed:
    """Return the feed of a catalog, one for all its subscribers in this process."""
    with _FEEDS_LOCK:
        if catalog not in _FEEDS:
            _FEEDS[catalog] = ChangeFeed(catalog)
        return _FEEDS[catalog]


def subscribe(catalog: Catalog, subscriber: Subscriber, seen: int) -> ChangeFeed:
    """Deliver to the subscriber every change after the sequence number ``seen``; return the feed.

    It ends with `ChangeFeed.remove`, or when the subscriber is garbage collected.
    """
    feed = feed_of(catalog)
    feed.add(subscriber, seen)
    return feed
