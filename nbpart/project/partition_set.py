"""A set of partitions of a workspace: its keys as they are now, and changing those that are added by hand."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbpart.catalog import Batch, Catalog, VerbEvent, events, queries
from nbpart.catalog.conditions import choose_keys_where
from nbpart.catalog.queries.chosen_keys import choose_keys, explain_unfound
from nbpart.catalog.set_tables import load_definition
from nbpart.errors import DeclarationError, NbpartError, ParameterError, UnknownNameError, nearest
from nbpart.partitions import (
    AddKeysRequest,
    DeleteKeysRequest,
    DynamicPartitions,
    Param,
    Parameters,
    PartitionsDefinition,
    name_partitions_in_errors,
    spell_keys,
)
from nbpart.partitions.choice import read_one_key
from nbpart.partitions.filters import Condition, read_condition
from nbpart.partitions.key_values import key_values
from nbpart.partitions.keys import drop_unprintable
from nbpart.partitions.samples import SampleMethod, read_sample
from nbpart.project.added_keys import ChooseKeys, add_keys, build_key_columns, find_parents
from nbpart.project.key_choices import list_choices
from nbpart.project.key_rows import KeyRows, own_values, read_rows
from nbpart.project.local_times import show_in_zones
from nbpart.project.membership import Membership
from nbpart.project.person import name_person
from nbpart.project.removal import record_removal, remove_keys
from nbpart.project.samples import add_sample
from nbpart.states import Verb

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

log = logging.getLogger("nbpart")

#: `replace` drops at most this share of the keys, or so many, without being told how many it may.
_DROPPED_SHARE, _DROPPED_FEW = 0.1, 9
#: So many rows of a set are displayed.
_MOST_SHOWN = 8
_HOW_THEY_COME = {
    "static": "they are a fixed list: declare it with other keys",
    "time_window": "they are windows of time, which come when they have ended",
    "product": "they are a product: add to its dimensions",
}


class PartitionSet:
    """The keys of one set of partitions, in their order.

    It can be iterated, has a length, ``key in`` it works, and so do ``[0]``, ``[-1]`` and ``[a:b]``; assets take it as
    their ``partitions``. Keys of dynamic partitions are added, removed and renamed here.
    """

    def __init__(self, catalog: Catalog, set_id: int, definition: PartitionsDefinition) -> None:
        self._catalog, self._set_id, self._definition = catalog, set_id, definition
        self._membership = Membership(catalog, set_id)
        self._read_at = -1  # the commit at which the definition was read

    @property
    def name(self) -> str:
        return self._definition.set_name

    @property
    def definition(self) -> PartitionsDefinition:
        """What is declared now, also where another cell or process has declared more parameters or other bounds."""
        known = self._definition
        if known.parameters is None and known.attributes is None:
            return known
        if (sequence := self._catalog.sequence()) != self._read_at:
            found = self._catalog.read(lambda batch: load_definition(batch, self._set_id))
            self._definition, self._read_at = found or known, sequence
        return self._definition

    @property
    def set_id(self) -> int:
        """Its number in the catalog."""
        return self._set_id

    @property
    def parameters(self) -> Parameters | None:
        return self.definition.parameters

    @property
    def params(self) -> dict[str, Param]:
        """The parameters that make its keys, as they can be declared again: ``{"lr": Param(float)}``."""
        return self.parameters.as_declared() if self.parameters else {}

    @property
    def frame(self) -> pd.DataFrame:
        """Its keys as a table: ``partition_key`` and all columns of the set, typed, in its order.

        Where keys are added, ``added_at`` and ``added_by`` say when each came last, and by whom or which trigger.
        """
        frame = self._catalog.read(lambda batch: queries.set_frame(batch, self._set_id))
        return show_in_zones(frame, self.definition)

    def head(self, n: int = 5) -> pd.DataFrame:
        """The first ``n`` rows of its `frame`; the others are not read."""
        frame = self._catalog.read(lambda batch: queries.set_frame(batch, self._set_id, n))
        return show_in_zones(frame, self.definition)

    def row(self, key: Any) -> dict[str, Any]:
        """The values of all columns of one key. Raises `UnknownNameError` if it is not in the set."""
        text = read_one_key(self.definition, key)
        row = self._catalog.read(lambda batch: queries.set_row(batch, self._set_id, text))
        if row is None:
            raise self._unknown(text)
        # what the key spells is exactly that: the catalog keeps times without their zone
        return {**row, **key_values(self.definition, text)}

    def choose(self, *keys: Any, **params: Any) -> list[str]:
        """The keys that are chosen, in the order of the set, each once: what ``keys=`` of a plan would take.

        Takes keys, dates, dicts of all or some parameters or dimensions, parts of dates (``"2013-01"``),
        `nbpart.between`, and lists of them; or parameters or dimensions by name. Raises for what chooses no key, and
        says why.
        """
        choices = self._list_choices(keys, params)

        def work(batch: Batch) -> list[str]:
            chosen = choose_keys(batch, self._set_id, choices)
            if len(chosen.unfound):
                raise explain_unfound(batch, self._set_id, choices[chosen.unfound[0]], repr(self.name))
            texts: list[str] = queries.key_texts(batch, chosen.key_ids).tolist()
            return texts

        return self._catalog.read(work)

    def where(self, condition: Any) -> pd.DataFrame:
        """Its `frame` with the rows for which a condition on key and columns is true: ``trials.where("lr < 0.1")``.

        Takes what ``where=`` of a plan takes. Raises `UnknownNameError` for a column that the set has not.
        """
        asked = read_condition(condition)
        frame = self._catalog.read(
            lambda batch: queries.set_frame(batch, self._set_id, key_ids=self._choose_where(batch, asked))
        )
        return show_in_zones(frame, self.definition)

    def _choose_where(self, batch: Batch, condition: Condition) -> NDArray[np.int64]:
        return choose_keys_where(batch, self._set_id, condition, repr(self.name))

    def page(self, offset: int = 0, limit: int = 100) -> list[str]:
        """At most ``limit`` keys from position ``offset`` on."""
        return self._catalog.read(lambda batch: queries.load_members(batch, self._set_id, offset, limit))

    def add(self, *keys: Any, **params: Any) -> list[str]:
        """Add keys and return the new ones among them, as text.

        Takes keys, dicts of parameters, lists of them, or the parameters of one key by name. Keys that are in the set
        already are no error. Raises `PartitionKeyError` or `ParameterError` and then adds nothing. Only in a list, as
        ``os.listdir`` returns it, names that are not UTF-8 or hold control characters are left out, with a warning.
        """
        definition = self._need_dynamic("add")
        if definition.parameters is None and definition.parent is None:
            keys = tuple(drop_unprintable(some) for some in keys)
        return self._add(self._spell(keys, params))

    def add_grid(self, **axes: Any) -> list[str]:
        """Add every combination of the given values, each a list or one value; returns the new keys among them."""
        definition = self._need_dynamic("add_grid")
        parameters = self._need_parameters("add_grid")
        if definition.parent_column is None:
            with name_partitions_in_errors(definition):
                return self._add([parameters.spell(values) for values in parameters.grid(axes)])
        parents = axes.pop(definition.parent_column, None)
        if parents is None:
            raise ParameterError(f"add_grid() of {self.name!r} needs {definition.parent_column}=: one or several.")
        listed = spell_keys(definition.parts[0][1], parents)
        with name_partitions_in_errors(definition):
            own = [parameters.spell(values) for values in parameters.grid(axes)]
            return self._add([definition.spell(parent, text) for parent in listed for text in own])

    def add_rows(self, rows: pd.DataFrame | Any, *, key: str | None = None) -> list[str]:
        """Add one key a row: a frame whose columns are the set's, or an iterable of dicts; returns the new ones.

        ``key`` names the column that holds the texts of keys, where parameters do not make them. A missing cell means
        None where the parameter is optional, else its default. Of keys that are there already the declared columns are
        set, and how many changed is logged. Raises `ParameterError` for a column that the set does not have, and for a
        wrong value, with the row; then nothing is added.
        """
        definition = self._need_dynamic("add_rows")
        with name_partitions_in_errors(definition):
            read = read_rows(definition, rows, key)
        return self._add(read.keys, read)

    def add_sample(
        self,
        n: int,
        *,
        sampler_seed: int | None = None,
        values: Mapping[str, Any] | None = None,
        method: SampleMethod = "random",
    ) -> list[str]:
        """Draw ``n`` points from the distributions of the parameters, and add them; returns the new keys.

        With ``sampler_seed`` these are the first ``n`` different points of that seed, as long as parameters, ``values``
        and ``method`` are the same: asked for again they are there already, and of more points the first stay. Without
        it they are ``n`` keys that were not there. ``values`` has what is not drawn: parameters without a distribution,
        others that shall have one value, and the parent. ``method`` is ``"random"``, or ``"sobol"`` or ``"halton"``,
        whose points are spread evenly and which need scipy. Raises `ParameterError`, also for more points than there
        are, and then adds nothing.
        """
        definition, parameters = self._need_dynamic("add_sample"), self._need_parameters("add_sample")
        with name_partitions_in_errors(definition):
            sample = read_sample(definition, parameters, values, method)
            return add_sample(self._catalog, self._set_id, sample, n, sampler_seed)

    def remove(
        self,
        *keys: Any,
        where: Any = None,
        delete_data: bool = False,
        reason: str = "",
        dry_run: bool = False,
        **params: Any,
    ) -> list[str]:
        """Remove keys from the set and return those that were in it. Their history, data and notebooks stay.

        Takes what `choose` takes, also the values of some parameters by name: all keys that have these. ``where`` is a
        condition on the columns of the set (``"batch = 'B0'"``). Keys that are not there are no error. ``reason``
        stands in the history of what was made of them. With ``dry_run`` nothing is changed.

        ``delete_data`` deletes what runs left of them, as when consent is withdrawn: data, notebooks, logs, metrics and
        error texts of the keys, their children and products in all assets. The numbers are logged, with what read them,
        which is stale, and with files that were adopted, which stay. Raises `DeclarationError` where a run of them or
        one that reads them has not ended.
        """
        self._need_dynamic("remove")
        choices = self._list_choices(keys, params) if keys or params or where is None else None
        done = remove_keys(
            self._catalog,
            self._set_id,
            self.definition,
            choices,
            where,
            delete_data=delete_data,
            reason=reason,
            dry_run=dry_run,
        )
        if delete_data:
            log.info("%s", done)
        return done.keys

    def replace(self, keys: Any, *, at_most: int | None = None, reason: str = "") -> None:
        """Make the keys of the set these, in this order; what is dropped keeps its history and data.

        ``reason`` stands in the history of what was made of keys that are dropped.

        Refuses to drop more than a tenth of the keys and at least ten, or all of them, unless ``at_most``, a number of
        keys, allows it: an empty listing is more often a mistake. Raises `ParameterError` then.
        """
        definition = self._need_dynamic("replace")
        if definition.parameters is None and definition.parent is None:
            keys = drop_unprintable(keys)
        texts = list(dict.fromkeys(spell_keys(definition, keys)))

        def work(batch: Batch) -> None:
            now = queries.load_members(batch, self._set_id)
            if dropped := self._check_dropped(now, set(texts), at_most):
                ids = queries.key_ids(batch, self._set_id, dropped)
                record_removal(batch, ids, VerbEvent(Verb.REMOVED, name_person(), reason))
            columns, parents = build_key_columns(definition, texts), find_parents(batch, definition, texts)
            events.replace_keys(batch, self._set_id, texts, columns, parents)

        self._catalog.write(work)

    def rename(self, old: Any, new: Any) -> None:
        """Give a key another text: it keeps history, facts and data, and keys that are made of it follow.

        Raises `UnknownNameError` for a key that is not in the set, `PartitionKeyError` for a text that another key has,
        or had before it was removed, if anything was recorded for it.
        """
        definition = self._need_dynamic("rename")
        before, after = read_one_key(definition, old), read_one_key(definition, new)
        if (
            definition.parent is not None
            and before in self
            and definition.split(before)[0] != definition.split(after)[0]
        ):
            raise ParameterError(f"{after!r} has another parent than {before!r}: a key keeps its parent.")

        def work(batch: Batch) -> None:
            events.rename_key(batch, self._set_id, before, after)
            spelled, columns = own_values(definition, after), build_key_columns(definition, [after])
            if spelled and columns is not None:
                events.set_columns(batch, self._set_id, [after], columns.select(list(spelled)))

        try:
            with name_partitions_in_errors(definition):
                self._catalog.write(work)
        except UnknownNameError:
            raise self._unknown(before) from None

    def spell(self, *keys: Any) -> list[str]:
        """The text of each key, given keys, dicts of parameters, or lists of them; they need not be in the set."""
        return self._spell(keys, {})

    def build_add_request(self, *keys: Any) -> AddKeysRequest:
        """A request to add keys, for a sensor to return."""
        return self._need_dynamic("build_add_request").build_add_request(*keys)

    def build_delete_request(self, *keys: Any) -> DeleteKeysRequest:
        """A request to remove keys, for a sensor to return."""
        return self._need_dynamic("build_delete_request").build_delete_request(*keys)

    def build_columns(self, keys: Sequence[str]) -> pa.Table | None:
        """The own columns of each key as the catalog takes them; None for a set without."""
        return build_key_columns(self.definition, keys)

    def __contains__(self, key: object) -> bool:
        try:
            texts = self.spell(key)
        except NbpartError:  # not a valid key
            return False
        return bool(texts) and self._membership.contains_all(texts)

    def __len__(self) -> int:
        return self._catalog.read(lambda batch: queries.count_members(batch, self._set_id))

    def __iter__(self) -> Iterator[str]:
        # all at once: keys that are added or removed during the iteration must not shift it
        return iter(self._catalog.read(lambda batch: queries.load_members(batch, self._set_id)))

    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            first, last, step = place.indices(len(self))
            return self.page(first, last - first)[::step] if step > 0 and first < last else list(self)[place]
        n = place + len(self) if place < 0 else place
        found = self.page(n, 1) if n >= 0 else []
        if not found:
            raise IndexError(f"partitions {self.name!r} have no key number {place}: they are {len(self)}.")
        return found[0]

    def _repr_html_(self) -> str:
        from nbpart.widgets.tables import titled_frame_html

        return titled_frame_html(f"{len(self):,} {self.definition.kind.replace('_', ' ')} partitions {self.name!r}",
                                 self.head(_MOST_SHOWN))  # fmt: skip

    def __repr__(self) -> str:
        first = self.page(0, 6)
        shown = ", ".join(repr(k if len(k) <= 40 else k[:39] + "…") for k in first[:5])
        kind = self.definition.kind.replace("_", " ")
        return f"<{len(self)} {kind} partitions {self.name!r}: {shown}{', …' if len(first) > 5 else ''}>"

    def _add(self, keys: list[str] | ChooseKeys, rows: KeyRows | None = None) -> list[str]:
        return add_keys(self._catalog, self._set_id, self.definition, keys, rows)

    def _check_dropped(self, now: list[str], wanted: set[str], at_most: int | None) -> list[str]:
        """The keys that are dropped. Raises `ParameterError` where they are more than is allowed."""
        dropped = [key for key in now if key not in wanted]
        many = len(dropped) > max(_DROPPED_SHARE * len(now), _DROPPED_FEW) or (dropped and len(dropped) == len(now))
        if (at_most is None and not many) or (at_most is not None and len(dropped) <= at_most):
            return dropped
        raise ParameterError(
            f"replace() would take {len(dropped):,} of {len(now):,} keys off {self.name!r}, {dropped[0]!r} the first: "
            f"if that is meant, allow it by at_most={len(dropped)} (--at-most {len(dropped)}). Nothing was changed."
        )

    def _spell(self, keys: tuple[Any, ...], params: Mapping[str, Any]) -> list[str]:
        if params:
            if keys:
                raise ParameterError("give keys, or the parameters of one key by name, not both.")
            return spell_keys(self.definition, dict(params))
        return [text for some in keys for text in spell_keys(self.definition, some)]

    def _list_choices(self, keys: tuple[Any, ...], params: Mapping[str, Any]) -> list[Any]:
        if params and keys:
            raise ParameterError("give keys, or values by name, not both.")
        return [dict(params)] if params else [one for some in keys for one in list_choices(some)]

    def _unknown(self, text: str) -> UnknownNameError:
        return UnknownNameError(f"{self.name!r} has no key {text!r}; {nearest(text, self.page(0, 1000))}")

    def _need_dynamic(self, call: str) -> DynamicPartitions:
        if isinstance(self.definition, DynamicPartitions):
            return self.definition
        raise DeclarationError(f"partitions {self.name!r} have no {call}(): {_HOW_THEY_COME[self.definition.kind]}.")

    def _need_parameters(self, call: str) -> Parameters:
        if self.parameters is None:
            raise DeclarationError(
                f"partitions {self.name!r} have no parameters, so {call}() means nothing here; "
                "declare them with ws.dynamic_partitions(name, params={...})."
            )
        return self.parameters
