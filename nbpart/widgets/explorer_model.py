"""What the explorer's panel shows and understands: plain records and functions, no browser and no catalog."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

from nbpart.catalog import SetRecord
from nbpart.errors import NbpartError, ParameterError
from nbpart.partitions import REQUIRED, Kind, Parameter, Parameters
from nbpart.states import STATUS_CODES, PartitionStatus
from nbpart.widgets import payloads
from nbpart.widgets.actions import MaterializationDetails, PartitionDetails, PlanSummary, RunDetails
from nbpart.widgets.clipping import clip_value
from nbpart.widgets.heatmap_model import Selection
from nbpart.widgets.schema import BadRequest
from nbpart.widgets.values import to_exact_json

Counts = tuple[int, ...]
NO_COUNTS: Counts = (0,) * len(STATUS_CODES)
#: Longer selections cannot be planned key by key; a whole set can.
MAX_KEYS = 100_000
MAX_ADDED = 1_000_000
_NAMED = 20
_HEAD_ROWS = 12
_LONGEST_TRACEBACK = 20_000
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_RANGE = re.compile(r"(?P<first>.+?)\.\.(?P<last>.+?)(?::(?P<step>.+))?")
_MAX_ON_AXIS = 10_000

#: Which partitions of what is selected a person can run, with the words for it.
STATUS_CHOICES: Mapping[str, str] = {
    "outdated": "missing, stale or failed",
    **{str(s): f"{s} only" for s in (PartitionStatus.FAILED, PartitionStatus.MISSING, PartitionStatus.STALE)},
    "all": "all, also what is up to date",
}

ChosenKind = Literal["all", "assets", "partitions", "partition"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is selected; ``number`` tells one selection from another.

    ``assets`` is empty for all. ``keys`` is None for every key of the set, or where they are more than are named.
    ``n`` counts keys, ``counts`` partitions by status code.
    """

    number: int = 0
    kind: ChosenKind = "all"
    assets: tuple[str, ...] = ()
    set_name: str = ""
    keys: tuple[str, ...] | None = None
    n: int = 0
    whole: bool = False
    counts: Counts = NO_COUNTS

    @property
    def key(self) -> str | None:
        """The key of the one partition."""
        return self.keys[0] if self.keys else None

    @property
    def title(self) -> str:
        if self.kind == "all":
            return "All assets"
        of = ", ".join(self.assets[:3]) + (f" and {len(self.assets) - 3} more" if len(self.assets) > 3 else "")
        if self.kind == "partitions":
            return f"{self.n:,} key{'' if self.n == 1 else 's'} of {of}"
        return of

    def to_json(self) -> payloads.ChosenJson:
        return {
            "number": self.number,
            "kind": self.kind,
            "title": self.title,
            "set": self.set_name,
            "key": self.key if self.kind == "partition" else None,
            "keys": list(self.keys[:_NAMED]) if self.keys else [],
            "n": self.n,
            "counts": list(self.counts),
        }


@dataclass(frozen=True, slots=True)
class AssetBrief:
    """An asset or source as the panel has to know it."""

    asset_id: int
    name: str
    kind: str
    set_name: str


@dataclass(frozen=True, slots=True)
class SetForm:
    """A set of dynamic partitions that keys can be added to."""

    name: str
    parameters: Parameters | None = None

    def to_json(self) -> payloads.SetJson:
        fields = [] if self.parameters is None else [_field_json(p) for p in self.parameters]
        return {"name": self.name, "params": fields}


def set_forms(sets: Iterable[SetRecord]) -> tuple[SetForm, ...]:
    return tuple(
        SetForm(s.name, Parameters.from_json(s.params) if s.params else None) for s in sets if s.kind == "dynamic"
    )


def choose_assets(names: Sequence[str], assets: Iterable[AssetBrief]) -> Chosen:
    """What the selected cards mean: one asset without partitions is a partition of its own."""
    if not names:
        return Chosen()
    chosen = [asset for asset in assets if asset.name in names]
    sets = {asset.set_name for asset in chosen}
    single = len(chosen) == 1 and not chosen[0].set_name
    return Chosen(
        kind="partition" if single else "assets",
        assets=tuple(asset.name for asset in chosen),
        set_name=sets.pop() if len(sets) == 1 else "",
        whole=True,
    )


def choose_partitions(selection: Selection, *, whole: bool) -> Chosen:
    """What a selection in the heatmap means; ``whole`` says that it has every key of the set."""
    n = sum(stop - start for start, stop in selection.ranges)
    if not selection.set_name:
        kind: ChosenKind = "partition" if len(selection.assets) == 1 else "assets"
        return Chosen(kind=kind, assets=selection.assets, n=n, whole=True)
    kind = "partition" if n == 1 and len(selection.assets) == 1 else "partitions"
    return Chosen(
        kind=kind, assets=selection.assets, set_name=selection.set_name, keys=selection.keys, n=n,
        whole=whole and kind != "partition",
    )  # fmt: skip


def selection_terms(chosen: Chosen, *, inputs: bool, readers: bool) -> list[str]:
    """The terms of `Workspace.plan` for what is selected, with all that it reads and all that reads it."""
    if not chosen.assets:
        return ["*"]
    return [f"{'+' if inputs else ''}{name}{'+' if readers else ''}" for name in chosen.assets]


# what a person types


def read_keys(text: str) -> list[str]:
    """The keys of a text with one a line. Raises `BadRequest` where there are none or too many."""
    keys = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if not keys:
        raise BadRequest("Type a key, or several with one a line.")
    if len(keys) > MAX_KEYS:
        raise BadRequest(f"At most {MAX_KEYS:,} keys at a time.")
    return keys


def read_axes(parameters: Parameters, texts: Mapping[str, str]) -> dict[str, list[Any]]:
    """The values of each parameter as they were typed: ``3``, ``3, 5``, ``1..10``, ``0..1:0.25``.

    An empty text leaves a parameter to its default. Dates and times come back as ISO text. Raises `BadRequest` or
    `ParameterError` with the parameter's name.
    """
    if unknown := sorted(set(texts) - set(parameters.names)):
        raise BadRequest(f"There is no parameter {unknown[0][:80]!r}.")
    axes = {}
    for parameter in parameters:
        text = texts.get(parameter.name, "").strip()
        if text:
            axes[parameter.name] = [_plain(value) for value in _read_axis(parameter, text)]
        elif parameter.default is REQUIRED:
            raise BadRequest(f"{parameter.name}: a value is needed ({parameter.takes}).")
    if math.prod(map(len, axes.values())) > MAX_ADDED:
        raise BadRequest(f"These are more than {MAX_ADDED:,} keys: add fewer at a time.")
    return axes


def measure_grid(parameters: Parameters, axes: Mapping[str, Sequence[Any]]) -> tuple[int, str]:
    """How many keys the axes make, and the first of them."""
    first = parameters.spell({name: values[0] for name, values in axes.items()})
    return math.prod(map(len, axes.values())), first


def _read_axis(parameter: Parameter, text: str) -> list[Any]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    values = itertools.chain.from_iterable(_read_part(parameter, part) for part in parts)
    found = list(dict.fromkeys(itertools.islice(values, _MAX_ON_AXIS + 1)))
    if len(found) > _MAX_ON_AXIS:
        raise BadRequest(f"{parameter.name}: at most {_MAX_ON_AXIS:,} values.")
    return found


def _read_part(parameter: Parameter, text: str) -> Iterable[Any]:
    found = _RANGE.fullmatch(text)
    if found is None or parameter.choices or parameter.kind in (Kind.STR, Kind.BOOL):
        return [_read_value(parameter, text)]
    first, last = (_read_value(parameter, found[name].strip()) for name in ("first", "last"))
    if first is None or last is None:
        raise BadRequest(f"{parameter.name}: {text[:80]!r} is no range.")
    try:
        return list(itertools.islice(_steps(parameter.kind, first, last, found["step"]), _MAX_ON_AXIS + 1))
    except (ValueError, OverflowError):
        raise BadRequest(f"{parameter.name}: {text[:80]!r} is no range; write 1..10 or 0..1:0.25.") from None


def _read_value(parameter: Parameter, text: str) -> Any:
    try:
        # a text is what it is; everything else is as a key spells it
        if parameter.kind is Kind.STR and not (parameter.optional and text == "null"):
            return parameter.canonical(text)
        return parameter.parse(text)
    except ParameterError:
        raise
    except NbpartError as error:
        raise BadRequest(f"{parameter.name}: {error}") from None


def _steps(kind: Kind, first: Any, last: Any, step: str | None) -> Iterable[Any]:
    """From first to last, both included."""
    if kind in (Kind.DATE, Kind.DATETIME):
        days = timedelta(days=float(step or 1))
        if days <= timedelta() or (kind is Kind.DATE and days % timedelta(days=1)):
            raise ValueError
        return itertools.takewhile(lambda at: at <= last, (first + days * n for n in itertools.count()))
    by = float(step or 1)
    if not by > 0 or not all(map(math.isfinite, (first, last, by))):
        raise ValueError
    n = math.floor((last - first) / by + 1e-9) + 1
    if kind is Kind.INT:
        if not by.is_integer():
            raise ValueError
        return range(first, last + 1, int(by))
    # rounded: 0.1 + 0.2 is not 0.3
    return (round(first + by * i, 12) for i in range(n))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value


# what goes to a page


@dataclass(frozen=True, slots=True)
class PanelModel:
    """All that the panel draws.

    ``opened`` is the run that is shown as it was; ``run`` that one, or the current. ``seen_at`` is when somebody last
    looked for edited code, in ISO format.
    """

    chosen: Chosen = field(default_factory=Chosen)
    assets: tuple[AssetBrief, ...] = ()
    sets: tuple[SetForm, ...] = ()
    partition: PartitionDetails | None = None
    run: RunDetails | None = None
    opened: str | None = None
    loading: bool = False
    trouble: str = ""
    backfills: tuple[payloads.BackfillJson, ...] = ()
    seen_at: str | None = None

    def choose(self, chosen: Chosen) -> PanelModel:
        """The same with another selection, of which nothing is read yet."""
        return replace(
            self, chosen=replace(chosen, number=self.chosen.number + 1), partition=None, run=None, opened=None,
            loading=chosen.kind == "partition", trouble="",
        )  # fmt: skip

    def to_json(self) -> payloads.PanelJson:
        """As a page takes it."""
        return {
            "chosen": self.chosen.to_json(),
            "assets": len(self.assets),
            "sets": [form.to_json() for form in self.sets],
            "partition": None if self.partition is None else partition_json(self.partition),
            "run": None if self.run is None else run_json(self.run),
            "opened": self.opened,
            "loading": self.loading,
            "trouble": self.trouble,
            "backfills": list(self.backfills),
            "seen_at": self.seen_at,
        }


def partition_json(shown: PartitionDetails) -> payloads.PartitionJson:
    return {
        "status": shown.status,
        "reason": shown.reason,
        "blocked": clean(shown.blocked)[:2_000],
        "params": [(name, str(_plain(value))) for name, value in shown.params.items()],
        "made": None if shown.materialization is None else made_json(shown.materialization),
        "runs": [
            {
                "id": run.run_id, "status": run.status, "attempt": run.attempt, "started_at": run.started_at,
                "duration_s": run.duration_s, "error": clean(run.error or "")[:300],
            }
            for run in shown.runs
        ],
        "run": shown.run_id,
        "code": shown.code,
    }  # fmt: skip


def run_json(run: RunDetails) -> payloads.RunJson:
    return {
        "id": run.run_id,
        "status": run.status,
        "live": run.is_live,
        "attempt": run.attempt,
        "started_at": run.started_at,
        "duration_s": run.duration_s,
        "error": clean(run.error or "")[:2_000],
        "traceback": clean(run.traceback)[-_LONGEST_TRACEBACK:],
        "notebook": run.notebook,
        "log": run.has_log,
        "made": None if run.materialization is None else made_json(run.materialization),
        "code": run.code,
    }


def made_json(made: MaterializationDetails) -> payloads.MadeJson:
    return {
        "at": made.materialized_at,
        "run": made.run_id,
        "duration_s": made.duration_s,
        "rows": made.rows,
        "bytes": made.bytes,
        "files": [_file_json(file) for file in made.files],
        "metrics": [(name, clip_value(to_exact_json(value))) for name, value in made.metrics.items()],
    }


def _file_json(file: Mapping[str, Any]) -> payloads.FileJson:
    return {"name": file["name"], "format": file["format"], "path": file["path"], "bytes": file["bytes"]}


def plan_json(plan: PlanSummary) -> payloads.PlanJson:
    return {
        "steps": plan.steps,
        "head": list(plan.head[:_HEAD_ROWS]),
    }


def tell_plan(plan: PlanSummary) -> str:
    """14 steps: 12 missing, 2 failed"""
    reasons = ", ".join(f"{n:,} {reason}" for reason, n in plan.reasons.items())
    told = f"{plan.steps:,} step{'' if plan.steps == 1 else 's'}: {reasons}"
    if not plan.steps:
        told = "Nothing to do: everything chosen is up to date."
    told = "; ".join([*plan.notes, told])
    return f"{told.rstrip('.')}. {plan.notice[0].upper()}{plan.notice[1:]}" if plan.notice else told


def clean(text: str) -> str:
    """The text without colours and other orders to a terminal."""
    return _ESCAPES.sub("", text)


def sum_counts(counts: Iterable[Counts]) -> Counts:
    return tuple(map(sum, zip(NO_COUNTS, *counts, strict=True)))


def count_text(counts: Counts) -> str:
    names = {code: status for status, code in STATUS_CODES.items()}
    order = [STATUS_CODES[status] for status in PartitionStatus]
    return ", ".join(f"{counts[code]:,} {names[code]}" for code in order if counts[code])


def _field_json(parameter: Parameter) -> payloads.FieldJson:
    default = "" if parameter.default is REQUIRED else str(_plain(parameter.default))
    return {
        "name": parameter.name,
        "kind": parameter.kind.value,
        "takes": parameter.takes,
        "choices": [str(_plain(choice)) for choice in parameter.choices],
        "default": default,
        "required": parameter.default is REQUIRED,
    }
