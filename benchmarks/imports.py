"""How long `import nbpart` takes, and the first thing that is done with it, each in a new process.

Run it with ``python -m benchmarks.imports [rounds]``; it prints one JSON object a line: medians in seconds, without
the start of Python itself.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile

CASES = {
    "import nbpart": "import nbpart",
    "import nbpart and open a workspace": "import nbpart; nbpart.open('workspace').close()",
    "import the command line": "import nbpart.cli",
    "import pandas, for comparison": "import pandas",
}


def main(rounds: int = 7) -> None:
    """Print a median for each case."""
    for name, code in CASES.items():
        timed = f"import time; start = time.perf_counter(); {code}; print(time.perf_counter() - start)"
        with tempfile.TemporaryDirectory() as folder:
            taken = [run(timed, folder) for _ in range(rounds + 1)][1:]  # the first one fills the caches
        print(json.dumps({"benchmark": name, "seconds": round(statistics.median(taken), 4)}), flush=True)


def run(code: str, folder: str) -> float:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=folder)
    return float(done.stdout)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
