"""How a source is looked at and read: what its definition holds beside its path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nbpart.errors import DeclarationError, MissingInputError

#: The ``version`` of a source that is a value of a notebook, saved in the workspace.
VALUE = "value"
#: The ``version`` of a source that is no file: a function says what there is.
FUNCTION = "function"
#: How a recorded option names a variable of the environment, and how it says that only one process knows it.
_VARIABLE, _OF_PROCESS = "$env", "$process"


@dataclass(frozen=True)
class EnvironmentVariable:
    """A storage option whose value is that of a variable of the environment, wherever it is needed."""

    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or "=" in self.name or "\0" in self.name:
            raise DeclarationError(f"{self.name!r} is no name of a variable of the environment.")


def env(name: str) -> EnvironmentVariable:
    """A variable of the environment in place of a value: ``storage_options={"key": nbpart.env("MY_KEY")}``.

    Its value is read where it is needed, and recorded nowhere.
    """
    return EnvironmentVariable(name)


@dataclass(frozen=True)
class FunctionCode:
    """A function by its module and the folder that this is found in, or by the source that defines it again.

    ``call`` is its name, ``folder`` the one in which it was declared, ``version`` that of its code.
    """

    call: str
    folder: str
    version: str
    source: str = ""
    module: str = ""
    root: str = ""

    def with_paths(self, change: Callable[[str], str]) -> FunctionCode:
        """The same with each path changed."""
        return replace(self, folder=change(self.folder), root=change(self.root) if self.root else "")


@dataclass(frozen=True)
class SourceReading:
    """``version`` says by what a file is taken to be another one: ``"hash"``, ``"etag"`` or ``"size+mtime"``,
    or that it is a `VALUE`, or what the `FUNCTION` ``ask`` says; ``load`` reads one key of such a source.

    ``storage_options`` are the options of its file system as `record_options` gives them.
    """

    version: str = "hash"
    storage_options: Mapping[str, Any] = field(default_factory=dict)
    ask: FunctionCode | None = None
    load: FunctionCode | None = None

    def with_paths(self, change: Callable[[str], str]) -> SourceReading:
        """The same with each path of its functions changed."""
        return replace(
            self, ask=self.ask and self.ask.with_paths(change), load=self.load and self.load.with_paths(change)
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SourceReading:
        """Read what `dataclasses.asdict` made; fields that a newer version added are ignored."""
        known = {name: value for name, value in data.items() if name in cls.__dataclass_fields__}
        functions = {name: FunctionCode(**known[name]) for name in ("ask", "load") if known.get(name)}
        return cls(**{**known, **functions})


def record_options(options: Any, place: str = "storage_options") -> dict[str, Any]:
    """Storage options as they are recorded: variables by name, truth values, and of others only that they are there.

    Raises `DeclarationError` for what cannot be handed to a run.
    """
    if not isinstance(options, Mapping) or not all(isinstance(name, str) and name[:1] != "$" for name in options):
        raise DeclarationError(f"{place} is a dict of options by name, as {{'key': nbpart.env('MY_KEY')}}.")
    return {name: _record(value, f"{place}[{name!r}]") for name, value in options.items()}


def resolve_options(
    source: str, recorded: Mapping[str, Any], given: Mapping[str, Any], environment: Mapping[str, str]
) -> dict[str, Any]:
    """Recorded options with their values: ``given`` are those of this process, by name.

    Raises `MissingInputError` that names the source and what is lacking.
    """
    return {name: _resolve(source, name, value, given.get(name), environment) for name, value in recorded.items()}


def _record(value: Any, place: str) -> Any:
    if isinstance(value, EnvironmentVariable):
        return {_VARIABLE: value.name}
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return record_options(value, place)
    if isinstance(value, str | int | float):
        return {_OF_PROCESS: True}
    # the value is not shown: it may be a secret
    raise DeclarationError(
        f"{place} is a {type(value).__name__}, which cannot be handed to a run; give text, a number, a dict of them, "
        "or nbpart.env('NAME')."
    )


def _resolve(source: str, name: str, value: Any, given: Any, environment: Mapping[str, str]) -> Any:
    if not isinstance(value, Mapping):
        return value
    if _VARIABLE in value:
        if value[_VARIABLE] not in environment:
            raise MissingInputError(
                f"source {source!r} needs the environment variable {value[_VARIABLE]}, which is not set here; set it "
                "before this process starts."
            )
        return environment[value[_VARIABLE]]
    if _OF_PROCESS in value:
        if given is None:
            raise MissingInputError(
                f"source {source!r} has the storage option {name!r}, whose value only the process that declared it "
                "knows; declare it here too, or give it there as nbpart.env('NAME')."
            )
        return given
    inner = given if isinstance(given, Mapping) else {}
    return resolve_options(source, value, inner, environment)
