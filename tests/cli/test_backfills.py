"""Commands that run backfills, with real kernels."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import nbpart
from tests.cli.conftest import Ask, environment
from tests.processes import find_marked, wait_for

pytestmark = pytest.mark.kernel

BAD = "bad\u202e.csv"


def test_a_backfill_with_a_failure_is_reported_by_every_command(project: Path, ask: Ask) -> None:
    done = ask("backfill", "+report", "-j", "2", "--setting", "factor=10", code=1)
    assert re.match(r"backfill \S+ failed: 1 blocked, 2 succeeded, 1 failed\n", done.stdout)
    assert "sizes/bad\\u202e.csv" in done.stdout
    assert "blocked report/bad\\u202e.csv: sizes/bad\\u202e.csv failed: ValueError: broken" in done.stdout
    assert (project / re.findall(r"workspace/runs/\S+\.ipynb", done.stdout)[0]).is_file()
    assert "resume" not in done.stderr, "no step is left to resume"
    again = ask("resume", re.findall(r"backfill (\S+)", done.stdout)[0], code=1)
    assert again.stdout == done.stdout
    assert "Nothing to resume" in again.stderr

    runs = json.loads(ask("runs", "--json").stdout)
    assert len(runs) == 3
    failed = next(run for run in runs if run["status"] == "failed")
    assert (failed["asset"], failed["partition_key"]) == ("sizes", BAD)
    assert f"nbpart show {failed['run_id']}" in done.stdout
    assert json.loads(ask("runs", "sizes", BAD, "--json").stdout) == [failed]
    assert len(json.loads(ask("runs", "--backfill", failed["backfill_id"], "--json", "--limit", "2").stdout)) == 2
    assert "There are more" in ask("runs", "--limit", "1").stderr

    shown = ask("show", failed["run_id"]).stdout
    assert re.search(r"^partition +sizes/bad\\u202e.csv$", shown, re.M)
    assert re.search(r"^error +ValueError: broken", shown, re.M)
    assert re.search(r'^-+> \d+ +raise ValueError\("broken', shown, re.M)
    facts = json.loads(ask("show", failed["run_id"], "--json").stdout)
    assert facts["error"].startswith("ValueError: broken")
    assert facts["started_at"] == failed["started_at"]
    assert facts["settings"] == {"factor": 10}
    assert Path(facts["log"]).is_file()

    assert json.loads(ask("sql", "from report select value", "--json").stdout) == [{"value": "size 50"}]
    assert [r["length"] for r in json.loads(ask("partitions", "sizes", "--json").stdout)] == [5, None]
    assert ask("partitions", "sizes", "--status", "failed").stdout.splitlines()[1].startswith("bad\\u202e.csv  failed")
    _check_that_logs_are_raw_only_with_the_option(project, failed["run_id"])

    (project / "mended").touch()
    answer = ask("backfill", "-s", "outdated", "sizes", "report", "--json")
    outcome = json.loads(answer.stdout)
    assert (outcome["status"], outcome["counts"]["succeeded"], outcome["failures"]) == ("succeeded", 2, [])

    ticked = ask("tick", "inbox", "-j", "2", "--json")
    assert json.loads(ticked.stdout)["added"] == {"files": ["new.csv"]}
    assert json.loads(ticked.stdout)["backfill"]["counts"]["succeeded"] == 2
    assert "the sensor speaks" in ticked.stderr
    assert "found nothing new" in ask("tick", "inbox").stdout


@pytest.mark.parametrize(
    "options",
    [("--limit", "nosuch=2"), ("--setting", "nosuch=1"), ("-j", "0"), ("--retries", "-1"), ("--timeout-s", "-1")],
)
def test_wrong_options_are_refused_even_if_nothing_is_to_run(ask: Ask, options: tuple[str, ...]) -> None:
    assert "Nothing to do" in ask("backfill", "sizes", "-s", "materialized").stderr
    refused = ask("backfill", "sizes", "-s", "materialized", *options, code=2)
    assert options[0] in refused.stderr or "nosuch" in refused.stderr
    if options[0] != "--setting":
        assert ask("tick", "inbox", *options, code=2).stderr
        assert json.loads(ask("partitions", "sizes", "--json").stdout)[-1]["partition_key"] != "new.csv"


def _check_that_logs_are_raw_only_with_the_option(project: Path, run_id: str) -> None:
    command = [sys.executable, "-m", "nbpart.cli", "logs", run_id]
    for more in ([], ["-f"]):
        printed = [
            subprocess.run([*command, *more, *raw], cwd=project, env=environment(), capture_output=True, check=True)
            for raw in ([], ["--raw"])
        ]
        assert b"red\\x1b[2J" in printed[0].stdout
        assert b"\x1b" not in printed[0].stdout
        assert b"\x1b[31mred\x1b[0m\x1b[2J" in printed[1].stdout
    inner, outer = os.openpty()
    with subprocess.Popen(command, cwd=project, env=environment(), stdout=outer) as process:
        os.close(outer)
        shown = b""
        while chunk := _read(inner):
            shown += chunk
        assert process.wait() == 0
    os.close(inner)
    assert b"\x1b" not in shown
    assert b"red\\x1b[2J" in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the other side is closed
        return b""


def test_ctrl_c_stops_cleanly_and_resume_goes_on(project: Path, ask: Ask) -> None:
    command = [sys.executable, "-m", "nbpart.cli", "backfill", "model", "-j", "1"]
    with subprocess.Popen(
        command, cwd=project, env=environment(), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        wait_for(lambda: find_marked(project, running=True) or process.poll() is not None, 60)
        os.killpg(process.pid, signal.SIGINT)
        os.killpg(process.pid, signal.SIGINT)  # an impatient second one changes nothing
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "cancelled: 2 cancelled" in out
    assert "Traceback" not in err
    assert "Stopping" in err
    wait_for(lambda: not find_marked(project), 3)

    backfill_id = re.findall(r"To go on: nbpart resume (\S+)", err)[0]
    assert f"nbpart resume {backfill_id}" in ask("status").stderr
    (project / "go").touch()
    resumed = ask("resume", backfill_id, "-j", "2", "--json")
    outcome = json.loads(resumed.stdout)
    assert (outcome["backfill_id"], outcome["status"]) == (backfill_id, "succeeded")
    assert outcome["counts"]["succeeded"] == 2
    assert {r["status"] for r in json.loads(ask("partitions", "model", "--json").stdout)} == {"materialized"}
    assert ask("status").stderr == "2 triggers; nobody watches\n"
    wait_for(lambda: not find_marked(project, running=True), 3)


VAULT = """
import os
import nbpart


@nbpart.asset(secrets=["token"])
def fetched(token: str = "") -> dict:
    print("using", token, len(token), "API_TOKEN" in os.environ)
    return {}
"""


def test_a_secret_comes_from_a_variable_or_stdin_and_never_from_the_arguments(
    project: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "vault.py").write_text(VAULT)
    register = "import vault, nbpart\nwith nbpart.open('workspace') as ws: ws.register(vault.fetched)"
    subprocess.run([sys.executable, "-c", register], cwd=project, env=environment(), check=True, timeout=120)
    refused = ask("backfill", "fetched", "--setting", "token=tok-1234567890", code=2)
    assert "--secret token=env:VARIABLE" in refused.stderr
    assert "tok-1234567890" not in refused.output
    misspelled = ask("backfill", "fetched", "--secret", "tokn=file:-", code=2, stdin="abcd")
    assert "secrets names 'tokn'" in misspelled.stderr

    monkeypatch.setenv("API_TOKEN", "tok-1234567890")
    ask("backfill", "fetched", "--secret", "token=env:API_TOKEN")
    ask("backfill", "fetched", "-s", "all", "--secret", "token=file:-", stdin="tok-1234567890-more\n")
    logs = [ask("logs", run["run_id"]).stdout.splitlines()[0] for run in json.loads(ask("runs", "--json").stdout)]
    assert logs == ["using ••• 19 False", "using ••• 14 False"]
    texts = {path: path.read_bytes() for path in (project / "workspace").rglob("*") if path.is_file()}
    assert [path for path, text in texts.items() if b"tok-12345" in text] == []


def test_a_detached_backfill_is_followed_and_cancelled(project: Path, ask: Ask) -> None:
    started = json.loads(ask("backfill", "model", "-j", "1", "--limit", "model=1", "--detach", "--json").stdout)
    backfill_id = started["backfill_id"]
    assert started["counts"]["planned"] + started["counts"]["queued"] + started["counts"]["running"] == 2
    assert f"backfill {backfill_id} (model, 2 steps) is running" in ask("status").stderr
    with nbpart.open("workspace") as workspace:
        wait_for(lambda: workspace.backfills[backfill_id].counts()["running"], 60, "a step runs")
    assert ask("cancel", backfill_id).stdout == f"backfill {backfill_id} cancelled\n"
    assert "is over, cancelled" in ask("cancel", backfill_id).stderr
    (project / "go").touch()
    assert json.loads(ask("resume", backfill_id, "--json").stdout)["status"] == "succeeded"


@pytest.mark.parametrize("limit", ["model", "model=", "=2", "model=x", "model=-1"])
def test_a_wrong_limit_is_refused(ask: Ask, limit: str) -> None:
    assert "is not NAME=N" in ask("backfill", "--limit", limit, code=2).stderr
