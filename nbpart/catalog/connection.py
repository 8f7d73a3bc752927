"""The door to the catalog file: one thread, one lease, one transaction at a time."""

from __future__ import annotations

import atexit
import contextlib
import errno
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
from nbpart.catalog.batch import Batch
from nbpart.catalog.contents import check_functions, check_tables, confine
from nbpart.catalog.lease import Lease
from nbpart.catalog.request import Request
from nbpart.catalog.sequence import read_sequence, write_sequence
from nbpart.errors import CatalogBusyError, CatalogDiskError, CatalogError, WorkspaceError
from nbpart.storage.own_files import check_own, copy_permissions

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

_FULL = "the disk is full; free some space and try again."
#: flock is not fair: without a pause a process with many requests would take every turn.
_PAUSE_S = 0.002
_FOREIGN_LOCK_RETRY_S = 0.02
#: The logs that DuckDB keeps beside its file.
_WAL_SUFFIXES = (".wal", ".wal.checkpoint", ".wal.recovery")
_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET python_enable_replacements = false",
    "SET enable_progress_bar = false",
)
_CONFIG = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


class Catalog:
    """The catalog of a workspace; safe to use from any thread.

    All work runs on one thread of its own, with the file attached only for the length of a batch, so that other
    processes get their turn and a Ctrl-C in a caller never lands inside a batch.
    """

    def __init__(self, path: Path, *, timeout_s: float, purpose: str) -> None:
        self.path = path
        self._timeout_s = timeout_s
        self._pid = os.getpid()
        self._lease = Lease(path, purpose)
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._batch: Batch | None = None
        self._requests: SimpleQueue[Request[Any] | None] = SimpleQueue()
        self._closed = False
        self._may_make = False  # only while it is opened
        self._is_prepared = False
        self._is_probed = False
        self._workspace_id: str | None = None
        self._made_here = False
        self._is_known: Callable[[str], bool] = lambda workspace_id: False
        self._is_confined = False
        self._checked: tuple[int, int] | None = None
        self._root: tuple[Path, tuple[int, int]] | None = None
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

        `is_known` says of the workspace with that identity whether its code may run anyway: then it is not looked for
        functions that somebody put into the file, which takes longer than all the rest.

        Raises WorkspaceError (not there, or not writable), LocksUnsupportedError, CatalogVersionError (made by a newer
        nbpart), CatalogError (not a catalog; the file is left as it is), CatalogBusyError after `timeout_s`.
        """
        path = Path(path).absolute()
        if not create and not path.exists():
            raise WorkspaceError(f"There is no catalog at {path}; nbpart.open makes one.")
        if create:
            _make_folder(path.parent)
        catalog = cls(path, timeout_s=timeout_s, purpose=purpose)
        catalog._may_make = create
        catalog._is_known = is_known
        catalog._thread.start()
        _OPEN.add(catalog)
        try:
            catalog._prepare()
        except BaseException:
            catalog.close()
            raise
        catalog._may_make = False
        catalog._is_prepared = True
        return catalog

    def read(self, work: Callable[[Batch], T], *, timeout_s: float | None = None) -> T:
        """Run `work` on the state of the last commit; what it returns.

        Raises CatalogBusyError where the turn did not come within `timeout_s` (default: that of `open`), CatalogError
        for a failed statement, and what `work` raises.
        """
        return self._submit(work, writes=False, timeout_s=timeout_s)

    def write(
        self,
        work: Callable[[Batch], T],
        *,
        timeout_s: float | None = None,
        before: Callable[[Path], object] | None = None,
    ) -> T:
        """Run `work` in a transaction and commit it; what it returns.

        `before` is called with the path of the file in the same turn, before it is opened; what it raises is raised.

        Any exception, a failed statement that `work` caught included, rolls everything back and is raised. A Ctrl-C
        while it waits for its turn withdraws it; one that comes later lets it finish.
        """
        return self._submit(work, writes=True, timeout_s=timeout_s, before=before)

    def sequence(self) -> int:
        """The number of the last commit, read without a lease; 0 if it cannot be told."""
        return read_sequence(self._sequence_path)

    def close(self) -> None:
        """Finish what was asked for and end the catalog thread; can be called again."""
        if self._closed:
            return
        self._closed = True
        if os.getpid() == self._pid and self._thread.is_alive():
            self._requests.put(None)
            if threading.current_thread() is not self._thread:
                self._thread.join(timeout=5)

    @property
    def workspace_id(self) -> str:
        """The identity of the workspace; a batch on the catalog of another one is refused."""
        assert self._workspace_id is not None
        return self._workspace_id

    @property
    def was_made_here(self) -> bool:
        """Whether this object made the file, rather than find it."""
        return self._made_here

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def _sequence_path(self) -> Path:
        return self.path.with_suffix(".sequence")

    def _prepare(self) -> None:
        if not self.path.exists():
            self._submit(lambda batch: None, writes=True, timeout_s=None)  # the turn of a writer makes the file
        if self.read(migrations.load_number) < migrations.newest():
            self.write(migrations.migrate)
        if self.read(lambda batch: batch.sequence) != self.sequence():
            self.write(self._restore_sequence)

    def _submit(
        self,
        work: Callable[[Batch], T],
        *,
        writes: bool,
        timeout_s: float | None,
        before: Callable[[Path], object] | None = None,
    ) -> T:
        self._check_usable()
        timeout_s = self._timeout_s if timeout_s is None else timeout_s
        request = Request(work, writes=writes, deadline=time.monotonic() + timeout_s, before=before)
        try:
            self._requests.put(request)
            if not request.wait(timeout_s):
                if request.claim():
                    raise CatalogBusyError(request.obstacle or self._describe_wait(timeout_s))
                request.wait(-1)
        except KeyboardInterrupt:
            request.claim()
            raise
        if request.error is not None:
            raise request.error
        return request.result  # type: ignore[return-value]

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
        while (request := self._requests.get()) is not None:
            try:
                self._handle(request)
                request.finish()
            except BaseException as error:  # noqa: BLE001  it is raised in the caller
                request.finish(error)
            del request
            self._drop_staged()
            if not self._requests.empty():
                time.sleep(_PAUSE_S)
        self._discard_connection()

    def _handle(self, request: Request[Any]) -> None:
        if request.is_claimed:
            return
        self._get_ready()
        if not self._is_probed:
            self._lease.probe()
            self._is_probed = True
        if not self._may_make:
            self._check_there()  # also before the lease, which would make its files in a new folder of the old name
        self._lease.acquire(exclusive=request.writes)
        try:
            if not request.is_claimed and self._attach(request):
                try:
                    if request.claim():
                        self._transact(request)
                finally:
                    self._detach()
        finally:
            self._lease.release()

    def _get_ready(self) -> None:
        """Do before the turn what is slow once: inside it everybody would wait for that."""
        self._connect()
        if self._is_prepared:
            import pandas  # noqa: F401
            import pyarrow.dataset
            import pyarrow.pandas_compat  # noqa: F401

    def _attach(self, request: Request[Any]) -> bool:
        """Attach the file; False where the caller gave up while a stranger to the lease had it open."""
        if not check_own(self.path) and self._may_make and request.writes:
            self._make()
        self._check_there()
        if request.before is not None and not request.is_claimed:
            request.before(self.path)
        while not request.is_claimed:
            try:
                migrations.attach(self._connect_confined(), self.path, writes=request.writes)
                self._check_contents()
                return True
            except CatalogBusyError as error:
                request.obstacle = str(error)
                if time.monotonic() > request.deadline and request.claim():
                    raise
                time.sleep(_FOREIGN_LOCK_RETRY_S)
            except BaseException:
                self._discard_connection()
                raise
        return False

    def stay_with(self, root: Path) -> None:
        """Refuse from now on whatever is asked once the folder `root`, whose files are recorded, is gone or another."""
        self._root = (root, _identify(root))

    def _check_there(self) -> None:
        """Refuse a catalog that is gone, and what DuckDB would open in its place or beside it."""
        if self._root is not None:
            self._check_root(*self._root)
        for suffix in _WAL_SUFFIXES:
            check_own(self.path.with_name(self.path.name + suffix))
        if not check_own(self.path):
            raise CatalogError(
                f"The catalog {self.path} is gone: it or its folder was moved or removed while it was open; put it "
                "back, or open the workspace again where it is now."
            )

    def _check_root(self, root: Path, identity: tuple[int, int]) -> None:
        try:
            found = _identify(root)
        except OSError:
            found = None
        if found != identity:
            raise CatalogError(
                f"The workspace {root} is gone: its folder was moved, removed or replaced while it was open; put it "
                "back, or open the workspace again where it is now."
            )

    def _check_identity(self, meta: Mapping[str, str]) -> None:
        """Refuse another catalog than was opened: what was looked up in that one would be written to this one."""
        found = meta.get("workspace_id")
        if self._workspace_id is None:
            self._workspace_id = found
        elif found != self._workspace_id:
            raise CatalogError(
                f"The catalog {self.path} was replaced by that of another workspace while it was open; put the first "
                "one back, or open the workspace again to go on with this one."
            )

    def _check_contents(self) -> None:
        """Look at what the file holds, once for each file at the path."""
        if (found := _identify(self.path)) != self._checked:
            connection = self._connect()
            check_tables(connection, "nbpart")
            if not self._is_known(migrations.load_meta(connection).get("workspace_id", "")):
                check_functions(connection, "nbpart")
            self._checked = found

    def _make(self) -> None:
        import duckdb

        try:
            self._made_here = migrations.create(self._connect(), self.path)
        except (duckdb.Error, OSError) as error:
            self._discard_connection()
            reason = _FULL if _is_full(error) else str(error)
            raise CatalogError(f"The catalog {self.path} cannot be made: {reason}") from error
        if self._made_here:
            self._checked = _identify(self.path)

    def _detach(self) -> None:
        connection = self._connect()
        try:
            connection.execute("USE memory")
            connection.execute("DETACH nbpart")
        except Exception:  # noqa: BLE001  the batch is decided; a fresh instance lets go of the file whatever happened
            self._discard_connection()

    def _transact(self, request: Request[Any]) -> None:
        connection = self._connect()
        try:
            connection.execute("BEGIN")
            meta = migrations.load_meta(connection)
            self._check_identity(meta)
            before = int(meta["sequence"])
            batch = self._batch = Batch(connection, meta, datetime.now(UTC), writes=request.writes)
            request.result = request.work(batch)
            if batch.error is not None:
                raise CatalogError(
                    f"A statement on the catalog failed and its error was not passed on: {batch.error}"
                ) from batch.error
            self._commit(connection, batch, before)
        except BaseException as error:
            request.result = None
            self._roll_back(connection)
            explained = self._explain(error)
            if explained is error:
                raise
            raise explained from error
        # recorded: the caller need not wait until the file is written out and let go
        request.finish()

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
        self._share_log()

    def _share_log(self) -> None:
        """Let who may open the catalog open its log too, which another umask may forbid: a killed process leaves it."""
        log = self.path.with_name(self.path.name + _WAL_SUFFIXES[0])
        with contextlib.suppress(OSError):
            model = os.stat(self.path)
            if os.lstat(log).st_mode != model.st_mode or os.lstat(log).st_gid != model.st_gid:
                copy_permissions(model, log)

    def _drop_staged(self) -> None:
        batch, self._batch = self._batch, None
        if batch is not None and self._connection is not None:
            try:
                batch.drop_staged()
            except Exception:  # noqa: BLE001  a fresh instance has nothing left over
                self._discard_connection()

    def _roll_back(self, connection: duckdb.DuckDBPyConnection) -> None:
        try:
            connection.execute("ROLLBACK")
        except Exception:  # noqa: BLE001  nothing was begun, or the instance is broken: a fresh one holds nothing
            self._discard_connection()

    def _explain(self, error: BaseException) -> BaseException:
        import duckdb

        if isinstance(error, duckdb.Error | OSError) and _is_full(error):
            return CatalogDiskError(f"The catalog of {self.path.parent} was left as it was: {_FULL}")
        if isinstance(error, duckdb.IOException):
            return CatalogDiskError(f"The catalog of {self.path.parent} was left as it was: {error}")
        if isinstance(error, duckdb.Error):
            return CatalogError(
                f"The catalog of {self.path.parent} was left as it was, since a statement failed: {error}"
            )
        return error

    def _write_sequence(self, sequence: int) -> None:
        write_sequence(self._sequence_path, sequence, self.path)

    def _restore_sequence(self, batch: Batch) -> None:
        self._write_sequence(batch.sequence - 1)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            import duckdb

            self._connection = duckdb.connect(":memory:", config=dict(_CONFIG))
            for setting in _SETTINGS:
                self._connection.execute(setting)
        return self._connection

    def _connect_confined(self) -> duckdb.DuckDBPyConnection:
        """The instance, which from now on reaches this catalog and nothing else."""
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


def _is_full(error: BaseException) -> bool:
    number = getattr(error, "errno", None)
    return number in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error)


def _identify(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(f"The folder {folder} cannot be made: {error.strerror}.") from error


_OPEN: weakref.WeakSet[Catalog] = weakref.WeakSet()


def _close_at_exit() -> None:
    for catalog in list(_OPEN):
        catalog.close()


# a DuckDB instance that is still open when the interpreter is taken apart complains on stderr
atexit.register(_close_at_exit)
