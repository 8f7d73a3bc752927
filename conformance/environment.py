"""The environment that the suites and the odd notebooks are run in, made in build/conformance."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "conformance"
PYTHON = BUILD / "venv" / "bin" / "python"


def make_environment() -> None:
    """Make it, with nbpart and pytest, unless it is there."""
    BUILD.mkdir(parents=True, exist_ok=True)
    if not PYTHON.exists():
        venv.create(BUILD / "venv", with_pip=True)
        pip("install", "--editable", str(ROOT), "pytest", "pytest-asyncio>=1.3", "pytest-timeout")


def pip(*arguments: str) -> None:
    """Call pip of that environment."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments[:1], "--quiet"]
    subprocess.run([*command, *arguments[1:]], check=True)
