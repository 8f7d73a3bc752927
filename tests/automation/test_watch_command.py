"""``nbpart watch`` in a process of its own, with runs that are played in it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nbpart
from tests.processes import wait_for
from tests.projects import show_to_processes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM that a process could handle")

#: A watcher whose runs all fail, those of ``b`` only once there is a file ``go`` or they are stopped.
PLAYED = """
import sys, time
from pathlib import Path
from nbpart.cli import main
from nbpart.run.notebook import NotebookRun
from nbpart.states import RunStatus
from tests.run.conftest import make_report

def fail(run):
    if run.spec.partition_key == "b":
        Path("began").touch()
        while not Path("go").exists():
            if run._is_stopped():
                return make_report(run.spec, RunStatus.CANCELLED)
            time.sleep(0.01)
    return make_report(run.spec, RunStatus.FAILED)

NotebookRun.execute, NotebookRun.start_ahead = fail, lambda run: None
main(["-w", "workspace", "watch", "-j", "1", *sys.argv[1:]])
"""


@pytest.mark.parametrize("has_grace", [False, True])
def test_hooks_are_told_of_a_backfill_that_has_failed_when_the_watcher_gets_sigterm(
    ws: nbpart.Workspace, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_grace: bool
) -> None:
    show_to_processes(project, monkeypatch)
    letters = ws.dynamic_partitions("letters")

    @ws.asset(partitions=letters)
    def made(partition_key: str) -> dict[str, str]:
        return {}

    @ws.sensor(every="1h", partitions=letters)
    def both(context: Any) -> list[str]:
        return ["a", "b"]

    @ws.on_failure
    def tell(event: Any) -> None:
        with open("told.txt", "a") as file:
            file.write(f"{event.what} {event.name} {dict(event.counts)} {list(event.partitions)}\n")

    def watch(*options: str, until: str) -> str:
        """What a watcher logged that got SIGTERM once there was a file."""
        words = [sys.executable, "-c", PLAYED, *options]
        log = tmp_path / "watch.log"
        with log.open("w") as file, subprocess.Popen(words, stdout=file, stderr=file) as watcher:
            try:
                wait_for(lambda: (project / until).exists() or watcher.poll() is not None, 60)
                watcher.send_signal(signal.SIGTERM)
                if not has_grace:
                    (project / "go").touch()
                assert watcher.wait(60) == 0, log.read_text()
            finally:
                watcher.kill()
        return log.read_text()

    log = watch(*(["--grace", "0.1"] if has_grace else []), until="began")
    told = (project / "told.txt").read_text().splitlines()
    if has_grace:
        assert told == ["backfill made+ {'failed': 1, 'cancelled': 1} ['made/a']"]
    else:
        assert told == ["backfill made+ {'failed': 2} ['made/a', 'made/b']"]
    assert log.splitlines()[-2].endswith(" told tell"), log
