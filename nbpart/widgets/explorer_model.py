"""What the explorer's panel shows, as plain records: what is selected, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from nbpart.assets.definition import AssetDefinition
from nbpart.catalog import AssetRecord, SetRecord
from nbpart.partitions import ColumnSource, DynamicPartitions, Parameters, PartitionsDefinition
from nbpart.partitions.names import UNNAMED, UNNAMED_PRODUCT
from nbpart.states import PartitionStatus
from nbpart.widgets import payloads
from nbpart.widgets.actions import PartitionDetails, RunDetails
from nbpart.widgets.counts import NO_COUNTS, Counts
from nbpart.widgets.explorer_json import parameter_json, partition_json, run_json
from nbpart.widgets.heatmap_model import Selection
from nbpart.widgets.key_origins import describe_origin
from nbpart.widgets.trigger_actions import TriggersSummary
from nbpart.widgets.trigger_json import triggers_json

_MAX_NAMED = 20

#: Which of the selected partitions a backfill runs, and how the form words it.
STATUS_CHOICES: Mapping[str, str] = {
    "outdated": "missing, stale or failed",
    **{str(s): f"{s} only" for s in (PartitionStatus.FAILED, PartitionStatus.MISSING, PartitionStatus.STALE)},
    "all": "all, also what is up to date",
}

SelectionKind = Literal["all", "assets", "partitions", "partition"]


@dataclass(frozen=True, slots=True)
class PanelSelection:
    """What is selected in the graph or the heatmap.

    ``number`` grows with every selection. ``assets`` is empty if everything is selected. ``keys`` is None if all keys
    of the set ``set_name`` are selected, or too many to be listed; ``has_all_keys`` distinguishes the two. ``n_keys``
    is the number of keys, ``counts`` the number of partitions by status code.
    """

    number: int = 0
    kind: SelectionKind = "all"
    assets: tuple[str, ...] = ()
    set_name: str = ""
    keys: tuple[str, ...] | None = None
    n_keys: int = 0
    has_all_keys: bool = False
    counts: Counts = NO_COUNTS

    @property
    def key(self) -> str | None:
        """The first of its keys; None where none is listed."""
        return self.keys[0] if self.keys else None

    @property
    def title(self) -> str:
        """It in a few words, such as "7 keys of clean"."""
        if self.kind == "all":
            return "All assets"
        of = ", ".join(self.assets[:3]) + (f" and {len(self.assets) - 3} more" if len(self.assets) > 3 else "")
        if self.kind == "partitions":
            return f"{self.n_keys:,} key{'' if self.n_keys == 1 else 's'} of {of}"
        return of

    def to_json(self) -> payloads.PanelSelectionJson:
        """Return it as it is sent to pages."""
        return {
            "number": self.number,
            "kind": self.kind,
            "title": self.title,
            "set": self.set_name,
            "key": self.key if self.kind == "partition" else None,
            "keys": list(self.keys[:_MAX_NAMED]) if self.keys else [],
            "n_keys": self.n_keys,
            "counts": list(self.counts),
        }


@dataclass(frozen=True, slots=True)
class AssetSummary:
    """What the panel needs of an asset or source.

    ``set_name`` is the set of its partitions, or "", ``inputs`` the names of what it reads.
    """

    asset_id: int
    name: str
    kind: str
    set_name: str
    inputs: tuple[str, ...] = ()


def summarize_asset(asset: AssetRecord) -> AssetSummary:
    """What the panel needs of a recorded asset."""
    inputs = tuple(read.name for read in AssetDefinition.from_json(asset.definition).inputs)
    return AssetSummary(asset.asset_id, asset.name, asset.kind, asset.set_name, inputs)


@dataclass(frozen=True, slots=True)
class SetForm:
    """A set of partitions, with what a form needs that adds keys to it.

    ``parameters`` None means that a key is any text; below a parent it is then the own part of a child, called ``own``.
    ``parent_column`` and ``parent_set`` are where children stand, or "". ``attributes`` are the columns that can be
    given. A set that makes its keys itself has no form, only ``origin``, a sentence about where they come from.
    """

    name: str
    origin: str = ""
    is_editable: bool = True
    parameters: Parameters | None = None
    attributes: Parameters | None = None
    parent_column: str = ""
    parent_set: str = ""
    own: str = ""

    def to_json(self) -> payloads.SetFormJson:
        """Return it as it is sent to pages."""
        return {
            "name": self.name,
            "origin": self.origin,
            "is_editable": self.is_editable,
            "params": [parameter_json(p) for p in self.parameters or ()],
            "columns": [parameter_json(p) for p in self.attributes or ()],
            "parent": {"column": self.parent_column, "set": self.parent_set} if self.parent_column else None,
            "own": self.own,
        }


def list_set_forms(sets: Iterable[SetRecord]) -> tuple[SetForm, ...]:
    """A form for each set that has a name, those to which keys can be added first."""
    forms = [
        _make_form(s.definition)
        for s in sets
        if s.definition is not None and not s.name.startswith((UNNAMED, UNNAMED_PRODUCT))
    ]
    return tuple(sorted(forms, key=lambda form: not form.is_editable))


def _make_form(definition: PartitionsDefinition) -> SetForm:
    origin = describe_origin(definition)
    if not isinstance(definition, DynamicPartitions):
        return SetForm(definition.set_name, origin, is_editable=False)
    own = next((c.name for c in definition.columns if c.source is ColumnSource.KEY), "")
    parent = definition.parent.set_name if definition.parent is not None else ""
    return SetForm(
        definition.name, origin, parameters=definition.parameters, attributes=definition.attributes,
        parent_column=definition.parent_column or "", parent_set=parent, own=own,
    )  # fmt: skip


def select_assets(names: Sequence[str], assets: Iterable[AssetSummary]) -> PanelSelection:
    """Return the selection of whole assets by name; one without partitions counts as a single partition."""
    if not names:
        return PanelSelection()
    selected = [asset for asset in assets if asset.name in names]
    sets = {asset.set_name for asset in selected}
    is_single = len(selected) == 1 and not selected[0].set_name
    return PanelSelection(
        kind="partition" if is_single else "assets",
        assets=tuple(asset.name for asset in selected),
        set_name=sets.pop() if len(sets) == 1 else "",
        has_all_keys=True,
    )


def select_key(asset: AssetSummary, key: str) -> PanelSelection:
    """Return the selection of one partition of an asset or source."""
    return PanelSelection(kind="partition", assets=(asset.name,), set_name=asset.set_name, keys=(key,), n_keys=1)


def select_partitions(selection: Selection, *, has_all_keys: bool) -> PanelSelection:
    """Return what a selection in the heatmap selects; ``has_all_keys`` says that it has every key of its set."""
    n = sum(stop - start for start, stop in selection.ranges)
    if not selection.set_name:
        kind: SelectionKind = "partition" if len(selection.assets) == 1 else "assets"
        return PanelSelection(kind=kind, assets=selection.assets, n_keys=n, has_all_keys=True)
    kind = "partition" if n == 1 and len(selection.assets) == 1 else "partitions"
    return PanelSelection(
        kind=kind, assets=selection.assets, set_name=selection.set_name, keys=selection.keys, n_keys=n,
        has_all_keys=has_all_keys and kind != "partition",
    )  # fmt: skip


def plan_terms(selection: PanelSelection, *, inputs: bool, readers: bool) -> list[str]:
    """Return the terms of `Workspace.plan` for the selected assets, such as ["+clean+"].

    ``inputs`` adds everything that they read, ``readers`` everything that reads them.
    """
    if not selection.assets:
        return ["*"]
    return [f"{'+' if inputs else ''}{name}{'+' if readers else ''}" for name in selection.assets]


@dataclass(frozen=True, slots=True)
class PanelModel:
    """All that the panel draws.

    ``partition`` and ``run`` are None until they were read. ``opened_run_id`` is the run whose results a person wants
    to see; ``run`` is that one, or else the run that the partition's status comes from. ``error`` is a sentence, or "".
    ``code_checked_at`` is when any process last looked for edited code, in ISO format.
    """

    selection: PanelSelection = field(default_factory=PanelSelection)
    assets: tuple[AssetSummary, ...] = ()
    sets: tuple[SetForm, ...] = ()
    partition: PartitionDetails | None = None
    run: RunDetails | None = None
    opened_run_id: str | None = None
    loading: bool = False
    error: str = ""
    backfills: tuple[payloads.BackfillJson, ...] = ()
    code_checked_at: str | None = None
    triggers: TriggersSummary = field(default_factory=TriggersSummary)

    def with_selection(self, selection: PanelSelection) -> PanelModel:
        """Return the model with another selection, which gets the next number and of which nothing was read yet."""
        return replace(
            self, selection=replace(selection, number=self.selection.number + 1), partition=None, run=None,
            opened_run_id=None, loading=selection.kind == "partition", error="",
        )  # fmt: skip

    def list_read(self) -> set[int]:
        """The ids of the selected assets and of all above them, on whose partitions the reason of a status depends."""
        by_name = {asset.name: asset for asset in self.assets}
        found: set[int] = set()
        left = list(self.selection.assets)
        while left:
            asset = by_name.get(left.pop())
            if asset is not None and asset.asset_id not in found:
                found.add(asset.asset_id)
                left += asset.inputs
        return found

    def to_json(self) -> payloads.PanelJson:
        """Return it as it is sent to pages."""
        return {
            "selection": self.selection.to_json(),
            "assets": len(self.assets),
            "sets": [each.to_json() for each in self.sets],
            "partition": None if self.partition is None else partition_json(self.partition),
            "run": None if self.run is None else run_json(self.run),
            "opened_run_id": self.opened_run_id,
            "loading": self.loading,
            "error": self.error,
            "backfills": list(self.backfills),
            "code_checked_at": self.code_checked_at,
            "triggers": triggers_json(self.triggers),
        }
