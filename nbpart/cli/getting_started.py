"""Commands to get started: init, demo, lab."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from nbpart.cli import options
from nbpart.cli.output import show_path
from nbpart.cli.text import printable
from nbpart.errors import ExtraRequiredError, WorkspaceError
from nbpart.storage.relative import absolute_folder

DEMO_FOLDER = "nbpart-demo"


@click.command()
@click.argument("path", required=False)
@options.workspace_option
def init(path: str | None) -> None:
    """Make a workspace.

    At PATH, or else at ./workspace; one that is there already stays as it is.
    """
    import nbpart
    from nbpart.project.folder import CATALOG_NAME

    root = Path(_choose_path(path) or os.environ.get(options.WORKSPACE_VARIABLE) or "workspace").expanduser()
    was_there = (root / CATALOG_NAME).exists()
    with nbpart.open(root, purpose="nbpart init"):
        pass
    place = show_path(root.absolute()) or "."
    click.echo(f"{place} is a workspace already; nothing was changed." if was_there else f"Made the workspace {place}.")
    click.echo(f"In a notebook: ws = nbpart.open({place!r})")


@click.command()
@click.argument("path", required=False)
@click.option("--days", type=int, default=14, show_default=True, help="How many days of flights land, 1 to 365.")
@options.workspace_option
@click.pass_context
def demo(ctx: click.Context, path: str | None, days: int) -> None:
    """Watch the whole story once.

    It plays in a folder of its own, which is made anew every time: PATH, or else ./nbpart-demo.
    """
    from nbpart.demo import run_demo

    ctx.exit(run_demo(Path(_choose_path(path) or DEMO_FOLDER).expanduser(), days, click.echo))


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("jupyter_options", nargs=-1, type=click.UNPROCESSED)
@options.workspace_option
def lab(jupyter_options: Sequence[str]) -> None:
    """Open JupyterLab in the project.

    That is the folder that holds the workspace. It listens on this machine only and asks for its token as always.
    JUPYTER_OPTIONS are handed on, as in `nbpart lab --no-browser`.
    """
    from importlib.util import find_spec

    from nbpart.project.folder import CATALOG_NAME

    root = absolute_folder(options.workspace_path())
    if not (root / CATALOG_NAME).exists():
        raise WorkspaceError(f"there is no workspace at {root}; make one with `nbpart init`.")
    if find_spec("jupyterlab") is None:
        raise ExtraRequiredError("JupyterLab is not installed here; install it with: pip install 'nbpart[lab]'")
    project = root.parent
    command = ["-m", "jupyterlab", f"--ServerApp.root_dir={project}", "--ServerApp.ip=127.0.0.1", *jupyter_options]
    click.echo(f"JupyterLab in {printable(str(project))}", err=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *command])


def _choose_path(path: str | None) -> str | None:
    """PATH, or the value of ``-w``; None without both. Raises `click.UsageError` where they differ."""
    chosen = options.chosen_path()
    if path is not None and chosen is not None and path != chosen:
        raise click.UsageError("Give PATH or -w, not both.")
    return path or chosen
