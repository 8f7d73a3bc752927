from __future__ import annotations

import errno
import fcntl
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from nbpart.catalog import Batch, Catalog, migrations
from nbpart.errors import (
    CatalogBusyError,
    CatalogError,
    CatalogVersionError,
    LocksUnsupportedError,
    WorkspaceError,
)

HEAD = """
import sys, time
from pathlib import Path
from nbpart.catalog import Catalog
path = Path(sys.argv[1])
catalog = Catalog.open(path, purpose="test child")
def put(key):
    return lambda b: b.execute("INSERT INTO keys VALUES (1, 0, ?)", key)
"""


@pytest.fixture
def spawn(path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    children: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HEAD + script, str(path), *map(str, arguments)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()


def wait_for_line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def put(key: str) -> Callable[[Batch], int]:
    return lambda b: b.execute("INSERT INTO keys VALUES (1, 0, ?)", key)


def names(batch: Batch) -> list[str]:
    return [row[0] for row in batch.rows("SELECT key FROM keys WHERE key_id = 1 ORDER BY rowid")]


def test_processes_read_and_write_at_once(catalog: Catalog, spawn: Callable[..., subprocess.Popen[str]]) -> None:
    script = """
for n in range(30):
    catalog.write(put(f"{sys.argv[2]}-{n}"))
    seen = catalog.read(lambda b: [row[0] for row in b.rows("SELECT key FROM keys")])
    assert f"{sys.argv[2]}-{n}" in seen
print(len(seen))
"""
    start = catalog.sequence()
    children = [spawn(script, name) for name in ("a", "b")]
    counts = []
    while any(child.poll() is None for child in children):
        counts.append(len(catalog.read(names)))
    for child in children:
        out, err = child.communicate()
        assert child.returncode == 0, err
        assert err == ""
        assert int(out) >= 30
    assert counts == sorted(counts)
    expected = {f"{name}-{n}" for name in ("a", "b") for n in range(30)}
    assert sorted(catalog.read(names)) == sorted(expected)
    assert catalog.sequence() == start + 60


def test_a_killed_writer_leaves_what_was_committed(
    catalog: Catalog, spawn: Callable[..., subprocess.Popen[str]]
) -> None:
    child = spawn("""
catalog.write(put("committed"))
def work(batch):
    put("lost")(batch)
    print("inside", flush=True)
    time.sleep(600)
catalog.write(work)
""")
    assert wait_for_line(child) == "inside"
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert catalog.read(names) == ["committed"]
    catalog.write(put("after"))
    assert catalog.read(names) == ["committed", "after"]


def test_writers_killed_at_random_moments_leave_whole_commits(
    catalog: Catalog, path: Path, spawn: Callable[..., subprocess.Popen[str]]
) -> None:
    script = """
print("ready", flush=True)
for n in range(100000):
    catalog.write(lambda b: [put(f"{n}-{part}")(b) for part in range(3)])
"""
    randomness = random.Random(7)
    for _ in range(5):
        child = spawn(script)
        assert wait_for_line(child) == "ready"
        time.sleep(randomness.uniform(0.0, 0.3))
        child.send_signal(signal.SIGKILL)
        child.wait()
        kept = catalog.read(names)
        assert len(kept) % 3 == 0
        assert [key.split("-")[1] for key in kept] == ["0", "1", "2"] * (len(kept) // 3)
    # what the viewers go by may run ahead of a commit that never came, but never behind one
    reached = catalog.read(lambda b: b.sequence)
    assert catalog.sequence() >= reached
    again = Catalog.open(path)
    assert again.sequence() == reached
    again.close()


class _Alarm:
    """Sends SIGINT to the main thread at random moments."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.sent = 0

    def set(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, self._random.uniform(0.0001, 0.02))

    def __call__(self, *_: Any) -> None:
        self.sent += 1
        raise KeyboardInterrupt


def test_a_hundred_interrupts_leave_a_catalog_that_works(catalog: Catalog) -> None:
    alarm = _Alarm(11)
    before = signal.signal(signal.SIGALRM, alarm)
    wanted: set[str] = set()
    try:
        n = 0
        while alarm.sent < 100:
            n += 1
            pair = (f"{n}-a", f"{n}-b")
            try:
                alarm.set()
                catalog.write(lambda b, pair=pair: [put(key)(b) for key in pair])
                catalog.read(names)
                signal.setitimer(signal.ITIMER_REAL, 0)
                wanted.update(pair)
            except KeyboardInterrupt:
                pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    catalog.write(put("last"))
    kept = catalog.read(names)
    assert kept[-1] == "last"
    assert wanted <= set(kept)
    for first, second in zip(kept[:-1:2], kept[1:-1:2], strict=True):
        assert (first[-2:], second[-2:]) == ("-a", "-b")
        assert first[:-2] == second[:-2]


def test_an_interrupted_request_that_still_waits_is_withdrawn(
    catalog: Catalog, spawn: Callable[..., subprocess.Popen[str]]
) -> None:
    child = spawn("""
def work(batch):
    print("inside", flush=True)
    time.sleep(600)
catalog.write(work)
""")
    assert wait_for_line(child) == "inside"
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(0.2, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        catalog.write(put("withdrawn"))
    child.kill()
    child.wait()
    catalog.write(put("next"))
    assert catalog.read(names) == ["next"]


def test_waiting_too_long_names_the_holder_and_the_next_call_works(
    catalog: Catalog, spawn: Callable[..., subprocess.Popen[str]]
) -> None:
    child = spawn("""
def work(batch):
    print("inside", flush=True)
    time.sleep(600)
catalog.write(work)
""")
    assert wait_for_line(child) == "inside"
    with pytest.raises(CatalogBusyError, match=rf"process {child.pid} \(test child\) since \d+ s"):
        catalog.read(names, timeout_s=0.2)
    with pytest.raises(CatalogBusyError, match=f"process {child.pid}"):
        catalog.write(put("never"), timeout_s=0.2)
    with pytest.raises(TimeoutError):
        catalog.write(put("never"), timeout_s=0)
    child.kill()
    child.wait()
    assert catalog.read(names) == []


def test_a_reader_that_stays_is_named_too(catalog: Catalog, spawn: Callable[..., subprocess.Popen[str]]) -> None:
    child = spawn("""
def work(batch):
    print("inside", flush=True)
    time.sleep(600)
catalog.read(work)
""")
    assert wait_for_line(child) == "inside"
    assert catalog.read(names) == []
    with pytest.raises(CatalogBusyError):
        catalog.write(put("never"), timeout_s=0.2)


def test_a_timed_out_caller_does_not_stop_the_others(catalog: Catalog) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold(batch: Batch) -> str:
        entered.set()
        leave.wait()
        return "held"

    held: list[str] = []
    holder = threading.Thread(target=lambda: held.append(catalog.write(hold, timeout_s=1.0)))
    holder.start()
    assert entered.wait(30)
    time.sleep(1.1)  # past the holder's own time-out
    for _ in range(2):
        with pytest.raises(CatalogBusyError):
            catalog.write(put("never"), timeout_s=0.05)
    leave.set()
    holder.join()
    # work that has begun is waited for, however short the time-out
    assert held == ["held"]
    assert catalog.read(names) == []


def test_a_process_without_a_lease_is_waited_for_and_named(catalog: Catalog, path: Path) -> None:
    script = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
connection.close()
"""
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert wait_for_line(child) == "open"
        with pytest.raises(CatalogBusyError, match=f"process {child.pid}, outside nbpart"):
            catalog.read(names, timeout_s=0.2)
        threading.Timer(0.2, lambda: child.communicate("\n")).start()
        assert catalog.read(names) == []
    finally:
        child.kill()
        child.wait()


def test_a_newer_catalog_is_refused(catalog: Catalog, path: Path) -> None:
    newer = migrations.newest() + 1
    catalog.write(lambda b: b.execute("UPDATE meta SET value = ? WHERE name = 'schema'", str(newer)))
    for work in (catalog.read, catalog.write):
        with pytest.raises(CatalogVersionError, match="newer nbpart"):
            work(names)
    with pytest.raises(CatalogVersionError, match=f"schema {newer}"):
        Catalog.open(path)


def test_an_older_catalog_is_brought_up_to_date(catalog: Catalog, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog.write(put("kept"))
    steps = (*migrations.load_steps(), (migrations.newest() + 1, "more", "CREATE TABLE more (n INTEGER)"))
    monkeypatch.setattr(migrations, "load_steps", lambda: steps)
    newer = Catalog.open(path)
    assert newer.read(lambda b: b.value("SELECT count(*) FROM more")) == 0
    assert newer.read(lambda b: b.rows("SELECT number, name FROM schema_steps ORDER BY ALL"))[-1] == (
        steps[-1][0],
        "more",
    )
    assert newer.read(names) == ["kept"]
    newer.close()


def test_a_migration_that_fails_leaves_the_catalog_as_it_was(
    catalog: Catalog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = (migrations.newest() + 1, "broken", "CREATE TABLE more (n INTEGER); SELECT * FROM nowhere")
    steps = (*migrations.load_steps(), broken)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "load_steps", lambda: steps)
        with pytest.raises(CatalogError, match="nowhere"):
            Catalog.open(path)
    again = Catalog.open(path)
    assert (
        again.read(lambda b: b.value("SELECT count(*) FROM information_schema.tables WHERE table_name = 'more'")) == 0
    )
    again.close()


@pytest.mark.parametrize("content", [b"not a database " * 400, b"x", bytes(8192)])
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(CatalogError, match="cannot be read as a catalog"):
        Catalog.open(path)
    assert path.read_bytes() == content
    assert not path.with_suffix(".duckdb.wal").exists()


def test_another_database_is_refused_and_left_alone(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE meta (name VARCHAR, value VARCHAR)")
    before = path.read_bytes()
    with pytest.raises(CatalogError, match="not a catalog of nbpart"):
        Catalog.open(path)
    assert path.read_bytes() == before


def test_a_catalog_that_lost_its_end_is_refused(catalog: Catalog, path: Path) -> None:
    catalog.close()
    path.write_bytes(path.read_bytes()[:5000])
    before = path.read_bytes()
    with pytest.raises(CatalogError):
        Catalog.open(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(file: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(LocksUnsupportedError, match=r'nbpart\.open\(path, catalog="/a/local/folder"\)'):
        Catalog.open(path)
    assert not path.exists()


def test_a_file_system_that_only_pretends_to_lock_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda file, operation: None)
    with pytest.raises(LocksUnsupportedError):
        Catalog.open(path)


def test_a_folder_that_cannot_be_written_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # refused by os.open, since the permissions of a folder do not bind the user root
    real = os.open

    def refuse(name: Any, flags: int, *rest: Any, **more: Any) -> int:
        if flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(name, flags, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(WorkspaceError, match="Permission denied"):
        Catalog.open(path)


def test_a_catalog_is_made_only_where_that_was_asked(path: Path) -> None:
    with pytest.raises(WorkspaceError, match="no catalog"):
        Catalog.open(path, create=False)
    assert list(path.parent.iterdir()) == []
    Catalog.open(path / "deep" / "catalog.duckdb").close()
    with pytest.raises(WorkspaceError, match="cannot be made"):
        Catalog.open(path / "deep" / "catalog.duckdb" / "catalog.duckdb")


def test_a_catalog_that_was_removed_is_missed(catalog: Catalog, path: Path) -> None:
    path.unlink()
    with pytest.raises(CatalogError, match="gone"):
        catalog.read(names)


def test_the_sequence_survives_its_file(catalog: Catalog, path: Path) -> None:
    catalog.write(put("a"))
    reached = catalog.sequence()
    for content in (b"", b"garbled"):
        path.with_suffix(".sequence").write_bytes(content)
        assert catalog.sequence() == 0
    again = Catalog.open(path)
    assert again.sequence() == catalog.sequence() == reached
    again.close()


def test_a_commit_that_fails_is_undone_and_raised(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    before = catalog.sequence()

    def fail(*_: Any) -> None:
        raise duckdb.IOException("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "save_meta", fail)
        with pytest.raises(CatalogError, match="disk full"):
            catalog.write(put("a"))
    assert catalog.sequence() == before
    assert catalog.read(names) == []


def test_a_forked_child_does_not_hold_the_lease(catalog: Catalog, spawn: Callable[..., subprocess.Popen[str]]) -> None:
    child = spawn("""
import os
def work(batch):
    pid = os.fork()
    if pid == 0:
        time.sleep(600)
    print(pid, flush=True)
catalog.write(work)
try:
    if os.fork() == 0:
        catalog.read(lambda b: None)
except Exception as error:
    print(error, flush=True)
    os._exit(0)
time.sleep(600)
""")
    forked = int(wait_for_line(child))
    try:
        catalog.write(put("a"), timeout_s=20)
        assert catalog.read(names) == ["a"]
        assert "forked" in wait_for_line(child)
    finally:
        os.kill(forked, signal.SIGKILL)


def test_an_interpreter_that_ends_without_closing_is_quiet(spawn: Callable[..., subprocess.Popen[str]]) -> None:
    child = spawn("catalog.write(put('a'))\n")
    out, err = child.communicate()
    assert (child.returncode, out, err) == (0, "", "")


def test_importing_the_catalog_does_not_import_duckdb() -> None:
    script = "import sys, nbpart.catalog; sys.exit('duckdb' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
