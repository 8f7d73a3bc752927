from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import nbpart
from nbpart import errors
from nbpart.cli import main
from nbpart.cli.output import Group, prepare_streams, print_facts, print_table, show_path
from nbpart.cli.tables import Table
from tests.cli.conftest import environment

TABLE = Table(("partition_key", "status"), [("日本\x1b[2J\u202e", "failed")])


@click.group(cls=Group)
@click.pass_context
def group(ctx: click.Context) -> None:
    prepare_streams(ctx)


@group.command()
@click.argument("name")
def fail(name: str) -> None:
    raise getattr(errors, name)("a\x1b[2Jb\nsecond line")


@group.command()
@click.option("--json", "as_json", is_flag=True)
def table(as_json: bool) -> None:
    logging.getLogger("nbpart").info("%s came back", "key\x1b")
    print_table(TABLE, as_json, empty="")


if __name__ == "__main__":
    group()


@pytest.mark.parametrize("name", [name for name in nbpart.__all__ if name.endswith("Error")])
def test_errors_print_one_line_and_have_an_exit_code(name: str) -> None:
    result = CliRunner().invoke(group, ["fail", name])
    wrong_use = (
        errors.UnknownNameError,
        errors.DeclarationError,
        errors.PartitionKeyError,
        errors.ParameterError,
        errors.ConditionError,
    )
    assert result.exit_code == (2 if issubclass(getattr(errors, name), wrong_use) else 1)
    assert result.stderr == "Error: a\\x1b[2Jb second line\n"
    assert result.stdout == ""


def test_other_errors_are_not_hidden() -> None:
    @group.command("oops")
    def oops() -> None:
        raise ZeroDivisionError

    assert isinstance(CliRunner().invoke(group, ["oops"]).exception, ZeroDivisionError)


def test_colours_only_accompany_words_and_can_be_turned_off() -> None:
    coloured = CliRunner().invoke(group, ["table"], color=True)
    assert "\x1b[31m" in coloured.stdout
    assert "\x1b[2J" not in coloured.stdout
    for plain in (
        CliRunner().invoke(group, ["table"]),
        CliRunner(env={"NO_COLOR": "1"}).invoke(group, ["table"], color=True),
    ):
        assert plain.stdout.splitlines()[1].split() == ["日本\\x1b[2J\\u202e", "failed"]
        assert plain.stderr == "key\\x1b came back\n"
    assert "\x1b" not in CliRunner().invoke(group, ["table", "--json"], color=True).stdout


def test_a_terminal_with_a_small_character_set_is_no_error() -> None:
    env = {**environment(), "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.test_output", "table"], env=env, capture_output=True, check=True
    )
    assert rb"\u65e5\u672c" in done.stdout


def test_help_and_version_are_quick() -> None:
    """What takes long to import waits until it is needed; a time would say less."""
    code = (
        "import sys\nfrom nbpart.cli import main\nmain(['--help'], standalone_mode=False)\n"
        "print(sorted({'pandas', 'numpy', 'duckdb', 'pyarrow', 'papermill', 'IPython', 'tqdm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert CliRunner().invoke(main, ["--version"]).stdout.split()[-1] == nbpart.__version__


def test_facts_line_up_and_empty_ones_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts({"run": "1", "backfill": "", "error": "x"})
    assert capsys.readouterr().out == "run    1\nerror  x\n"


def test_a_path_is_shown_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert show_path(tmp_path / "a" / "b.ipynb") == "a/b.ipynb"
    assert show_path(tmp_path.parent / "b\x1b") == f"{tmp_path.parent}/b\\x1b"
    assert show_path(None) == ""


def test_usage_errors_escape_control_characters() -> None:
    refused = CliRunner().invoke(group, ["--no\x1b[2J\x9b"])
    assert refused.exit_code == 2
    assert "\x1b" not in refused.output
    assert "\x9b" not in refused.output
    assert "--no\\x1b[2J" in refused.output
