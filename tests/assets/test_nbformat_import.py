from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: In the place of the package that takes seconds to import, which says when it is imported.
SLOW = """
print("slow")
about = "addresses"


def is_valid_syntax(term, value):
    return (term, value) == ("iri", "x:good")
"""


def run(folder: Path, code: str) -> list[str]:
    """The lines that a process prints in which that package is installed."""
    (folder / "rfc3987_syntax.py").write_text(SLOW)
    (folder / "rfc3987.py").write_text("raise ImportError")  # which jsonschema would ask instead
    paths = os.pathsep.join([str(folder), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "code",
    [
        "from nbpart.assets.nbformat_import import load_nbformat; load_nbformat()",
        "from nbpart.assets.notebook_files import read_notebook_file; import pathlib\n"
        "pathlib.Path('{folder}/a.ipynb').write_text('{{\"cells\": [], \"nbformat\": 4}}')\n"
        "read_notebook_file('{folder}/a.ipynb')",
        "from nbpart.run.notebook import load_engine; load_engine()",
    ],
    ids=["alone", "to read a notebook", "to execute one"],
)
def test_the_import_builds_no_parsers_of_addresses(tmp_path: Path, code: str) -> None:
    shown = "\nimport sys; print('nbformat' in sys.modules, 'rfc3987_syntax' in sys.modules)"
    assert run(tmp_path, code.format(folder=tmp_path) + shown) == ["True False"]


def test_an_address_is_checked_by_them_when_one_is_checked(tmp_path: Path) -> None:
    code = """
from nbpart.assets.nbformat_import import load_nbformat
load_nbformat()
from jsonschema import FormatChecker
print("loaded")
print(*(FormatChecker().conforms(address, "iri") for address in ("x:good", "bad", "x:good")))
"""
    assert run(tmp_path, code) == ["loaded", "slow", "True False True"]


def test_who_imports_them_gets_them(tmp_path: Path) -> None:
    code = """
from nbpart.assets.nbformat_import import load_nbformat
load_nbformat()
import rfc3987_syntax
from rfc3987_syntax import about, is_valid_syntax
print(about, is_valid_syntax("iri", "bad"), is_valid_syntax is rfc3987_syntax.is_valid_syntax)
"""
    assert run(tmp_path, code) == ["slow", "addresses False True"]


def test_who_imported_nbformat_before_keeps_what_there_is(tmp_path: Path) -> None:
    code = """
import nbformat
from nbpart.assets.nbformat_import import load_nbformat
print(load_nbformat() is nbformat)
"""
    assert run(tmp_path, code) == ["slow", "True"]
