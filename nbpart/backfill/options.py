"""The options of a backfill: name, default, limits and check of each, which all faces and the catalog share."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from nbpart.assets.definition import AssetDefinition
from nbpart.assets.numbers import MOST_RETRIES, check_count, check_seconds
from nbpart.errors import DeclarationError, ParameterError, nearest
from nbpart.partitions import to_plain
from nbpart.partitions.order import read_order
from nbpart.run.pruners import Pruner, give_direction, pruner_from_json, pruner_to_json
from nbpart.run.secrets import check_secret
from nbpart.run.spec import decode_value, encode_value

if TYPE_CHECKING:
    from nbpart.assets.definition import AssetDefinition

PER_PARTITION, SINGLE_RUN = "per_partition", "single_run"
_OPTION = "option"
OptionKind = Literal["count", "seconds", "choice", "counts", "order", "settings", "pruner"]


@dataclass(frozen=True)
class Option:
    """One option of a backfill, as every face offers it.

    ``kind``: ``count`` is a whole number, ``seconds`` a number, ``choice`` one of ``choices``, ``order`` a text that
    `read_order` takes, ``pruner`` one of `nbpart.run.pruners`, ``counts`` maps names to whole numbers, ``settings``
    names to values. ``least`` and ``most`` bound a number, or each of a mapping (None: no bound); ``least`` itself is
    refused where ``is_above_least``. Where the ``default`` is None, None can be given too.
    ``help`` is a sentence for a person; a form shows ``label``, and ``placeholder`` while nothing is typed.
    """

    kind: OptionKind
    help: str
    default: Any
    name: str = ""
    label: str = ""
    placeholder: str = ""
    least: int | None = None
    most: int | None = None
    is_above_least: bool = False
    choices: tuple[str, ...] = ()

    def check(self, value: Any) -> Any:
        """Return the value if the option can have it. Raises `DeclarationError`, with one sentence in all faces."""
        if value is None and self.default is None:
            return None
        if self.kind in ("counts", "settings") and not isinstance(value, Mapping):
            # the value may be a secret
            raise DeclarationError(f"{self.name} maps names to values; what was given is a {type(value).__name__}.")
        if self.kind == "choice" and value not in self.choices:
            raise DeclarationError(f"{self.name} is {' or '.join(map(repr, self.choices))}, not {value!r}.")
        if self.kind == "order":
            read_order(value)
        if self.kind == "pruner" and not isinstance(value, Pruner):
            raise DeclarationError(
                f"{self.name} is what nbpart.median_pruner or nbpart.successive_halving gives, not {value!r:.60}."
            )
        if self.kind == "count":
            check_count(self.name, value, self.least or 0, self.most)
        if self.kind == "seconds":
            check_seconds(self.name, value, above_zero=self.is_above_least)
        for name, number in value.items() if self.kind == "counts" else ():
            check_count(f"{self.name}[{name!r}]", number, self.least or 0, self.most)
        return value


def _offer(
    kind: OptionKind, help: str, default: Any, *, is_recorded: bool = True, is_shown: bool = True, **more: Any
) -> Any:
    """A field of `BackfillOptions` that faces offer; where nothing ``is_recorded`` for the default, it has none."""
    metadata = {_OPTION: Option(kind, help, default, **more)}
    if kind in ("counts", "settings"):
        return field(default_factory=dict, repr=is_shown, metadata=metadata)
    return field(default=default, metadata=metadata) if is_recorded else field(metadata=metadata)


@dataclass(frozen=True)
class BackfillOptions:
    """How a backfill runs, as it is recorded: `OPTIONS` has the meaning, the default and the limits of each field.

    No face offers ``preload``, the modules that pre-warmed kernels find imported already, ``tags``, names with values
    that a sensor's request gave, ``runs_fresh``: steps run also where their partitions are up to date when their
    turn comes, since somebody chose these as they are, and ``study``, what asks for more steps while it runs, as JSON.

    Raises `DeclarationError` for an option that cannot be, `ParameterError` for a setting that cannot reach a run.
    """

    max_workers: int = _offer(
        "count",
        "Notebooks at a time; else one for each core.",
        None,
        label="workers",
        placeholder="cores",
        least=1,
        most=1_000,
        is_recorded=False,  # the number of cores is
    )
    retries: int | None = _offer(
        "count",
        "More attempts for a run that failed; else those of its asset, or none.",
        None,
        label="retries",
        placeholder="asset",
        least=0,
        most=MOST_RETRIES,
    )
    settings: Mapping[str, Any] = _offer("settings", "Override a setting of the runs.", None)
    timeout_s: float | None = _offer(
        "seconds",
        "The longest that one run may take, in seconds; else as its asset says.",
        None,
        least=0,
        is_above_least=True,
    )
    backoff_s: float | None = _offer(
        "seconds",
        "Seconds to wait before the second attempt, twice as many before each that follows; else as its asset says, or "
        "1.",
        None,
        least=0,
    )
    limits: Mapping[str, int] = _offer(
        "counts", "At most N runs at a time of this asset, tag or group (tag:db=2).", None, least=1
    )
    keep_failed_kernels: int = _offer(
        "count", "Leave the kernels of the first N failed runs alive; nbpart kernels lists them.", 0, least=0
    )
    keep_kernels: int = _offer(
        "count", "Leave the kernels of the first N runs alive, also of those that succeeded.", 0, least=0
    )
    policy: str = _offer(
        "choice",
        "One run of an asset for all its keys, for what is faster in bulk.",
        PER_PARTITION,
        choices=(PER_PARTITION, SINGLE_RUN),
    )
    order: str | None = _offer(
        "order",
        "Which keys of an asset start first: oldest, in the order of their set; newest, the other way round; as_listed,"
        ' as keys were given; or by columns ("depth, lr desc").',
        None,
    )
    stop_after: int | None = _offer(
        "count",
        "End the backfill after so many failures with one error, raised at one place: the rest is not run.",
        None,
        label="stop after",
        placeholder="never",
        least=1,
    )
    pruner: Pruner | None = _offer(  # noqa: RUF009  a field
        "pruner",
        "End runs early that are worse than others, where they ask run.should_stop(): "
        "'median_pruner(\"loss\", warmup_steps=5)' or 'successive_halving(\"loss\")'.",
        None,
    )
    preload: tuple[str, ...] = ()
    runs_fresh: bool = False
    study: Mapping[str, Any] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Any] = _offer("settings", "Settings whose values are recorded nowhere.", None, is_shown=False)

    def __post_init__(self) -> None:
        for name, option in OPTIONS.items():
            option.check(getattr(self, name))
        check_count("max_workers", self.max_workers, 1)  # here it has to be a number
        object.__setattr__(self, "limits", dict(self.limits or {}))
        object.__setattr__(self, "settings", _plain_settings(self.settings or {}))
        object.__setattr__(self, "secrets", _plain_settings(self.secrets or {}, is_secret=True))
        for name, value in self.secrets.items():
            check_secret(name, value)
        object.__setattr__(self, "preload", tuple(self.preload))
        object.__setattr__(self, "tags", dict(self.tags))

    def count_kept_kernels(self, *, failed: bool) -> int:
        """So many kernels may be alive with that of a run that failed, or that succeeded."""
        return max(self.keep_failed_kernels, self.keep_kernels) if failed else self.keep_kernels

    def to_json(self) -> dict[str, Any]:
        """All but the values of secrets, of which only the names are kept."""
        options = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        plain = {
            "settings": encode_value(dict(self.settings)),
            "limits": dict(self.limits),
            "secrets": list(self.secrets),
            "pruner": pruner_to_json(self.pruner),
        }
        return (
            options
            | plain
            | {"pruner": pruner_to_json(self.pruner)}
            | {"preload": list(self.preload), "tags": dict(self.tags)}
        )

    @classmethod
    def from_json(cls, recorded: Mapping[str, Any], **changed: Any) -> BackfillOptions:
        """The options of a backfill as they were recorded, but for those that are given anew.

        Raises `DeclarationError` for an option that is none, and where a secret is not given again.
        """
        given = {"secrets": {}, **_check_given(changed)}
        if missing := [name for name in recorded.get("secrets", ()) if name not in given["secrets"]]:
            raise DeclarationError(
                f"the value of the secret setting {missing[0]!r} is recorded nowhere; give it again: "
                f"secrets={{{missing[0]!r}: ...}}, in a terminal --secret {missing[0]}."
            )
        decoded = {
            "settings": decode_value(recorded["settings"]),
            "pruner": pruner_from_json(recorded.get("pruner")),
        }
        return cls(**{**recorded, **decoded, **given})


#: What the faces offer, by name.
OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        f.name: dataclasses.replace(f.metadata[_OPTION], name=f.name)
        for f in dataclasses.fields(BackfillOptions)
        if _OPTION in f.metadata
    }
)


def _check_given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, each checked by itself; ``max_workers`` is a number from here on."""
    for name, value in options.items():
        if name not in OPTIONS:
            raise DeclarationError(f"a backfill has no option {name!r}; {nearest(name, OPTIONS)}")
        OPTIONS[name].check(value)
    resolved = {"max_workers": count_cores()} if options.get("max_workers", 1) is None else {}
    return {**options, **resolved}


def _plain_settings(settings: Mapping[str, Any], *, is_secret: bool = False) -> dict[str, Any]:
    """The settings as they are recorded and arrive in a run: what was given, what ran and what is shown are equal."""
    plain = {}
    for name, value in settings.items():
        try:
            plain[name] = to_plain(value)
            encode_value(plain[name])
        except (ValueError, RecursionError) as error:
            why = "it holds itself" if isinstance(error, RecursionError) else error
            if is_secret:  # the error shows the value
                why = "pass text, numbers, dates, or lists and dicts of them"
                raise ParameterError(f"the secret {name!r} holds what cannot be handed to a run; {why}.") from None
            raise ParameterError(f"the setting {name!r} cannot be handed to a run; {why}.") from error
    return plain


def make_options(
    selected: Iterable[AssetDefinition],
    *,
    preload: tuple[str, ...] = (),
    runs_fresh: bool = False,
    study: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    **given: Any,
) -> BackfillOptions:
    """The options of a backfill of the ``selected`` assets, whether or not anything of them has to run.

    ``given`` are options by name; ``settings`` among them may hold secrets too. Raises `DeclarationError` for an option
    that is none or cannot be, and for settings, secrets and limits of what is not selected.
    """
    options = _check_given({"max_workers": None, **given})
    selected = list(selected)
    hidden = hide_secrets(selected, options)
    _check_pruner(selected, options.get("pruner"))
    return BackfillOptions(**hidden, preload=preload, runs_fresh=runs_fresh, study=study, tags=tags or {})


def _check_pruner(selected: Iterable[AssetDefinition], pruner: Pruner | None) -> None:
    """Raise `DeclarationError` for a pruner of which nobody says which direction is better."""
    definitions = [one for one in selected if not one.is_source]
    if pruner is None or any(give_direction(pruner, one.metrics) for one in definitions):
        return
    known = {name for one in definitions for name in one.metrics}
    names = ", ".join(one.name for one in definitions[:5]) or "what is selected"
    raise DeclarationError(
        f"the pruner asks for {pruner.metric!r}, and metrics= of {names} does not say which way it is better; "
        f"{nearest(pruner.metric, known)} Declare metrics={{{pruner.metric!r}: 'min'}}, or give the pruner direction=."
    )


def hide_secrets(
    selected: Iterable[AssetDefinition], options: Mapping[str, Any], recorded: Iterable[str] = ()
) -> dict[str, Any]:
    """The options with all secrets taken out of ``settings`` and into ``secrets``.

    Secret is what the ``selected`` assets declare so, and the names ``recorded`` as secrets before.

    Raises `DeclarationError` for settings, secrets and limits of what is not selected.
    """
    definitions = [definition for definition in selected if not definition.is_source]
    secrets = options.get("secrets") or {}
    settings = {**(options.get("settings") or {}), **secrets}
    hidden = {*recorded, *(name for definition in definitions for name in definition.secrets)}
    _check_secrecy(definitions, settings, secrets, hidden)
    check_names(definitions, settings, options.get("limits") or {})
    divided = {
        "settings": {name: value for name, value in settings.items() if name not in hidden},
        "secrets": {name: value for name, value in settings.items() if name in hidden},
    }
    return {**options, **{name: values for name, values in divided.items() if name in options or values}}


def _check_secrecy(
    definitions: Iterable[AssetDefinition], given: Iterable[str], secrets: Iterable[str], hidden: Collection[str]
) -> None:
    for name in secrets:
        if name not in hidden:
            raise DeclarationError(
                f"secrets names {name!r}, which no selected asset declares as one; register it with secrets=[{name!r}]."
            )
    for definition in definitions:
        for name in given:
            if name in hidden and name in definition.settings and name not in definition.secrets:
                raise DeclarationError(
                    f"{name!r} is a secret of another asset and would be recorded with the runs of {definition.name}; "
                    f"register {definition.name} with secrets=[{name!r}] too, or rename one of the settings."
                )


def check_names(selected: Iterable[AssetDefinition], settings: Iterable[str] = (), limits: Iterable[str] = ()) -> None:
    """Raise `DeclarationError` for a setting or a limit of what is not among the ``selected`` assets."""
    definitions = list(selected)
    known = {name for definition in definitions for name in definition.settings}
    assets = [definition.name for definition in definitions]
    asset_names = ", ".join(assets[:5]) + (", ..." if len(assets) > 5 else "")
    for name in settings:
        if name not in known:
            raise DeclarationError(
                f"settings names {name!r}, which is no setting of {asset_names or 'what is selected'}; "
                f"{nearest(name, known)}"
            )
    limited = {*assets, *(label for definition in definitions for label in definition.labels)}
    for name in limits:
        if name not in limited:
            raise DeclarationError(
                f"limits names {name!r}, which is no asset that is selected nor the tag or group of one; "
                f"{nearest(name, limited)}"
            )


def count_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
