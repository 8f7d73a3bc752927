"""The command that prints what a shell needs to complete commands, options, assets and keys."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from nbpart.cli.completing import ASKING

#: Where each shell takes it from.
_HOW = {
    "bash": 'eval "$(nbpart completion bash)"   # in ~/.bashrc',
    "zsh": 'eval "$(nbpart completion zsh)"   # in ~/.zshrc',
    "fish": "nbpart completion fish | source   # in ~/.config/fish/config.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_HOW)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion of a shell.

    It completes commands and options, and the assets and keys of the workspace at hand.
    """
    kind = get_completion_class(shell)
    assert kind is not None, "click has these"
    click.echo(f"# {_HOW[shell]}")
    click.echo(kind(ctx.find_root().command, {}, "nbpart", ASKING).source())
