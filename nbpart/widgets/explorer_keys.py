"""The explorer's requests that add keys: as text, as a grid of parameters, as a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from nbpart.partitions import Parameters
from nbpart.widgets.actions import ActionResult, Actions
from nbpart.widgets.explorer_model import SetForm
from nbpart.widgets.explorer_parsing import (
    count_grid,
    parse_axes,
    parse_columns,
    parse_keys,
    parse_parent,
    parse_sample_values,
)
from nbpart.widgets.schema import Answer, BadRequest


class KeyRequests:
    """Answers these requests: ``list_forms`` gives the sets that are shown, ``answer`` what was done."""

    def __init__(
        self, actions: Actions, list_forms: Callable[[], Iterable[SetForm]], answer: Callable[[ActionResult], Answer]
    ) -> None:
        self._actions, self._list_forms, self._answer = actions, list_forms, answer

    @property
    def handlers(self) -> Mapping[str, Callable[..., Answer]]:
        """What answers each request, by its name."""
        return {
            "add_keys": self._add_keys,
            "count_grid": self._count_grid,
            "add_grid": self._add_grid,
            "add_sample": self._add_sample,
        }

    def _add_keys(self, partitions: str, parent: str, text: str, columns: dict[str, str]) -> Answer:
        form, keys = self._get_form(partitions), parse_keys(text)
        values = parse_columns(form.attributes, columns)
        # by its own column a key is only a part; keys of children with parameters are typed whole
        if form.own and parent.strip():
            below = parse_parent(form, parent)
            children = [{**below, form.own: key} for key in keys]
            return self._answer(self._actions.add_keys(partitions, children, values))
        return self._answer(self._actions.add_keys(partitions, keys, values))

    def _count_grid(self, partitions: str, parent: str, axes: dict[str, str]) -> Answer:
        form, parameters = self._get_form_with_parameters(partitions)
        n_keys, first = count_grid(parameters, parse_axes(parameters, axes))
        return Answer({"n_keys": n_keys, "first": f"{parent.strip()}/{first}" if form.parent_column else first})

    def _add_grid(self, partitions: str, parent: str, axes: dict[str, str], columns: dict[str, str]) -> Answer:
        form, parameters = self._get_form_with_parameters(partitions)
        below = {name: [key] for name, key in parse_parent(form, parent).items()}
        values = {**below, **parse_axes(parameters, axes)}
        return self._answer(self._actions.add_grid(partitions, values, parse_columns(form.attributes, columns)))

    def _add_sample(
        self, partitions: str, parent: str, n_points: int, seed: int | None, values: dict[str, str]
    ) -> Answer:
        form, parameters = self._get_form_with_parameters(partitions)
        given = {**parse_parent(form, parent), **parse_sample_values(parameters, values)}
        return self._answer(self._actions.add_sample(partitions, n_points, seed, given))

    def _get_form(self, partitions: str) -> SetForm:
        form = next((each for each in self._list_forms() if each.name == partitions and each.is_editable), None)
        if form is None:
            raise BadRequest(f"There are no partitions {partitions[:80]!r} to which keys can be added.")
        return form

    def _get_form_with_parameters(self, partitions: str) -> tuple[SetForm, Parameters]:
        form = self._get_form(partitions)
        if form.parameters is None:
            raise BadRequest(f"The partitions {partitions[:80]!r} have no parameters.")
        return form, form.parameters
