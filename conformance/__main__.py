"""Run the suites on the stock kernel and on the pre-warmed one, and print side by side where they differ.

    python -m conformance [PACKAGE | odd | odd/NOTEBOOK ...]

"odd" are notebooks of our own, whose outputs are compared (conformance/odd.py). What is needed is made in
build/conformance: an environment, and the source distributions, which pip downloads. The exit code is 1 where a test
has another outcome with our kernel (or, of papermill, with our engine) than with its own, or a notebook other outputs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path

from conformance import odd
from conformance.environment import BUILD, PYTHON, ROOT, make_environment, pip
from conformance.suites import SUITES, Suite

STOCK, OURS, ENGINE = "stock", "nbpart", "engine"
_LIMIT_S = 3600
_PLUGIN = "conformance.engine_plugin"
Outcomes = Mapping[str, str]


def main(names: Sequence[str]) -> int:
    differences = 0
    chosen = [name.partition("/")[2] for name in names if name.partition("/")[0] == odd.NAME]
    if chosen or not names:
        differences += odd.compare([name for name in chosen if name])
    suites = [suite for suite in SUITES if not names or suite.package in names]
    if suites:
        _prepare(suites)
    for suite in suites:
        ways = [STOCK, OURS, *([ENGINE] if suite.package == "papermill" else [])]
        outcomes = {way: _run(suite, way, suite.tests) for way in ways}
        for way in ways[1:]:
            differing = _differing(suite, way, outcomes)
            if differing:  # once more, alone: what is only slow on a busy machine is no difference
                again = {each: _run(suite, each, suite.tests, only=differing) for each in (STOCK, way)}
                differing = _differing(suite, way, again)
                _print_differing(suite, way, differing, again)
            differences += len(differing)
        _print_counts(suite, outcomes)
    print("no difference" if not differences else f"{differences} differ")
    return int(differences > 0)


def _prepare(suites: Sequence[Suite]) -> None:
    make_environment()
    wanted = [f"{suite.package}=={suite.version}" for suite in suites]
    pip("install", *wanted, *(requirement for suite in suites for requirement in suite.requirements))
    for suite in suites:
        archive = BUILD / f"{suite.folder}.tar.gz"
        if not archive.exists():
            name = f"{suite.package}=={suite.version}"
            pip("download", "--no-deps", "--no-binary", suite.package, "--dest", str(BUILD), name)
        shutil.rmtree(BUILD / suite.folder, ignore_errors=True)
        with tarfile.open(archive) as file:
            file.extractall(BUILD, filter="data")


def _run(suite: Suite, way: str, tests: Sequence[str], only: Sequence[str] = ()) -> Outcomes:
    """The outcome of each test by its name; nothing of the user's own Jupyter is read or written."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report.xml")
        options = [
            "-p",
            "no:cacheprovider",
            "-q",
            "--continue-on-collection-errors",
            "--timeout=120",
            "--tb=no",
            f"--junitxml={report}",
            # unset it is a warning, and some of the suites fail for each
            "--override-ini=asyncio_default_fixture_loop_scope=function",
        ]
        options += ["-k", suite.left_out] if suite.left_out else []
        options += ["-p", _PLUGIN] if way == ENGINE else []
        log = BUILD / f"{suite.package}-{way}.log"
        with log.open("a" if only else "w") as file:
            command = [str(PYTHON), "-m", "pytest", *(only or tests), *options]
            subprocess.run(
                command,
                cwd=BUILD / suite.folder,
                env=_environment(Path(scratch), way),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                timeout=_LIMIT_S,
                check=False,
            )
        outcomes = _read_outcomes(report, BUILD / suite.folder)
        if "passed" not in outcomes.values() and not only:
            raise SystemExit(f"none of the tests of {suite.package} passed; {log} says why")
        return outcomes


def _environment(scratch: Path, way: str) -> dict[str, str]:
    folders = {name: str(scratch / name) for name in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
    if way == OURS:
        from nbpart.run.kernels.install import make_kernelspec

        place = scratch / "JUPYTER_DATA_DIR" / "kernels" / "python3"
        place.mkdir(parents=True)
        spec = make_kernelspec()
        spec["argv"] = [str(PYTHON), *spec["argv"][1:]]  # type: ignore[index]
        (place / "kernel.json").write_text(json.dumps(spec))
    path = os.pathsep.join([str(PYTHON.parent), os.environ.get("PATH", "")])
    return {**os.environ, **folders, "PATH": path, "PYTHONPATH": str(ROOT) if way == ENGINE else ""}


def _read_outcomes(report: Path, folder: Path) -> Outcomes:
    outcomes: dict[str, str] = {}
    if not report.exists():
        return outcomes
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        outcomes[_node_id(case.get("classname", ""), case.get("name", ""), folder)] = kinds[0] if kinds else "passed"
    return outcomes


def _node_id(classname: str, name: str, folder: Path) -> str:
    """What pytest is asked for to run that test: the report has its file and classes as one dotted name."""
    parts = classname.split(".") if classname else []
    for end in range(len(parts), 0, -1):
        file = Path(*parts[:end]).with_suffix(".py")
        if (folder / file).is_file():
            return "::".join([str(file), *parts[end:], name])
    return f"{classname}::{name}"


def _differing(suite: Suite, way: str, outcomes: Mapping[str, Outcomes]) -> list[str]:
    stock, other = outcomes[STOCK], outcomes[way]
    names = {*stock, *other} - set(suite.of_its_engine if way == ENGINE else ())
    return sorted(name for name in names if stock.get(name) != other.get(name))


def _print_differing(suite: Suite, way: str, differing: Sequence[str], outcomes: Mapping[str, Outcomes]) -> None:
    for name in differing:
        told = [outcomes[each].get(name, "did not run") for each in (STOCK, way)]
        print(f"{suite.package}  {name}\n    {STOCK}: {told[0]:<12} {way}: {told[1]}")


def _print_counts(suite: Suite, outcomes: Mapping[str, Outcomes]) -> None:
    kinds = ("passed", "failure", "error", "skipped")
    print(f"{suite.folder:<28}" + "".join(f"{kind:>10}" for kind in kinds))
    for way, found in outcomes.items():
        counts = [sum(outcome == kind for outcome in found.values()) for kind in kinds]
        print(f"  {way:<26}" + "".join(f"{count:>10}" for count in counts), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
