"""Options that several commands share, and opening the workspace that they name."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import split_arg_string

from nbpart.backfill.options import OPTIONS, SINGLE_RUN, Option
from nbpart.cli.completing import list_assets, list_keys
from nbpart.errors import DeclarationError, ParameterError
from nbpart.run.pruners import Pruner, read_pruner
from nbpart.states import STATUS_WORDS

if TYPE_CHECKING:
    from nbpart.workspace import Workspace

Command = TypeVar("Command", bound=Callable[..., Any])

WORKSPACE_VARIABLE = "NBPART_WORKSPACE"
#: Names in the ``meta`` of a click context.
_READ_VARIABLES = "nbpart.variables"
_WORKSPACE = "nbpart.workspace"
_TRUST = "nbpart.trust"


def workspace_option(command: Command) -> Command:
    """``-w``, before or after the name of the command."""
    return click.option(
        "-w",
        "--workspace",
        metavar="PATH",
        expose_value=False,
        callback=_remember_workspace,
        help=f"The workspace; else that of ${WORKSPACE_VARIABLE}, the one at or above the current folder, or "
        "./workspace.",
    )(command)


def trust_option(command: Command) -> Command:
    """``--trust``, of a command that runs code which the workspace holds."""
    return click.option(
        "--trust",
        is_flag=True,
        expose_value=False,
        callback=_remember_trust,
        help="Trust this workspace from now on, whoever made it: the code that it holds runs as you.",
    )(command)


def complete_asset(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The assets that a shell offers for an argument."""
    with ctx.scope(cleanup=False):
        return list_assets(workspace_path(), incomplete)


def complete_key(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The keys that a shell offers for an argument, those of the asset that was given before."""
    # an option that still lacks its value keeps click from reading the arguments before it
    words = [
        ctx.params.get("asset") or "",
        *(ctx.params.get("selection") or ()),
        *split_arg_string(os.environ.get("COMP_WORDS", "")),
    ]
    with ctx.scope(cleanup=False):
        return list_keys(workspace_path(), words, incomplete)


#: Which assets a command is about; see `nbpart.assets.selection`.
selection_argument = click.argument("selection", nargs=-1, shell_complete=complete_asset)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def limit_option(default: int) -> Callable[[Command], Command]:
    """``--limit``, of a command that lists rows; without it ``default`` rows in a table and all as JSON."""
    return click.option(
        "--limit",
        type=click.IntRange(min=1),
        metavar="N",
        help=f"Print at most N rows; else {default} in a table and all as JSON.",
    )


def keys_option(command: Command) -> Command:
    """``-k``, the partition keys that a command is restricted to."""
    return click.option(
        "-k",
        "--keys",
        "--key",
        "keys",
        metavar="KEY",
        multiple=True,
        shell_complete=complete_key,
        help="Only this key, or those of a range A..B, of a part of a date (2013-01), or with some values "
        "(shop=x,day=2013-01); can be given again.",
    )(command)


def where_option(command: Command) -> Command:
    """``--where``, a condition on the partitions that a command is restricted to."""
    return click.option(
        "--where",
        metavar="CONDITION",
        help='Only partitions for which this is true, of what `nbpart partitions` shows: "lr < 0.1 and status = '
        "'failed'\".",
    )(command)


def status_option(command: Command) -> Command:
    """``-s``, the statuses of the partitions that a command is restricted to."""
    return click.option(
        "-s",
        "--status",
        "statuses",
        type=click.Choice(STATUS_WORDS),
        multiple=True,
        help="Only partitions with this status; can be given again. Default: outdated (missing, stale or failed).",
    )(command)


def running_options(command: Command) -> Command:
    """The options of `nbpart.backfill.options` for a command that runs a backfill; None where one is not given."""
    for option in reversed(list(OPTIONS.values())):
        command = _make_option(option)(command)
    return command


def count_options(*names: str) -> Callable[[Command], Command]:
    """Some of the options of a backfill by their names, for a command that runs something else."""

    def add(command: Command) -> Command:
        for name in reversed(names):
            command = _make_option(OPTIONS[name])(command)
        return command

    return add


def order_option(command: Command) -> Command:
    """``--order``, of a command that shows what would start first."""
    return _make_option(OPTIONS["order"])(command)


def setting_option(command: Command) -> Command:
    """``--setting``, of a command that shows what a run would be given."""
    return _make_option(OPTIONS["settings"])(command)


#: The flags of options whose name in Python would be an odd one in a terminal.
_FLAGS = {
    "max_workers": ("-j", "--max-workers"),
    "settings": ("--setting",),
    "secrets": ("--secret",),
    "limits": ("--limit",),
    "policy": ("--single-run",),
}


def _make_option(option: Option) -> Callable[[Command], Command]:
    """The click option for an option of a backfill, with the name, help and limits that it has in the API too."""
    flags = [*_FLAGS.get(option.name, (f"--{option.name.replace('_', '-')}",)), option.name]
    if option.name == "policy":
        return click.option(*flags, flag_value=SINGLE_RUN, default=None, help=option.help)
    if option.name == "secrets":
        return click.option(
            *flags,
            metavar="NAME[=env:VARIABLE|=file:PATH]",
            multiple=True,
            callback=_parse_secrets,
            help="Ask for a secret setting, or read it from a variable or a file (- is stdin); can be given again.",
        )
    if option.kind == "order":
        return click.option(*flags, type=Order(option), metavar="ORDER", help=option.help)
    if option.kind == "pruner":
        return click.option(*flags, type=PrunerText(), metavar="PRUNER", help=option.help)
    if option.kind == "settings":
        return click.option(
            *flags,
            metavar="NAME=VALUE",
            multiple=True,
            callback=_parse_settings,
            help=f"{option.help} Can be given again. The value is JSON, or else text.",
        )
    if option.kind == "counts":
        return click.option(
            *flags,
            metavar="NAME=N",
            multiple=True,
            callback=_parse_limits,
            help=f"{option.help} Can be given again.",
        )
    return click.option(*flags, type=Count(option) if option.kind == "count" else Seconds(option), help=option.help)


class Count(click.IntRange):
    """The click type of an option that is a whole number; the option itself checks it and words the error."""

    def __init__(self, option: Option) -> None:
        super().__init__(option.least, option.most)
        self._option = option

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return _check(self, self._option, click.INT.convert(value, param, ctx), param, ctx)


class Seconds(click.FloatRange):
    """The click type of an option that is a number of seconds; as `Count`."""

    def __init__(self, option: Option) -> None:
        super().__init__(option.least, option.most, min_open=option.is_above_least)
        self._option = option

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return _check(self, self._option, click.FLOAT.convert(value, param, ctx), param, ctx)


class PrunerText(click.ParamType[Pruner]):
    """The click type of an option that is a pruner, spelled as in Python."""

    name = "pruner"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Pruner:
        try:
            return read_pruner(str(value))
        except DeclarationError as error:
            self.fail(str(error), param, ctx)


class Order(click.ParamType[str]):
    """The click type of an option that is an order of partitions; as `Count`."""

    name = "order"

    def __init__(self, option: Option) -> None:
        self._option = option

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return _check(self, self._option, value, param, ctx)


def _check(
    kind: click.ParamType[Any], option: Option, value: Any, param: click.Parameter | None, ctx: click.Context | None
) -> Any:
    try:
        return option.check(value)
    except DeclarationError as error:
        kind.fail(str(error), param, ctx)


def refuse_secrets(options: Mapping[str, Any], secret: Collection[str]) -> None:
    """Raise `ParameterError` where ``options["settings"]``, given in the arguments, has a name that is ``secret``."""
    for name in options.get("settings", ()):
        if name in secret:
            raise ParameterError(
                f"{name!r} is a secret, which must not stand in the arguments, where others see it: give it by "
                f"--secret {name} (asks for it), --secret {name}=env:VARIABLE or --secret {name}=file:PATH."
            )


def keep_given(**options: Any) -> dict[str, Any]:
    """The options that are not None: those that were given."""
    return {name: value for name, value in options.items() if value is not None}


@contextlib.contextmanager
def open_workspace(*, create: bool = False) -> Iterator[Workspace]:
    """Open the workspace of the current command, and close it at the end, after the backfills that run in it."""
    import nbpart

    ctx = click.get_current_context()
    trust = bool(ctx.meta.get(_TRUST))
    with nbpart.open(workspace_path(), create=create, purpose=f"nbpart {ctx.info_name}", trust=trust) as workspace:
        yield workspace


def workspace_path() -> Path:
    """The path of the workspace of the current command, whether or not a workspace is there.

    It is the value of ``-w``, else of NBPART_WORKSPACE, else the workspace at or above the current folder, else
    ``workspace``.
    """
    path = chosen_path() or os.environ.get(WORKSPACE_VARIABLE)
    if path:
        return Path(path).expanduser()
    from nbpart.project.discovery import find_workspace

    return find_workspace(Path.cwd()) or Path("workspace")


def chosen_path() -> str | None:
    """The value of ``-w``, None without it."""
    chosen: str | None = click.get_current_context().meta.get(_WORKSPACE)
    return chosen


def command_line(*words: str) -> str:
    """A command line of nbpart with the same ``-w`` as the current one, quoted for a shell."""
    path = chosen_path()
    return shlex.join(["nbpart", *words, *(["-w", path] if path else [])])


def _remember_workspace(ctx: click.Context, option: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta[_WORKSPACE] = value


def _remember_trust(ctx: click.Context, option: click.Parameter, value: bool) -> None:
    ctx.meta[_TRUST] = value


def _parse_settings(ctx: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, Any] | None:
    settings = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter(f"{text!r} is not NAME=VALUE.", ctx, option)
        settings[name.strip()] = _parse_value(value)
    return settings or None


def _parse_secrets(ctx: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, str] | None:
    secrets = {}
    for text in values:
        name, equals, source = text.partition("=")
        name, (kind, _, where) = name.strip(), source.partition(":")
        if not name or (equals and (kind not in ("env", "file") or not where)):
            # the message leaves out the rest: it may be the secret itself
            raise click.BadParameter(
                f"after {name!r} comes nothing, =env:VARIABLE or =file:PATH; never the value, which others would see.",
                ctx,
                option,
            )
        secrets[name] = _read_secret(ctx, option, name, kind, where)
    return secrets or None


def has_terminal() -> bool:
    """Whether stdin is a terminal, so that a person can be asked."""
    return sys.stdin.isatty()


def _read_secret(ctx: click.Context, option: click.Parameter, name: str, kind: str, where: str) -> str:
    """Read a secret from a variable (``kind`` env), a file, or else the terminal; one newline at its end is dropped."""
    if kind == "env":
        # runs inherit the environment, and must get secrets by their own pipe only
        taken: dict[str, str | None] = ctx.meta.setdefault(_READ_VARIABLES, {})
        value = taken.setdefault(where, os.environ.pop(where, None))
        if value is None:
            raise click.BadParameter(f"the variable {where} for {name!r} is not set.", ctx, option)
        return value
    if kind == "file":
        try:
            with click.open_file(where, encoding="utf-8") as file:
                text: str = file.read()
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
            raise click.BadParameter(f"{where} for {name!r} cannot be read: {reason}.", ctx, option) from error
        return text.removesuffix("\n").removesuffix("\r")
    if not has_terminal():
        raise click.BadParameter(
            f"there is no terminal to ask for {name!r}; use {name}=env:VARIABLE, {name}=file:PATH or {name}=file:-.",
            ctx,
            option,
        )
    answer: str = click.prompt(f"Secret {name}", hide_input=True, err=True)
    return answer


def _parse_limits(ctx: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, int] | None:
    counts = {}
    for text in values:
        name, _, most = text.rpartition("=")
        if not name.strip() or not most.strip().isdecimal():
            raise click.BadParameter(f"{text!r} is not NAME=N with a whole number N.", ctx, option)
        counts[name.strip()] = int(most)
    try:
        OPTIONS[str(option.name)].check(counts)
    except DeclarationError as error:
        raise click.BadParameter(str(error), ctx, option) from None
    return counts or None


def _parse_value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=str)
    except ValueError:
        return text
