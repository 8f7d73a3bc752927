"""The explorer's requests that change partitions without a run: accept, wipe, prune, adopt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from nbpart.widgets.actions import Actions, VerbSummary
from nbpart.widgets.schema import Answer, BadRequest

#: The terms and the keys of a plan for the selection of this number, with its inputs, with its readers; None: all keys.
Choose = Callable[[int, bool, bool], tuple[list[str], list[str] | None]]


class VerbRequests:
    """Answers these requests: ``choose`` gives the partitions that one is about, ``after`` is called after each."""

    def __init__(self, actions: Actions, choose: Choose, after: Callable[[], None]) -> None:
        self._actions, self._choose, self._after = actions, choose, after

    @property
    def handlers(self) -> Mapping[str, Callable[..., Answer]]:
        """What answers each request, by its name."""
        return {
            "accept": partial(self._act, self._actions.accept),
            "wipe": partial(self._act, self._actions.wipe),
            "prune": partial(self._act, self._actions.prune),
            "adopt": self._adopt,
        }

    def _act(
        self,
        act: Callable[..., VerbSummary],
        selection_number: int,
        inputs: bool,
        readers: bool,
        where: str,
        **given: Any,
    ) -> Answer:
        terms, keys = self._choose(selection_number, inputs, readers)
        done = act(terms, keys, where.strip(), **given)
        self._after()
        return answer_verb(done)

    def _adopt(self, selection_number: int, inputs: bool, readers: bool, where: str, path: str, **given: Any) -> Answer:
        """Adopt for the one asset that is selected; what it reads or what reads it has nothing to do with it."""
        names, keys = self._choose(selection_number, False, False)
        if names == ["*"] or len(names) != 1:
            raise BadRequest("Files are adopted for one asset: select it in the graph.")
        if keys is not None or where.strip():
            raise BadRequest(
                "All files of a path are adopted: select the asset in the graph, without keys, and clear the condition."
            )
        done = self._actions.adopt(names[0], path.strip(), **given)
        self._after()
        return answer_verb(done)


def answer_verb(done: VerbSummary) -> Answer:
    """What a verb did, or would do, as an answer."""
    return Answer({"count": done.count}, message=done.message, code=done.code)
