"""Declaring assets and sources.

A declaration belongs to no workspace yet; when it is registered in one it becomes an `AssetDefinition`.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

from nbpart.assets.automation import Automation, check_automation
from nbpart.assets.definition import Dependency
from nbpart.assets.freshness import Expectation, check_expectation
from nbpart.assets.labels import read_labels
from nbpart.assets.metrics import Metric, read_metrics
from nbpart.assets.numbers import MOST_RETRIES, check_count, check_seconds
from nbpart.assets.source_reading import VALUE
from nbpart.assets.watched_source import Duplicates, OnChange, OnRemove, WatchedSource, declare_watch
from nbpart.errors import DeclarationError
from nbpart.partitions import PartitionsDefinition, as_definition, check_name
from nbpart.partitions.mapping import Mapping as KeyMapping
from nbpart.partitions.names import make_name
from nbpart.storage.named_format import FormatName, refuse_format

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OWN_VARIABLES = ("NBPART_", "JPY_PARENT_PID")
OnMissingInput = Literal["block", "skip"]
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, eq=False)
class Asset:
    """A named data object made by one computation: a function or a notebook.

    Calling it calls its function, so that a decorated function stays usable as one. ``is_named`` is False where the
    name was made of a notebook's file.
    """

    name: str
    partitions: PartitionsDefinition | None
    deps: tuple[Dependency, ...]
    folder: Path
    function: Callable[..., Any] | None = None
    notebook: Path | None = None
    on_missing_input: OnMissingInput = "block"
    description: str = ""
    group: str = ""
    tags: tuple[str, ...] = ()
    retries: int | None = None
    backoff_s: float | None = None
    timeout_s: float | None = None
    limit: int | None = None
    kernel_name: str | None = None
    secrets: tuple[str, ...] = ()
    is_named: bool = True
    env: Mapping[str, str] = field(default_factory=dict)
    fresh: Expectation | None = None
    automation: Automation | None = None
    format: str | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)

    @property
    def kind(self) -> Literal["function", "notebook"]:
        return "notebook" if self.function is None else "function"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.function is None:
            raise TypeError(f"asset {self.name!r} is a notebook and cannot be called; run it with ws.materialize.")
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        over = f", partitions={self.partitions.set_name!r}" if self.partitions else ""
        return f"<nbpart {self.kind} asset {self.name!r}{over}>"


@dataclass(frozen=True, eq=False)
class Source:
    """A named input that comes from elsewhere: files at a path or URL, one or, where it has a ``*``, some a partition.

    ``path`` may hold ``{partition_key}`` and the names of columns in braces. ``version`` says by what a file is taken
    to be another one, None for what fits the path. Where it is a function the source is no file, and has no path.
    """

    name: str
    path: str
    partitions: PartitionsDefinition | None
    folder: Path
    description: str = ""
    version: str | Callable[..., Any] | None = None
    storage_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    load: Callable[..., Any] | None = None
    group: str = ""
    tags: tuple[str, ...] = ()

    kind: Literal["source"] = "source"

    def watch(
        self,
        *,
        every: str | float = "30s",
        settle: str | float = "5s",
        on_change: OnChange = "run",
        on_remove: OnRemove = "keep",
        duplicates: Duplicates = "run",
        run: Any = None,
    ) -> WatchedSource:
        """Declare that its files are watched: those that are new add keys, and work is asked for by itself.

        A file is taken once its size and time have been still for ``settle``. Of a new key, and with
        ``on_change="run"`` of one whose file is another (by ``version=`` of the source), the partitions that read it
        are asked for and what is missing above them, among the assets of the selection ``run`` or all below the source;
        ``"stale"`` only marks them. ``on_remove="remove"`` takes keys whose file is gone off the list. ``duplicates``
        says what becomes of a file with the bytes of another: ``"report"`` names it, ``"skip"`` leaves it out too.
        ``every`` is how often a watcher looks. Raises `DeclarationError`.
        """
        return declare_watch(
            self.name,
            every=every,
            settle=settle,
            on_change=on_change,
            on_remove=on_remove,
            duplicates=duplicates,
            run=_name_selected(run),
        )

    def __repr__(self) -> str:
        return f"<nbpart source {self.name!r} at {self.path!r}>" if self.path else f"<nbpart source {self.name!r}>"


@overload
def asset(function: F) -> Asset: ...
@overload
def asset(
    *,
    name: str | None = ...,
    partitions: Any = ...,
    deps: Any = ...,
    on_missing_input: OnMissingInput = ...,
    description: str | None = ...,
    group: str = ...,
    tags: Iterable[str] = ...,
    retries: int | None = ...,
    backoff_s: float | None = ...,
    timeout_s: float | None = ...,
    limit: int | None = ...,
    secrets: Iterable[str] = ...,
    env: Mapping[str, Any] | None = ...,
    fresh: Expectation | None = ...,
    automation: Automation | None = ...,
    format: FormatName | None = ...,
    metrics: Mapping[str, Any] | None = ...,
) -> Callable[[Callable[..., Any]], Asset]: ...


def asset(  # noqa: PLR0913
    function: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    partitions: Any = None,
    deps: Any = (),
    on_missing_input: OnMissingInput = "block",
    description: str | None = None,
    group: str = "",
    tags: Iterable[str] = (),
    retries: int | None = None,
    backoff_s: float | None = None,
    timeout_s: float | None = None,
    limit: int | None = None,
    secrets: Iterable[str] = (),
    env: Mapping[str, Any] | None = None,
    fresh: Expectation | None = None,
    automation: Automation | None = None,
    format: FormatName | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> Any:
    """Declare a function as an asset.

    Arguments: ``name`` (default: the function's), ``partitions`` (a definition, or a list of keys), ``deps`` (what it
    reads besides the assets and sources that its arguments name, or in another way: names, or a dict argument ->
    mapping, as ``{"clean": nbpart.overlap(start=-6)}``), ``on_missing_input`` (``"block"`` or ``"skip"``),
    ``description``, ``group`` and ``tags`` (what ``"group:daily"`` and ``"tag:db"`` select and limit), ``retries``
    (more attempts for a run that failed, the first after ``backoff_s`` seconds), ``timeout_s`` (seconds a run may
    take), ``limit`` (at most so many of its runs at a time, over all backfills), ``secrets`` (names of settings whose
    values are recorded nowhere), ``env`` (variables of the environment that are set before a run imports anything; what
    was made with others is stale), ``fresh`` (by when its partitions are expected: ``nbpart.expect(by="09:00")``),
    ``automation`` (what it asks for by itself: ``nbpart.eager()`` or ``nbpart.on_missing()``), ``format`` (in which its
    value is saved where its type says none: ``"joblib"``, ``"pickle"``, ``"skops"`` or ``"safetensors"``), ``metrics``
    (which way each is better: ``{"accuracy": "max", "loss": nbpart.metric("min", value="last")}``; the first one
    orders). A backfill may be given other ``retries``, ``backoff_s`` and ``timeout_s``. Raises `DeclarationError` for
    what cannot be an asset.
    """

    def declare(f: Callable[..., Any]) -> Asset:
        return _declare_function(
            f, name, description, partitions=partitions, deps=deps, on_missing_input=on_missing_input, group=group,
            tags=tags, retries=retries, backoff_s=backoff_s, timeout_s=timeout_s, limit=limit, secrets=secrets, env=env,
            fresh=fresh, automation=automation, format=format, metrics=metrics,
        )  # fmt: skip

    return declare if function is None else declare(function)


def notebook(  # noqa: PLR0913
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    partitions: Any = None,
    deps: Any = (),
    kernel_name: str | None = None,
    on_missing_input: OnMissingInput = "block",
    description: str = "",
    group: str = "",
    tags: Iterable[str] = (),
    retries: int | None = None,
    backoff_s: float | None = None,
    timeout_s: float | None = None,
    limit: int | None = None,
    secrets: Iterable[str] = (),
    env: Mapping[str, Any] | None = None,
    fresh: Expectation | None = None,
    automation: Automation | None = None,
    format: FormatName | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> Asset:
    """Declare a notebook as an asset; its name is made of that of the file unless ``name`` says otherwise.

    The file is an ``.ipynb``, or a script in cells (``# %%``, ``.py``) or Markdown (``.md``), which jupytext reads
    (``nbpart[text]``): the same cells in another form are the same code.
    The other arguments are those of `asset`; ``kernel_name`` overrides the kernel that the notebook names.
    The file is looked for and read when the asset is registered: a run in another folder can import its declaration.
    """
    file = Path(path).expanduser().absolute()
    return _declare(
        name or _name_of_file(file),
        is_named=bool(name),
        notebook=file,
        folder=file.parent,
        partitions=partitions, deps=deps, kernel_name=kernel_name, on_missing_input=on_missing_input,
        description=description, group=group, tags=tags, retries=retries, backoff_s=backoff_s, timeout_s=timeout_s,
        limit=limit, secrets=secrets, env=env, fresh=fresh, automation=automation, format=format, metrics=metrics,
    )  # fmt: skip


def source(  # noqa: PLR0913
    name: str,
    url: str | os.PathLike[str] | None = None,
    *,
    partitions: Any = None,
    version: Literal["hash", "etag", "size+mtime"] | Callable[..., Any] | None = None,
    load: Callable[..., Any] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    description: str = "",
    group: str = "",
    tags: Iterable[str] = (),
) -> Source:
    """Declare files that come from elsewhere; a run receives the path or URL of its partition.

    ``url`` is a path, relative to the current folder, or any URL that fsspec reads. In a partitioned source it names
    ``{partition_key}`` or other columns, ``{window_start:%Y/%m/%d}`` formats one; ``*`` stands for part of a name, and
    the files that are there arrive as a list. ``version`` says by what a file is taken to be another one: ``"hash"``
    its content (the default for local files), ``"etag"`` what its store says (for URLs), ``"size+mtime"`` size and time
    of modification: for files too large to read, and blind to new content of equal size whose time was set back.
    ``storage_options`` are those of fsspec for the URL: credentials as ``nbpart.env("NAME")``, a variable of the
    environment, or as values that only this process knows; they are recorded nowhere.

    What is no file, as a table of a database, has no ``url`` but a ``version`` that is a function: it takes a list of
    keys and gives a dict, key -> version; a key that it leaves out is not there. It is called in a process of its own
    by a plan, a tick and a refresh. ``load``, a function of one key, gives a run the data; without it the key arrives.
    Without partitions both functions take nothing, and ``version`` gives the version itself. ``group`` and ``tags``
    are as in `asset`.
    """
    definition = as_definition(partitions)
    labels = read_labels(f"source {name!r}", group, tags)
    if callable(version) or url is None:
        _check_functions(name, url, version, load, storage_options)
        return Source(check_name(name, "source"), "", definition, Path.cwd(), description, version, {}, load, *labels)
    if load is not None:
        raise DeclarationError(f"source {name!r}: load= reads what is no file; give version= a function and no url.")
    text = os.fspath(url)
    if definition is not None and "{" not in text:
        raise DeclarationError(
            f"source {name!r} is partitioned, but every key would be {text!r}: name {{partition_key}} in its path."
        )
    options = storage_options or {}
    return Source(
        check_name(name, "source"), text, definition, Path.cwd(), description, version, options, None, *labels
    )


def _name_selected(run: Any) -> str | tuple[str, ...] | None:
    """A selection with names in place of assets."""
    if run is None or isinstance(run, str | Asset | Source):
        return None if run is None else name_of(run)
    return tuple(map(name_of, run if isinstance(run, Iterable) else [run]))


def _check_functions(name: str, url: Any, version: Any, load: Any, storage_options: Any) -> None:
    if url is not None:
        raise DeclarationError(f"source {name!r} has a url and a function for its version; give one of them.")
    if not callable(version):
        raise DeclarationError(f"source {name!r} is nowhere: give it a url, or a function as version=.")
    if storage_options:
        raise DeclarationError(f"source {name!r}: storage_options are for files; its functions open what they need.")
    if load is not None and not callable(load):
        raise DeclarationError(f"source {name!r}: load= is a function, not {load!r:.60}.")


def value_source(name: str, description: str = "", group: str = "", tags: Iterable[str] = ()) -> Source:
    """Declare a value of a notebook as a source; it is saved when it is registered."""
    labels = read_labels(f"source {name!r}", group, tags)
    return Source(check_name(name, "source"), "", None, Path.cwd(), description, VALUE, {}, None, *labels)


def name_of(reference: Any) -> str:
    """The name of an Asset, of a Source, or of a function that was declared; a name is returned as it is."""
    if isinstance(reference, (Asset, Source)):
        return reference.name
    if isinstance(reference, str):
        return reference
    raise DeclarationError(f"{reference!r} is neither an asset, nor a source, nor the name of one.")


def _declare_function(function: Callable[..., Any], name: str | None, description: str | None, **options: Any) -> Asset:
    if not callable(function) or not hasattr(function, "__code__"):
        raise DeclarationError(f"an asset is made from a function, not from {type(function).__name__} {function!r}.")
    if name is None and function.__name__ == "<lambda>":
        raise DeclarationError("a lambda has no name and no source of its own; define the asset with def.")
    if description is None:
        description = inspect.cleandoc(function.__doc__ or "")
    return _declare(
        name or function.__name__, function=function, folder=Path.cwd(), description=description.strip(), **options
    )


def _declare(
    name: str,
    *,
    partitions: Any = None,
    deps: Any = (),
    group: Any = "",
    tags: Any = (),
    secrets: Any = (),
    env: Any,
    fresh: Any,
    **options: Any,
) -> Asset:
    check_name(name, "asset")
    mode = options.get("on_missing_input", "block")
    if mode not in ("block", "skip"):
        raise DeclarationError(f"asset {name!r}: on_missing_input is 'block' or 'skip', not {mode!r}.")
    _check_numbers(f"asset {name!r}: ", options)
    check_automation(name, options.get("automation"))
    format = options.get("format")
    if format is not None and (refusal := refuse_format(format)):
        raise DeclarationError(f"asset {name!r}: {refusal}")
    group, tags = read_labels(f"asset {name!r}", group, tags)
    definition = as_definition(partitions)
    return Asset(
        name,
        definition,
        _read_dependencies(name, deps),
        group=group,
        tags=tags,
        secrets=(secrets,) if isinstance(secrets, str) else tuple(secrets),
        env=_check_variables(name, env or {}),
        fresh=check_expectation(name, fresh, definition),
        **{**options, "metrics": read_metrics(name, options.get("metrics"))},
    )


def _read_dependencies(asset: str, deps: Any) -> tuple[Dependency, ...]:
    """What ``deps`` says: names, assets and sources, mappings with ``of=``, or a dict of these by argument."""
    if isinstance(deps, Mapping):
        listed = [_read_dependency(asset, argument, given) for argument, given in deps.items()]
    else:
        one_by_one = (deps,) if isinstance(deps, str | Asset | Source | KeyMapping) else tuple(deps)
        listed = [_read_dependency(asset, None, given) for given in one_by_one]
    found: dict[str, Dependency] = {}
    for each in listed:
        if found.setdefault(each.argument, each) != each:
            raise DeclarationError(
                f"asset {asset!r}: deps reads {each.argument!r} in two ways; give each a name, as in "
                "deps={'before': nbpart.previous(of=...), 'now': ...}."
            )
    return tuple(found.values())


def _read_dependency(asset: str, argument: object, given: Any) -> Dependency:
    mapping = given if isinstance(given, KeyMapping) else None
    name = mapping.of or argument if mapping is not None else name_of(given)
    if name is None:
        raise DeclarationError(f"asset {asset!r}: deps lists {mapping.kind}() of nothing: say of what, by of=.")  # type: ignore[union-attr]
    argument = name if argument is None else argument
    if not isinstance(argument, str) or not argument.isidentifier():
        raise DeclarationError(f"asset {asset!r}: deps names {argument!r}, which cannot be the name of an argument.")
    return Dependency(argument, str(name), None if mapping is None else replace(mapping, of=None))


def _check_numbers(start: str, options: Mapping[str, Any]) -> None:
    """Raise `DeclarationError`, whose sentence begins with ``start``, for a number that cannot be."""
    given = {name: value for name, value in options.items() if value is not None}
    if "retries" in given:
        check_count(f"{start}retries", given["retries"], most=MOST_RETRIES)
    if "limit" in given:
        check_count(f"{start}limit", given["limit"], least=1)
    for name in ("backoff_s", "timeout_s"):
        if name in given:
            check_seconds(f"{start}{name}", given[name], above_zero=name == "timeout_s")


def _check_variables(asset: str, env: Mapping[str, Any]) -> dict[str, str]:
    """The variables of an asset's ``env`` as texts. Raises `DeclarationError` for an invalid name or value."""
    checked = {}
    for name, value in env.items():
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            raise DeclarationError(f"asset {asset!r}: env names {name!r}; a variable has letters, digits and _ only.")
        if name.startswith(_OWN_VARIABLES):
            raise DeclarationError(f"asset {asset!r}: env sets {name!r}, by which runs are known; leave it out.")
        if isinstance(value, bool) or not isinstance(value, str | int | float) or "\0" in str(value):
            raise DeclarationError(f"asset {asset!r}: env[{name!r}] is text or a number, not {value!r:.60}.")
        checked[name] = str(value)
    return checked


def _name_of_file(file: Path) -> str:
    """The name of a notebook's file without suffix, changed where that cannot be the name of an asset."""
    name = file.stem.replace("-", "_").replace(" ", "_")
    try:
        return check_name(name, "asset")
    except DeclarationError:
        return make_name(file.stem, "notebook")


def find_collision(names: Sequence[str], known: Mapping[str, str]) -> tuple[str, str] | None:
    """The first of ``names`` that differs from a known one (by its lower-case form) only in case."""
    return next(((n, known[n.lower()]) for n in names if known.get(n.lower(), n) != n), None)
