"""Secrets, kept kernels and pruning, in a workspace with real kernels."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import nbpart
from nbpart.errors import DeclarationError, MissingInputError, ParameterError
from tests.recording import record, write_notebook

pytestmark = pytest.mark.kernel
TOKEN = "tok-1234567890"


def every_text(root: Path) -> dict[str, str]:
    """All that stands in the files of a workspace."""
    return {str(p): p.read_bytes().decode("utf-8", "replace") for p in root.rglob("*") if p.is_file()}


def test_a_secret_is_written_to_no_file(ws: nbpart.Workspace, project: Path) -> None:
    notebook = write_notebook(
        project / "ask.ipynb",
        "import nbpart\nrun = nbpart.current_run()\nprint('using', token)",
        "token",
        "run.log(used=token, length=len(token))\nrun.save({'fine': True})",
        "if run.partition_key == 'bad':\n    raise ValueError(f'refused {token}')",
        parameters="token = None\nlimit = 3",
    )
    keys = ws.dynamic_partitions("keys")
    keys.add("good", "bad")
    ws.notebook(notebook, partitions=keys, secrets=["token"])
    backfill = ws.backfill("ask", settings={"token": TOKEN, "limit": 4}).wait(progress=False)
    assert {s: n for s, n in backfill.counts().items() if n} == {"succeeded": 1, "failed": 1}
    failed = ws.get_run(ws.runs(limit=None).query("status == 'failed'")["run_id"].iloc[0])
    assert failed.error == "ValueError: refused •••"
    assert failed.settings == {"limit": 4}
    assert "using •••" in failed.log
    assert ws.partition_status("ask").set_index("partition_key").loc["good", "length"] == len(TOKEN)
    ws.close()
    assert not [path for path, text in every_text(ws.root).items() if TOKEN in text]


def test_resuming_needs_the_secret_again(ws: nbpart.Workspace, project: Path) -> None:
    def ask(token: str = "") -> str:
        return str(len(token))

    def hang(token: str = "") -> None:
        import time

        time.sleep(600)

    def plain(token: str = "") -> str:
        return token

    ws.asset(ask, secrets=["token"])
    ws.asset(hang, secrets=["token"])
    with pytest.raises(ParameterError, match="fewer than 4"):
        ws.backfill("ask", settings={"token": "abc"})
    ws.backfill("ask", settings={"token": TOKEN}).wait(progress=False)
    assert ws.load("ask") == str(len(TOKEN))
    backfill = ws.backfill("hang", settings={"token": TOKEN})
    backfill.cancel()
    backfill.wait(progress=False)
    with pytest.raises(DeclarationError, match=r"'token' is recorded nowhere; give it again: secrets="):
        backfill.resume()
    with pytest.raises(DeclarationError, match=r"secrets names 'other', which no selected asset declares"):
        ws.backfill("ask", status="all", secrets={"other": TOKEN})
    ws.asset(plain)
    with pytest.raises(DeclarationError, match="'token' is a secret of another asset and would be recorded"):
        ws.backfill(["ask", "plain"], status="all", settings={"token": TOKEN})
    with pytest.raises(DeclarationError, match=r"the secret 'tokn' is no setting.*did you mean 'token'"):
        ws.asset(ask, secrets=["tokn"])


def test_the_kernel_of_a_failed_run_can_be_inspected(ws: nbpart.Workspace) -> None:
    def broken(partition_key: str) -> str:
        inner = [partition_key, 42]
        raise ValueError(str(inner))

    ws.asset(broken, partitions=["a", "b", "c"])
    ws.backfill("broken", max_workers=1, keep_failed_kernels=1).wait(progress=False)
    runs = [ws.get_run(run_id) for run_id in ws.runs("broken")["run_id"]]
    [listed] = ws.kernels().to_dict("records")
    [kept] = [run for run in runs if run.run_id == listed["run_id"]]
    kernel = kept.kernel()
    assert kernel.is_alive
    assert os.stat(kernel.connection_file).st_mode & 0o777 == 0o600
    frame = kernel.inspect().frame
    assert frame is not None
    assert ("inner", f"['{kept.partition_key}', 42]") in {(v.name, v.repr) for v in frame.variables}
    assert kernel.execute("6 * 7").strip() == "42"
    assert kernel.connection_file in kernel.console_command()
    kernel.shutdown()
    assert not kernel.is_alive
    assert ws.kernels().empty
    [other, *_] = [run for run in runs if run.run_id != kept.run_id]
    with pytest.raises(MissingInputError, match="left no kernel"):
        other.kernel()


def test_the_kernel_of_a_run_that_succeeded_can_be_kept_too(ws: nbpart.Workspace) -> None:
    def total(partition_key: str) -> dict[str, str]:
        if partition_key == "c":
            raise ValueError(partition_key)
        return {"key": partition_key}

    ws.asset(total, partitions=["a", "b", "c"])
    ws.backfill("total", max_workers=1, keep_kernels=1, keep_failed_kernels=2).wait(progress=False)
    kept = {run_id: ws.get_run(run_id) for run_id in ws.kernels()["run_id"]}
    assert sorted(run.status for run in kept.values()) == ["failed", "succeeded"]
    [run] = [run for run in kept.values() if run.status == "succeeded"]
    kernel = run.kernel()
    assert kernel.execute("result").strip() == f"{{'key': '{run.partition_key}'}}"
    assert kernel.inspect().frames == ()
    assert ws.load("total", run.partition_key) == {"key": run.partition_key}
    for one in kept.values():
        one.kernel().shutdown()
    assert ws.kernels().empty
    [other] = [r for r in map(ws.get_run, ws.runs("total")["run_id"]) if r.run_id not in kept]
    with pytest.raises(MissingInputError, match="keep_kernels=1 that of any"):
        other.kernel()


def test_prune_keeps_what_is_current_and_the_newest(ws: nbpart.Workspace) -> None:
    def text(partition_key: str, n: int = 0) -> str:
        return f"{partition_key} {n}"

    keys = ws.dynamic_partitions("keys")
    keys.add("a", "b")
    ws.asset(text, partitions=keys)
    for n in range(4):
        ws.backfill("text", "a", status="all", settings={"n": n}).wait(progress=False)
    record(ws, "text", "b", "once")

    def list_files() -> set[Path]:
        # the catalog lets go of its file a moment after it answers
        return {path for path in ws.root.rglob("*") if path.is_file() and path.suffix != ".wal"}

    before = list_files()
    stray = ws.root / "data" / "text" / "lost.txt"
    stray.write_text("nobody names this")

    listed = ws.prune(2, dry_run=True, stray_after_s=0)
    assert list_files() == before | {stray}
    assert listed["reason"].value_counts().to_dict() == {"old": 6, "stray": 1}
    assert ws.prune(2, "text", stray_after_s=0)["reason"].unique().tolist() == ["old"]
    assert ws.prune(2, stray_after_s=0)["path"].tolist() == ["data/text/lost.txt"]
    assert ws.prune(2, stray_after_s=0).empty

    assert ws.load("text", "a") == "a 3"
    assert ws.load("text", "b") == "once"
    runs = ws.runs("text", "a")["run_id"].tolist()
    assert ws.load("text", "a", run=runs[1]) == "a 2"
    with pytest.raises(MissingInputError, match="is gone"):
        ws.load("text", "a", run=runs[2])
    assert [bool(ws.get_run(run_id).log) for run_id in runs] == [True, True, False, False]
    assert len(runs) == 4, "what is recorded stays"
    with pytest.raises(DeclarationError, match="would delete all data"):
        ws.prune(0)


def test_prune_keeps_data_after_a_failed_rerun(ws: nbpart.Workspace, project: Path) -> None:
    def text(n: int = 0) -> str:
        if n:
            raise ValueError("not this time")
        return "first"

    ws.asset(text)
    ws.materialize("text")
    for _ in range(2):
        ws.backfill("text", status="all", settings={"n": 1}).wait(progress=False)
    ws.prune(1, stray_after_s=0)
    assert ws.load("text") == "first"
    first = ws.runs("text")["run_id"].iloc[-1]
    assert ws.get_run(first).log, "the record of what made the current data stays"


def test_prune_keeps_young_stray_files(ws: nbpart.Workspace) -> None:
    scratch = ws.root / "data" / "_scratch" / "x.txt"
    scratch.parent.mkdir(parents=True)
    scratch.write_text("just now")
    assert ws.prune().empty
    os.utime(scratch, (1, 1))
    assert ws.prune()["reason"].tolist() == ["stray"]
