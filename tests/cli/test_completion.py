"""What a shell completes: commands, options, assets and keys, quoted; and that it is silent whatever is wrong."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nbpart
from nbpart.cli import main
from nbpart.cli.completing import ASKING
from tests.cli.conftest import Ask, environment


def complete(project: Path, *words: str, shell: str = "bash", cwd: Path | None = None) -> list[str]:
    """What click's script of a shell gets for these words; the last one is being typed."""
    asked = {
        "COMP_WORDS": f"{shlex.join(['nbpart', *words[:-1]])} {words[-1]}",
        "COMP_CWORD": str(len(words)) if shell == "bash" else words[-1],
        ASKING: f"{shell}_complete",
    }
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.argv[0] = 'nbpart'; from nbpart.cli import main; main(prog_name='nbpart')",
        ],
        cwd=cwd or project,
        env={**environment(), **asked},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.fixture
def keys(project: Path) -> Path:
    with nbpart.open("workspace") as ws:
        ws.partitions("files").add("key 1.csv", "key$(touch pwned).csv", "key\\2.csv")
    return project


def test_commands_options_assets_and_keys_are_completed(keys: Path) -> None:
    assert complete(keys, "comp") == ["compare", "completion"]
    assert complete(keys, "backfill", "--keep-f") == ["--keep-failed-kernels"]
    assert complete(keys, "edit", "rep") == ["report"]
    assert complete(keys, "plan", "+si") == ["+sizes"]
    assert "'key 1.csv'" in complete(keys, "edit", "report", "key")
    assert "'key 1.csv'" in complete(keys, "backfill", "report", "-k", "key")
    assert complete(keys, "edit", "nosuch", "") == []


def test_keys_are_quoted_for_bash_and_left_to_other_shells(keys: Path) -> None:
    found = complete(keys, "why", "sizes", "key")
    assert found == ["'key 1.csv'", "'key$(touch pwned).csv'", "'key\\\\2.csv'"]
    done = complete(keys, "why", "sizes", "key", shell="fish")
    assert any("key 1.csv" in line and "'" not in line for line in done)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_a_real_bash_inserts_what_can_be_run(keys: Path) -> None:
    scripts = os.path.dirname(sys.executable)
    lines = """
eval "$(nbpart completion bash)"
COMP_WORDS=(nbpart why sizes key); COMP_CWORD=3; COMPREPLY=()
_nbpart_completion nbpart
for word in "${COMPREPLY[@]}"; do eval "printf '%s|' $word"; done
"""
    done = subprocess.run(
        ["bash", "-c", lines],
        cwd=keys,
        env={**environment(), "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "key 1.csv|key$(touch pwned).csv|key\\2.csv|"
    assert not (keys / "pwned").exists()


def test_without_a_workspace_and_in_a_broken_one_it_is_silent(tmp_path: Path) -> None:
    assert complete(tmp_path, "edit", "") == []
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "catalog.duckdb").write_text("broken")
    assert complete(tmp_path, "edit", "") == []
    assert complete(tmp_path, "edit", "x", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(ask: Ask, shell: str) -> None:
    script = ask("completion", shell).stdout
    assert f"{ASKING}={shell}_complete" in script
    assert script.startswith("# ")
    assert "completion" in main.commands
