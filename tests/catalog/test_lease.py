"""A catalog whose files are not what they seem, that moved, that belongs to several users, in a process that forks."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from nbpart.catalog import Batch, Catalog, migrations
from nbpart.errors import CatalogError, WorkspaceError

ROOT = str(Path(__file__).parents[2])
BESIDE = ("catalog.lock", "catalog.gate", "catalog.sequence", "catalog.duckdb.wal", "catalog.duckdb")


def put(key: str) -> Callable[[Batch], object]:
    return lambda batch: batch.execute("INSERT INTO keys VALUES (1, 0, ?)", key)


def names(batch: Batch) -> list[str]:
    return [key for (key,) in batch.rows("SELECT key FROM keys WHERE key_id = 1")]


def open_and_write(path: Path) -> None:
    catalog = Catalog.open(path)
    try:
        catalog.write(put("a"))
    finally:
        catalog.close()


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.name: (path.stat().st_mtime_ns, path.stat().st_mode, path.read_bytes()) for path in found}


@pytest.mark.parametrize("how", ["link", "dangling", "hard link", "pipe"])
@pytest.mark.parametrize("name", BESIDE)
def test_nothing_is_written_through_a_file_beside_the_catalog(tmp_path: Path, name: str, how: str) -> None:
    place, outside = tmp_path / "ws", tmp_path / "outside"
    outside.mkdir()
    Catalog.open(place / "catalog.duckdb").close()
    victim = outside / "victim"
    if name == "catalog.duckdb":
        shutil.copy(place / name, victim)
    else:
        victim.write_bytes(b"7" * 600)
    (place / name).unlink(missing_ok=True)
    if how == "hard link":
        os.link(victim, place / name)
    elif how == "pipe":
        os.mkfifo(place / name)
    else:
        (place / name).symlink_to(victim if how == "link" else outside / "absent")
    before = snapshot(outside)
    with pytest.raises((WorkspaceError, CatalogError)) as caught:
        open_and_write(place / "catalog.duckdb")
    assert str(place / name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert snapshot(outside) == before


def test_the_sequence_of_an_open_catalog_is_not_written_through_a_link(catalog: Catalog, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    catalog.path.with_suffix(".sequence").unlink(missing_ok=True)
    catalog.path.with_suffix(".sequence").symlink_to(victim)
    with pytest.raises(WorkspaceError, match="is a link to"):
        catalog.write(put("a"))
    assert victim.read_text() == "precious"
    assert catalog.read(names) == []
    assert catalog.sequence() == 0


def test_an_open_catalog_that_was_moved_away_is_not_made_again(catalog: Catalog, path: Path) -> None:
    catalog.write(put("a"))
    aside = path.with_name("aside")
    path.rename(aside)
    for attempt in (lambda: catalog.write(put("b")), lambda: catalog.read(names)):
        with pytest.raises(CatalogError, match=r"is gone: .* put it back, or open"):
            attempt()
    assert not path.exists()
    aside.rename(path)
    assert catalog.read(names) == ["a"]


def test_an_open_catalog_whose_folder_was_moved_leaves_the_old_place_empty(tmp_path: Path) -> None:
    place = tmp_path / "ws"
    catalog = Catalog.open(place / "catalog.duckdb")
    place.rename(tmp_path / "moved")
    with pytest.raises(CatalogError, match="is gone"):
        catalog.write(put("a"))
    assert not place.exists()
    place.mkdir()
    with pytest.raises(CatalogError, match="is gone"):
        catalog.write(put("a"))
    assert list(place.iterdir()) == []
    catalog.close()


def test_a_catalog_that_was_replaced_by_another_is_refused(catalog: Catalog, path: Path, tmp_path: Path) -> None:
    other = Catalog.open(tmp_path / "other" / "catalog.duckdb")
    other.close()
    mine = path.read_bytes()
    shutil.copy(other.path, path)
    for attempt in (lambda: catalog.write(put("b")), lambda: catalog.read(names)):
        with pytest.raises(CatalogError, match="replaced by that of another workspace"):
            attempt()
    path.write_bytes(mine)
    catalog.write(put("a"))
    assert catalog.read(names) == ["a"]
    again = Catalog.open(other.path)
    assert again.read(names) == []
    again.close()


def test_making_a_catalog_leaves_one_that_is_there(path: Path) -> None:
    first = Catalog.open(path)
    first.write(put("a"))
    first.close()
    connection = duckdb.connect(":memory:")
    migrations.create(connection, path)
    connection.close()
    again = Catalog.open(path)
    assert again.read(names) == ["a"]
    again.close()
    assert not list(path.parent.glob("*.new*"))


def test_processes_that_open_at_once_make_one_catalog(path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom nbpart.catalog import Catalog\n"
        "input()\ncatalog = Catalog.open(Path(sys.argv[1]))\n"
        "print(catalog.read(lambda b: b.meta['workspace_id']))\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(4)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    found = [child.communicate(timeout=60)[0] for child in children]
    assert len(set(found)) == 1
    assert found[0].strip()


@pytest.mark.parametrize(("mode", "wanted"), [(0o775, 0o660), (0o700, 0o600), (0o777, 0o666)])
def test_files_beside_the_catalog_take_its_permissions(tmp_path: Path, mode: int, wanted: int) -> None:
    place = tmp_path / "ws"
    place.mkdir()
    place.chmod(mode)
    before = os.umask(0o077)
    try:
        catalog = Catalog.open(place / "catalog.duckdb")
        catalog.write(put("a"))
        catalog.close()
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()}
    assert modes == dict.fromkeys(("catalog.duckdb", "catalog.gate", "catalog.lock", "catalog.sequence"), wanted)


KILLED = """
import os, sys
from pathlib import Path
os.umask(0o077)
from nbpart.catalog import Catalog
catalog = Catalog.open(Path(sys.argv[1]))


def put(batch):
    batch.execute("INSERT INTO keys VALUES (1, 0, 'a')")
    # only now: a batch before this one may still be about to let go
    catalog._detach = lambda: os.kill(os.getpid(), 9)


catalog.write(put)
"""


def test_the_log_that_a_killed_writer_leaves_has_the_permissions_of_the_catalog(path: Path) -> None:
    Catalog.open(path).close()
    path.chmod(0o664)
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, cwd=ROOT, timeout=60)
    log = path.with_name(f"{path.name}.wal")
    assert stat.S_IMODE(log.stat().st_mode) == 0o664
    again = Catalog.open(path)
    assert again.read(names) == ["a"]
    again.close()


AS_ANOTHER = """
import os, sys
from pathlib import Path
from nbpart.catalog import Catalog

def put_and_list(path):
    catalog = Catalog.open(path)
    try:
        catalog.write(lambda batch: batch.execute("INSERT INTO keys VALUES (1, 0, ?)", sys.argv[1]))
        return sorted(key for (key,) in catalog.read(lambda b: b.rows("SELECT key FROM keys WHERE key_id = 1")))
    finally:
        catalog.close()

put_and_list(Path(sys.argv[2]))  # the packages may lie where only root can read
os.setgid(4242), os.setgroups([4242]), os.setuid(int(sys.argv[1]))
os.umask(0o077)
for name in sys.argv[3:]:
    try:
        print(put_and_list(Path(name)))
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
"""


def as_user(user: int, *paths: Path) -> list[str]:
    """What a member of the group is told who opens each catalog, writes a key, and lists them."""
    warm = paths[0].parents[1] / "warm" / "catalog.duckdb"
    command = [sys.executable, "-c", AS_ANOTHER, str(user), str(warm), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that two users share by their group; not among those of pytest, which are for one user alone."""
    if os.geteuid() != 0:
        pytest.skip("only root can act as two other users")
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o711)
        place = Path(top, "shared")
        place.mkdir()
        os.chown(place, 4001, 4242)
        place.chmod(0o2770)
        yield place


def test_two_users_of_a_group_share_a_catalog_whatever_their_umasks(shared: Path) -> None:
    path = shared / "catalog.duckdb"
    assert as_user(4001, path) == ["['4001']"]
    path.with_suffix(".sequence").unlink()
    assert as_user(4002, path) == ["['4001', '4002']"]
    assert as_user(4001, path) == ["['4001', '4001', '4002']"]


def test_a_file_that_another_user_closed_is_named_in_the_error(shared: Path) -> None:
    assert as_user(4001, shared / "catalog.duckdb") == ["['4001']"]
    (shared / "catalog.duckdb.wal").touch()
    places = {name: shared.with_name(f"without-{name}") for name in BESIDE}
    for name, place in places.items():
        shutil.copytree(shared, place)
        for path in (place, *place.iterdir()):
            os.chown(path, 4001, 4242)
        (place / name).chmod(0o600)
    said = as_user(4002, *(place / "catalog.duckdb" for place in places.values()))
    assert len(said) == len(places)
    for line, (name, place) in zip(said, places.items(), strict=True):
        assert line.startswith(("WorkspaceError: ", "CatalogError: "))
        assert str(place / name) in line
        assert "Permission denied" in line


FORKS = """
import os, signal, sys, threading
from pathlib import Path
from nbpart.catalog import Catalog
catalog, go = Catalog.open(Path(sys.argv[1])), threading.Event()

def read():
    while not go.is_set():
        catalog.read(lambda batch: batch.sequence)

threads = [threading.Thread(target=read) for _ in range(2)]
for thread in threads:
    thread.start()
reader, writer = os.pipe()
children = []
for _ in range(300):
    if (child := os.fork()) == 0:
        os.close(writer)
        os.read(reader, 1)  # it lives as long as its parent
        os._exit(0)
    children.append(child)
go.set()
for thread in threads:
    thread.join()
other = Catalog.open(Path(sys.argv[1]), timeout_s=20)
other.write(lambda batch: batch.execute("INSERT INTO keys VALUES (1, 0, 'a')"))
other.close()
catalog.close()
os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_children_forked_at_any_moment_keep_nobody_waiting(path: Path) -> None:
    Catalog.open(path).close()
    child = subprocess.Popen([sys.executable, "-c", FORKS, str(path)], stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        catalog = Catalog.open(path, timeout_s=20)
        catalog.write(put("b"), timeout_s=20)
        catalog.close()
    finally:
        child.kill()
        assert child.stderr is not None
        said = child.stderr.read()
        child.wait()
    assert said == ""


INTERRUPTED = """
import sys
from pathlib import Path
from nbpart.catalog import Catalog
import duckdb, pandas, pyarrow.dataset
path = Path(sys.argv[1])
Catalog.open(path).close()
point = 0

def trace(frame, event, argument):
    global point
    if "nbpart" not in frame.f_code.co_filename:
        return None
    if event == "line":
        point -= 1
        if point == 0:
            sys.settrace(None)
            raise KeyboardInterrupt
    return trace

reached = 0
while True:
    reached += 1
    point = reached
    try:
        sys.settrace(trace)
        try:
            catalog = Catalog.open(path, timeout_s=20)
        finally:
            sys.settrace(None)
        catalog.close()
        break
    except KeyboardInterrupt:
        pass
    again = Catalog.open(path, timeout_s=20)
    again.write(lambda batch: None)
    again.close()
print(reached > 30)
"""


def test_an_interrupt_at_any_line_of_opening_leaves_nothing_locked(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(path)], capture_output=True, text=True, timeout=300, cwd=ROOT
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
