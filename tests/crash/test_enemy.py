"""A workspace that an enemy made: whoever looks at it, or tidies it up, changes and makes no file outside it."""

# ruff: noqa: S608  what is put into SQL is a constant of this module
from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

import nbpart
from nbpart.cli import main
from nbpart.errors import NbpartError
from nbpart.project.backfills import Backfill
from nbpart.workspace.view import make_monitor

SHARP = "20200101T000000000-abcdef"


@nbpart.asset(partitions=["a", "b"])
def raw(partition_key: str) -> dict:
    return {"key": partition_key}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with files that are nobody's business, and nothing else that a test could touch by accident."""
    home = tmp_path / "home"
    (home / "documents" / "deep").mkdir(parents=True)
    for name in ("letter.txt", "deep/thesis.txt", "host-1-0123abcd.lock", f"{SHARP}-1.json"):
        path = home / "documents" / name
        path.write_text("precious")
        os.utime(path, (1, 1))
    monkeypatch.setenv("HOME", str(home))
    return home


def seen(home: Path) -> dict[str, tuple[float, bytes]]:
    found = sorted(path for path in home.rglob("*"))
    return {str(p): (p.stat().st_mtime, p.read_bytes() if p.is_file() else b"") for p in found}


def prepare(root: Path) -> None:
    with nbpart.open(root) as ws:
        ws.register(raw)


def rewrite(root: Path, *statements: str, **values: object) -> None:
    connection = duckdb.connect(str(root / "catalog.duckdb"))
    for statement in statements:
        connection.execute(statement, values or None)
    connection.close()


def name_files(root: Path, path: str) -> None:
    """The catalog says that data, notebook, log and kept kernel of a failed run and of a partition are there."""
    rewrite(
        root,
        f"INSERT INTO runs SELECT 1, '{SHARP}', asset_id, k.key_id, NULL, NULL, code_version, NULL, NULL, now(), 1"
        " FROM assets, (SELECT min(key_id) AS key_id FROM keys WHERE key = 'a') AS k WHERE name = 'raw'",
    )
    rewrite(
        root,
        "INSERT INTO attempts (run_no, attempt, started_at, notebook, log, sequence)"
        " VALUES (1, 1, now(), $path, $path, 1)",
        path=path,
    )
    rewrite(
        root,
        "INSERT INTO outcomes (run_no, attempt, status, final, finished_at, kept_kernel, sequence)"
        " VALUES (1, 1, 'succeeded', true, now(), $path, 1)",
        path=path,
    )
    rewrite(
        root,
        "INSERT INTO materializations (materialization_id, asset_id, key_id, run_no, code_version, data_version,"
        " data_hash, materialized_at, sequence, kind) SELECT 1, asset_id, key_id, 1, code_version, 'v', 1, now(), 1,"
        " 'run' FROM runs",
        "INSERT INTO partition_facts (asset_id, key_id, materialization_id, data_hash, outcome, stale, active, changed)"
        " SELECT asset_id, key_id, 1, 1, 1, 0, 0, 1 FROM runs",
    )
    rewrite(
        root,
        "INSERT INTO data_files (materialization_id, name, kind, format, path) VALUES (1, '', 'file', 'json', $path)",
        path=path,
    )


def name_coordinators(root: Path, home: Path) -> None:
    victim = home / "documents" / "letter.txt"
    rows = [
        (os.uname().nodename, str(victim)),
        ("elsewhere", str(victim)),
        ("elsewhere", "../../home/documents/letter.txt"),
    ]
    for number, (host, lock) in enumerate(rows, 900):
        rewrite(
            root,
            "INSERT INTO coordinators (coordinator_no, host, pid, lock, purpose, started_at)"
            " VALUES ($number, $host, 1, $lock, 'an enemy', now())",
            number=number,
            host=host,
            lock=lock,
        )


def link_folder(name: str) -> Callable[[Path, Path], None]:
    def link(root: Path, home: Path) -> None:
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).symlink_to(home / "documents")

    return link


def link_within(root: Path, home: Path) -> None:
    for top in ("data", "runs"):
        (root / top / "raw").mkdir(exist_ok=True)
        (root / top / "raw" / "a").symlink_to(home / "documents")
        (root / top / "other").symlink_to(home / "documents")
        os.link(home / "documents" / "letter.txt", root / top / "raw" / "hard")
        os.mkfifo(root / top / "raw" / "pipe")


def link_file(name: str) -> Callable[[Path, Path], None]:
    def link(root: Path, home: Path) -> None:
        (root / name).unlink(missing_ok=True)
        (root / name).symlink_to(home / "documents" / "letter.txt")

    return link


def name_kernels(root: Path, home: Path) -> None:
    (root / "runs").joinpath("_kernels").symlink_to(home / "documents")
    victim = home / "documents" / f"{SHARP}-1.json"
    victim.write_text(json.dumps({"nbpart": {"pid": 2**22 + 1, "expires_at": 1.0, "started": "1"}}))
    os.utime(victim, (1, 1))


def name_folders(root: Path, home: Path) -> None:
    outside = str(home / "documents" / "deep")
    connection = duckdb.connect(str(root / "catalog.duckdb"))
    [(text,)] = connection.execute("SELECT definition FROM assets WHERE name = 'raw'").fetchall()
    changed = json.loads(text) | {"snapshot": "../home/documents/letter.txt", "folder": outside}
    connection.execute("UPDATE assets SET definition = ? WHERE name = 'raw'", [json.dumps(changed)])
    connection.close()


def name_catalog(root: Path, home: Path) -> None:
    """A workspace that says that its catalog is that of another one of this user."""
    with nbpart.open(home / "documents" / "mine") as ws:
        ws.register(raw)
    (root / "catalog.duckdb").unlink()
    (root / "catalog.location").write_text(f"{home / 'documents' / 'mine'}\n{'0' * 32}\n")


def ask_for_backfills(root: Path, home: Path) -> None:
    """Backfills in the catalog that nobody here asked for: one that ran, one that goes on, one that waits."""
    log = str(home / "documents" / "letter.txt")
    rewrite(
        root,
        "INSERT INTO coordinators (coordinator_no, host, pid, lock, purpose, started_at)"
        " VALUES (900, 'elsewhere', 1, $log, 'an enemy', now())",
        log=log,
    )
    for number, kind in enumerate(("succeeded", "running", "requested"), 1):
        backfill = f"../../../home/documents/letter.txt-{number}"
        columns = {"backfill_no": number, "backfill_id": backfill}
        fill(root, "backfills", columns)
        fill(root, "backfill_events", {"backfill_no": number, "kind": kind, "coordinator_no": 900})


def fill(root: Path, table: str, values: dict[str, object]) -> None:
    """Insert a row, with something in every column that has to have a value."""
    connection = duckdb.connect(str(root / "catalog.duckdb"))
    columns = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? AND NOT is_nullable"
        " AND column_default IS NULL",
        [table],
    ).fetchall()
    anything = {"TIMESTAMP WITH TIME ZONE": "2020-01-01 00:00:00+00", "BOOLEAN": True, "JSON": "{}", "VARCHAR": "{}"}
    row = {name: anything.get(kind, 1) for name, kind in columns} | values
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
    connection.close()


ATTACKS: dict[str, Callable[[Path, Path], None]] = {
    "absolute paths": lambda root, home: name_files(root, str(home / "documents" / "letter.txt")),
    "paths that climb": lambda root, home: name_files(root, "../home/documents/letter.txt"),
    "paths that climb late": lambda root, home: name_files(root, "data/../../home/documents/letter.txt"),
    "coordinators": name_coordinators,
    "definitions": name_folders,
    "kernels": name_kernels,
    "a catalog elsewhere": name_catalog,
    "backfills": ask_for_backfills,
    "links within": link_within,
    **{f"{name} is a link": link_folder(name) for name in ("data", "runs", "code", "coordinators")},
    **{f"{name} is a link": link_file(name) for name in ("catalog.lock", "catalog.gate", "catalog.sequence")},
}
COMMANDS = (
    ["status"],
    ["plan"],
    ["runs"],
    ["backfills"],
    ["show", SHARP],
    ["logs", SHARP],
    ["assets"],
    ["kernels"],
    ["kernels", "--shutdown", SHARP],
    ["partitions", "raw"],
    ["sql", "SELECT * FROM raw"],
    ["prune", "-n"],
    ["prune", "--keep", "1"],
    ["catalog", "check"],
    ["catalog", "check", "--data"],
    ["catalog", "check", "--repair"],
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    prepare(root)
    return root


@pytest.mark.parametrize("attack", ATTACKS)
def test_looking_and_tidying_up_touch_nothing_outside(root: Path, home: Path, attack: str) -> None:
    ATTACKS[attack](root, home)
    before = seen(home)
    for command in COMMANDS:
        answer = CliRunner().invoke(main, [*command, "-w", str(root)])
        assert answer.exception is None or isinstance(answer.exception, SystemExit), (command, answer.exception)
        assert "Usage:" not in answer.output, (command, answer.output)
        assert "Traceback" not in answer.output
        assert seen(home) == before, command
    look(root)
    assert seen(home) == before


def show_backfills(ws: nbpart.Workspace) -> None:
    """Everything that is shown of backfills, the live monitor of each too."""
    for backfill_id, backfill in ws.backfills.items():
        for show in (repr, Backfill._repr_html_, Backfill.steps):
            show(backfill)
        make_monitor(ws.project, backfill_id).close()


def look(root: Path) -> None:
    """Everything that a notebook shows; what is refused is refused in a sentence."""
    try:
        ws = nbpart.open(root)
    except NbpartError:
        return
    with ws:
        actions: list[Callable[[], object]] = [
            lambda: ws.graph(),
            lambda: ws.heatmap(),
            lambda: ws.explore(),
            lambda: ws._repr_html_(),
            lambda: ws.kernels(),
            lambda: ws.sql("SELECT * FROM raw").df(),
            lambda: ws.check_data(),
            lambda: show_backfills(ws),
            lambda: ws.load("raw", "a"),
            lambda: ws.table("raw").fetchall(),
            lambda: ws.get_run(SHARP).log,
            lambda: ws.get_run(SHARP).kernel().shutdown(),
            lambda: ws.get_run(SHARP).to_json(),
            lambda: ws.register(raw),
            lambda: ws.prune(keep=1, stray_after_s=0.0),
        ]
        for action in actions:
            told = ""
            try:
                action()
            except NbpartError as error:
                told = str(error)
            assert "\n" not in told


@pytest.mark.parametrize("path", ["/etc/hostname", "../home/documents/letter.txt"])
def test_a_record_that_leads_out_is_refused_by_its_name(root: Path, home: Path, path: str) -> None:
    name_files(root, path)
    with nbpart.open(root) as ws:
        for action in (lambda: ws.load("raw", "a"), lambda: ws.table("raw"), lambda: ws.get_run(SHARP).notebook):
            with pytest.raises(nbpart.errors.OutsideWorkspaceError, match=r"not inside the workspace"):
                action()
