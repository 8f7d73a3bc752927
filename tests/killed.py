"""A workspace whose only process was killed in the middle of a run: what it says is then nobody's to change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DIES = """
import os, time, nbpart
ws = nbpart.open("workspace")
files = ws.dynamic_partitions("files")
files.add("a", "b")

@ws.asset(partitions=files)
def raw(partition_key: str) -> dict:
    import time
    time.sleep(600)

backfill = ws.backfill("raw", keys="a")
while ws.runs()["status"].tolist() != ["running"]:
    time.sleep(0.05)
os.kill(os.getpid(), 9)
"""


def make_killed(folder: Path) -> Path:
    """Run something in a workspace in that folder and kill its process; the workspace."""
    (folder / "dies.py").write_text(DIES)
    done = subprocess.run([sys.executable, "dies.py"], cwd=folder, capture_output=True, text=True, timeout=180)
    assert done.returncode == -9, done.stderr
    return folder / "workspace"
