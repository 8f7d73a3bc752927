"""Access to the catalog file: one thread, one lease, one transaction at a time."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from nbpart.catalog import migrations
from nbpart.catalog.batch import Author, Batch
from nbpart.catalog.confinement import check_functions, check_tables, confine
from nbpart.catalog.events.windows import add_ended_windows, is_window_due
from nbpart.catalog.files import (
    DISK_FULL,
    WAL_SUFFIXES,
    check_folder,
    explain_failure,
    identify,
    is_full,
    make_folder,
    share_log,
)
from nbpart.catalog.instance import open_instance
from nbpart.catalog.kept import Kept
from nbpart.catalog.lease import Lease
from nbpart.catalog.searches import Found, Search, SearchWanted
from nbpart.catalog.sequence import read_sequence, write_sequence
from nbpart.catalog.torn_blocks import TornBlockError, mend
from nbpart.catalog.work_item import WorkItem
from nbpart.errors import CatalogBusyError, CatalogError, WorkspaceError
from nbpart.storage.own_files import check_own

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

log = logging.getLogger("nbpart")

#: flock is not fair: without a pause a process with many requests would take every turn.
_PAUSE_S = 0.002
_FOREIGN_LOCK_RETRY_S = 0.02


class Catalog:
    """The catalog of a workspace; safe to use from any thread.

    All work runs on one thread of its own, with the file attached only for the length of a batch, so that other
    processes get their turn and a Ctrl-C in a caller never lands inside a batch. ``clock`` gives the time of a batch,
    in UTC, ``person`` is who its changes are of.
    """

    def __init__(self, path: Path, *, timeout_s: float, purpose: str) -> None:
        self.path = path
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.person = ""
        self._timeout_s = timeout_s
        self._pid = os.getpid()
        self._lease = Lease(path, purpose)
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._batch: Batch | None = None
        self._kept = Kept()
        self._queue: SimpleQueue[WorkItem[Any] | None] = SimpleQueue()
        self._closed = False
        self._may_create = False  # only while it is opened
        self._is_prepared = False
        self._is_probed = False
        self._workspace_id: str | None = None
        self._was_created = False
        self._is_known: Callable[[str], bool] = lambda workspace_id: False
        self._is_confined = False
        self._checked: tuple[int, int] | None = None
        self._folder: tuple[Path, tuple[int, int]] | None = None
        self._thread = threading.Thread(target=self._serve, name="nbpart-catalog", daemon=True)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        create: bool = True,
        timeout_s: float = 60.0,
        purpose: str = "",
        is_known: Callable[[str], bool] = lambda workspace_id: False,
    ) -> Catalog:
        """Open the catalog file at `path`, making it if it is not there, and bring its schema up to date.

        `is_known` gets the id of the workspace and returns whether its code is trusted: then the file is not searched
        for functions that somebody may have put into it, which takes longer than all the rest.

        Raises WorkspaceError (not there, or not writable), LocksUnsupportedError, CatalogVersionError (made by a newer
        nbpart), CatalogError (not a catalog; the file is left as it is), CatalogBusyError after `timeout_s`.
        """
        path = Path(path).absolute()
        if not create and not path.exists():
            raise WorkspaceError(f"There is no catalog at {path}; nbpart.open makes one.")
        if create:
            make_folder(path.parent)
        catalog = cls(path, timeout_s=timeout_s, purpose=purpose)
        catalog._may_create = create
        catalog._is_known = is_known
        catalog._thread.start()
        _OPEN.add(catalog)
        try:
            catalog._prepare()
        except BaseException:
            catalog.close()
            raise
        catalog._may_create = False
        catalog._is_prepared = True
        return catalog

    def read(self, work: Callable[[Batch], T], *, timeout_s: float | None = None) -> T:
        """Run `work` on the state of the last commit. Returns what it returns.

        Windows of time that have ended since become partitions first, where the catalog can be written. `work` is run
        again where it needs what is searched for without the catalog: it changes nothing but what it returns.

        Raises CatalogBusyError where the catalog was not free within `timeout_s` (default: that of `open`),
        CatalogError for a failed statement, and what `work` raises.
        """
        item = self._run(work, writes=False, timeout_s=timeout_s)
        if item.finds_ended_windows and self._add_ended_windows():
            item = self._run(work, writes=False, timeout_s=timeout_s)
        return item.result  # type: ignore[return-value]

    def write(
        self,
        work: Callable[[Batch], T],
        *,
        timeout_s: float | None = None,
        before: Callable[[Path], object] | None = None,
    ) -> T:
        """Run `work` in a transaction and commit it. Returns what it returns.

        `before` is called with the path of the file under the same lease, before the file is opened; what it raises is
        raised. Any exception, also that of a failed statement which `work` caught, rolls everything back and is raised.
        A Ctrl-C withdraws work that has not begun; work that has begun is finished. `work` may be run again as in
        `read`, after a rollback.
        """
        item = self._run(work, writes=True, timeout_s=timeout_s, before=before)
        return item.result  # type: ignore[return-value]

    def sequence(self) -> int:
        """The number of the last commit, read without a lease; 0 where it cannot be read."""
        return read_sequence(self._sequence_path)

    def close(self) -> None:
        """Finish the work in the queue and end the catalog thread; can be called again."""
        if self._closed:
            return
        self._closed = True
        if os.getpid() == self._pid and self._thread.is_alive():
            self._queue.put(None)
            if threading.current_thread() is not self._thread:
                self._thread.join(timeout=5)

    @property
    def workspace_id(self) -> str:
        """The id of the workspace, from its catalog; a batch on the catalog of another workspace is refused."""
        assert self._workspace_id is not None
        return self._workspace_id

    @property
    def was_created(self) -> bool:
        """Whether this object created the file; False where the file was there."""
        return self._was_created

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def _sequence_path(self) -> Path:
        return self.path.with_suffix(".sequence")

    def _prepare(self) -> None:
        if not self.path.exists():
            self._submit(lambda batch: None, writes=True, timeout_s=None)  # the turn of a writer makes the file
        number, sequence = self.read(lambda batch: (migrations.load_number(batch), batch.sequence))
        if number < migrations.newest():
            self.write(migrations.migrate)
        elif sequence != self.sequence():
            self.write(lambda batch: self._write_sequence(batch.sequence - 1))

    def _run(
        self,
        work: Callable[[Batch], T],
        *,
        writes: bool,
        timeout_s: float | None,
        before: Callable[[Path], object] | None = None,
    ) -> WorkItem[T]:
        """Have work done, and what it wants searched for in this thread, while others use the catalog."""
        found = Found()
        while True:
            try:
                return self._submit(work, writes=writes, timeout_s=timeout_s, before=before, found=found)
            except SearchWanted as wanted:
                search = wanted.search
            result = found.run(search)
            if not writes:  # a write keeps it itself: only that knows what it found it for
                self._keep(search, result)

    def _keep(self, search: Search, result: Any) -> None:
        def work(batch: Batch) -> None:
            search.keep(batch, result)
            batch.unchanged = True  # nothing that anybody sees is another than before

        try:
            self._submit(work, writes=True, timeout_s=None)
        except CatalogError as error:
            log.debug("what was searched for could not be kept: %s", error)

    def _submit(
        self,
        work: Callable[[Batch], T],
        *,
        writes: bool,
        timeout_s: float | None,
        before: Callable[[Path], object] | None = None,
        found: Found | None = None,
    ) -> WorkItem[T]:
        self._check_usable()
        timeout_s = self._timeout_s if timeout_s is None else timeout_s
        deadline = time.monotonic() + timeout_s
        item = WorkItem(work, found or Found(), writes=writes, deadline=deadline, before=before)
        try:
            self._queue.put(item)
            if not item.wait(timeout_s):
                if item.claim():
                    raise CatalogBusyError(item.obstacle or self._describe_wait(timeout_s))
                item.wait(-1)
        except KeyboardInterrupt:
            item.claim()
            raise
        if item.error is not None:
            raise item.error
        return item

    def _add_ended_windows(self) -> bool:
        """Add the windows that have ended. Returns False where the catalog cannot be written: it shows what it has."""
        try:
            self.write(add_ended_windows)
        except CatalogError as error:
            log.debug("the windows that have ended could not be added: %s", error)
            return False
        return True

    def _describe_wait(self, waited_s: float) -> str:
        return (
            f"The catalog of {self.path.parent} {self._lease.describe_holder()}; waited {waited_s:.0f} s for it. "
            "Try again when that is done, or end that process."
        )

    def _check_usable(self) -> None:
        if self._closed:
            raise CatalogError(f"The catalog of {self.path.parent} is closed; open the workspace again.")
        if os.getpid() != self._pid:
            raise CatalogError("This process was forked from the one that opened the catalog; open the workspace here.")
        if threading.current_thread() is self._thread:
            raise CatalogError("The catalog was asked for from inside a batch; use the batch that is there.")

    # from here on: on the catalog thread

    def _serve(self) -> None:
        while (item := self._queue.get()) is not None:
            try:
                self._handle(item)
                item.finish()
            except BaseException as error:  # noqa: BLE001  it is raised in the caller
                item.finish(error)
            del item
            self._drop_temporary()
            if not self._queue.empty():
                time.sleep(_PAUSE_S)
        self._discard_connection()

    def _handle(self, item: WorkItem[Any]) -> None:
        if item.is_claimed:
            return
        self._import_slow_modules()
        if not self._is_probed:
            self._lease.probe()
            self._is_probed = True
        if not self._may_create:
            self._check_exists()  # also before the lease, which would make its files in a new folder of the old name
        self._lease.acquire(exclusive=item.writes)
        try:
            if not item.is_claimed and self._attach(item):
                try:
                    if item.claim():
                        self._transact(item)
                finally:
                    self._detach()
        finally:
            self._lease.release()

    def _import_slow_modules(self) -> None:
        """Import before the lease is taken what is slow to import: other processes would wait for it."""
        self._connect()
        if self._is_prepared:
            import pandas  # noqa: F401
            import pyarrow.dataset
            import pyarrow.pandas_compat  # noqa: F401

    def _attach(self, item: WorkItem[Any]) -> bool:
        """Attach the file. Returns False where the caller gave up while a process without a lease had it open."""
        if not check_own(self.path) and self._may_create and item.writes:
            self._create()
        self._check_exists()
        if item.before is not None and not item.is_claimed:
            item.before(self.path)
        mended: set[int] = set()
        while not item.is_claimed:
            try:
                migrations.attach(self._connect_confined(), self.path, writes=item.writes)
                self._check_contents()
                return True
            except CatalogBusyError as error:
                item.obstacle = str(error)
                if time.monotonic() > item.deadline and item.claim():
                    raise
                time.sleep(_FOREIGN_LOCK_RETRY_S)
            except TornBlockError as error:
                self._discard_connection()
                if error.block.place in mended:
                    raise
                mended.add(error.block.place)
                self._lease.release()
                self._lease.acquire(exclusive=True)
                mend(self.path, error.block)
            except BaseException:
                self._discard_connection()
                raise
        return False

    def bind_to_folder(self, root: Path) -> None:
        """Refuse every batch from now on in which the folder `root` is gone or is another folder than it is now."""
        self._folder = (root, identify(root))

    def _check_exists(self) -> None:
        """Refuse a catalog that is gone, and files in its place or beside it that are not this user's own."""
        if self._folder is not None:
            check_folder(*self._folder)
        for suffix in WAL_SUFFIXES:
            check_own(self.path.with_name(self.path.name + suffix))
        if not check_own(self.path):
            raise CatalogError(
                f"The catalog {self.path} is gone: it or its folder was moved or removed while it was open; put it "
                "back, or open the workspace again where it is now."
            )

    def _check_identity(self, meta: Mapping[str, str]) -> None:
        """Refuse another catalog than was opened: ids that were read from one would be written to the other."""
        found = meta.get("workspace_id")
        if self._workspace_id is None:
            self._workspace_id = found
        elif found != self._workspace_id:
            raise CatalogError(
                f"The catalog {self.path} was replaced by that of another workspace while it was open; put the first "
                "one back, or open the workspace again to go on with this one."
            )

    def _check_contents(self) -> None:
        """Check that the file holds nothing but plain tables, once for each file at the path."""
        if (found := identify(self.path)) != self._checked:
            connection = self._connect()
            check_tables(connection, "nbpart")
            if not self._is_known(migrations.load_meta(connection).get("workspace_id", "")):
                check_functions(connection, "nbpart")
            self._checked = found
            self._kept.clear()  # another file, whatever its number

    def _create(self) -> None:
        import duckdb

        try:
            self._was_created = migrations.create(self._connect(), self.path)
        except (duckdb.Error, OSError) as error:
            self._discard_connection()
            reason = DISK_FULL if is_full(error) else str(error)
            raise CatalogError(f"The catalog {self.path} cannot be made: {reason}") from error
        if self._was_created:
            self._checked = identify(self.path)

    def _detach(self) -> None:
        connection = self._connect()
        try:
            connection.execute("USE memory")
            connection.execute("DETACH nbpart")
        except Exception:  # noqa: BLE001  the batch is decided; a fresh instance lets go of the file whatever happened
            self._discard_connection()

    def _transact(self, item: WorkItem[Any]) -> None:
        connection = self._connect()
        try:
            connection.execute("BEGIN")
            meta = migrations.load_meta(connection)
            self._check_identity(meta)
            before = int(meta["sequence"])
            author = Author(self.person)
            batch = self._batch = Batch(
                connection, meta, self.clock(), writes=item.writes, found=item.found, kept=self._kept, author=author
            )
            item.finds_ended_windows = is_window_due(meta, batch.now)
            item.result = item.work(batch)
            if batch.wanted is not None:
                raise batch.wanted
            if batch.error is not None:
                raise CatalogError(
                    f"A statement on the catalog failed and its error was not passed on: {batch.error}"
                ) from batch.error
            self._commit(connection, batch, before)
        except BaseException as error:
            item.result = None
            self._roll_back(connection)
            if self._batch is not None and self._batch.wanted is not None:
                raise self._batch.wanted from None
            explained = explain_failure(error, self.path)
            if explained is error:
                raise
            raise explained from error
        # recorded: the caller need not wait until the file is written out and let go
        item.finish()

    def _commit(self, connection: duckdb.DuckDBPyConnection, batch: Batch, before: int) -> None:
        changed = batch.changed_meta if batch.writes else {}
        if not changed:
            connection.execute("COMMIT")
            return
        migrations.save_meta(connection, changed)
        # before the commit: a viewer that sees the number waits at the lease for what it stands for; written after,
        # a process killed in between would leave viewers with the old state
        self._write_sequence(batch.sequence)
        try:
            connection.execute("COMMIT")
        except BaseException:
            self._write_sequence(before)
            raise
        self._kept.note_commit(batch.sequence)
        share_log(self.path)

    def _drop_temporary(self) -> None:
        batch, self._batch = self._batch, None
        if batch is not None and self._connection is not None:
            try:
                batch.drop_temporary()
            except Exception:  # noqa: BLE001  a fresh instance has nothing left over
                self._discard_connection()

    def _roll_back(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._kept.clear()
        try:
            connection.execute("ROLLBACK")
        except Exception:  # noqa: BLE001  nothing was begun, or the instance is broken: a fresh one holds nothing
            self._discard_connection()

    def _write_sequence(self, sequence: int) -> None:
        write_sequence(self._sequence_path, sequence, self.path)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = open_instance()
        return self._connection

    def _connect_confined(self) -> duckdb.DuckDBPyConnection:
        """The connection, which from now on can open this catalog and no other file."""
        connection = self._connect()
        if not self._is_confined:
            confine(connection, self.path)
            self._is_confined = True
        return connection

    def _discard_connection(self) -> None:
        self._is_confined = False
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


_OPEN: weakref.WeakSet[Catalog] = weakref.WeakSet()


def _close_at_exit() -> None:
    for catalog in list(_OPEN):
        catalog.close()


# a DuckDB instance that is still open when the interpreter is taken apart complains on stderr
atexit.register(_close_at_exit)
