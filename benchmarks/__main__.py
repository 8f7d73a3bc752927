"""All measurements, or those that are named: ``python -m benchmarks [name[=size] ...]``.

Every module beside this one is a benchmark, of which ``=size`` is the argument. Each runs in a process of its own, so
that no one's memory counts as another's, and every line that comes out is one JSON object with the machine's cores.
"""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent


def main(arguments: list[str]) -> int:
    """Run them one after the other; 0 if all ended well, 2 for a name that is none."""
    known = list_benchmarks()
    chosen = [argument.partition("=") for argument in arguments] or [(name, "", "") for name in known]
    if wrong := [name for name, _, _ in chosen if name not in known]:
        print(f"there is no benchmark {', '.join(wrong)}; there are {', '.join(known)}.", file=sys.stderr)
        return 2
    failed = [name for name, _, size in chosen if run_benchmark(name, size) != 0]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def list_benchmarks() -> list[str]:
    """The names of the modules here, but for this one."""
    return sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]) if not module.name.startswith("_"))


def run_benchmark(name: str, size: str) -> int:
    """Run one and hand its lines on; its exit code."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *([size] if size else [])]
    with (
        tempfile.TemporaryDirectory(prefix="nbpart-bench-state-") as state,  # not the list of whom this user trusts
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            cwd=FOLDER.parent,
            env={**os.environ, "XDG_STATE_HOME": state},
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            print(json.dumps({"module": name, "cores": count_cores(), **json.loads(line)}), flush=True)
        process.wait()
    return process.returncode


def count_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
