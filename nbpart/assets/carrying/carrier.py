"""Collecting the imports, constants and definitions that a function uses, and putting them in order."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from nbpart.assets.carrying import origins
from nbpart.assets.names import GlobalNames, dotted_chains, global_names, list_declaring, root_name
from nbpart.assets.sources import DefinitionSource, find_class, find_function, plain_function
from nbpart.assets.spelling import CONTAINERS, CannotSpell, no_name, spell
from nbpart.errors import DeclarationError, nearest

Rank = Literal["future", "import", "constant", "definition"]

LONGEST_CONSTANT = 20_000  # characters: a notebook is read by people
_OF_IPYTHON = frozenset({"display", "exit", "get_ipython", "open", "quit"})
_AWAY = "build it inside the function, pass it as an input, or move it to a module"


@dataclass(frozen=True, slots=True)
class Piece:
    """One import, constant or definition of a carried function.

    ``early`` are the names that have to be there before it, ``needs`` those and the ones that it reads when called.
    """

    name: str
    rank: Rank
    source: str
    early: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Reader:
    """The code that uses a name: its own name, for messages, and the variables of the function around it."""

    name: str
    around: Mapping[str, Any]


class Carrier:
    """Follows names from one function through the namespace that it lives in.

    `carry` gives the pieces, each after what it needs; ``problems`` then says what could not be carried. ``given`` are
    names that will be there where the code is executed; those that were named are kept in ``used``.
    """

    def __init__(self, name: str, function: Callable[..., Any], given: Collection[str] = ()) -> None:
        self.problems: list[str] = []
        self.used: set[str] = set()
        self._given = frozenset(given)
        self._name = name
        self._function = function
        self._namespace: dict[str, Any] = plain_function(function).__globals__
        self._values: dict[str, Any] = {}
        self._pieces: dict[str, Piece] = {}
        self._deferred = False

    def carry(self) -> list[Piece]:
        """Every piece, imports first and the function itself among the definitions."""
        self._values[self._name] = self._function
        self._add_definition(self._name, find_function(plain_function(self._function)), self._function)
        imports = [p for p in self._pieces.values() if p.rank == "import"]
        lines = {p.source: p for p in sorted(imports, key=lambda p: (p.source.startswith("from "), p.source))}
        future = [Piece("annotations", "future", "from __future__ import annotations")] if self._deferred else []
        return [*future, *lines.values(), *in_order(self._pieces, self._name)]

    def live_values(self, pieces: Sequence[Piece]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """The current objects under the names of (definitions and constants, names given, imports)."""
        ranks = {piece.name: piece.rank for piece in pieces}
        made = {
            n: self._values[n] for n, rank in ranks.items() if rank in ("definition", "constant") and n in self._values
        }
        given = {name: self._namespace.get(name) for name in self.used}
        return made, given, {n: self._values[n] for n, rank in ranks.items() if rank == "import" and n in self._values}

    # What a name stands for -----------------------------------------------------------------------------------------

    def _follow(self, name: str, reader: _Reader, assigned: frozenset[str] = frozenset()) -> None:
        """Carries what ``reader`` calls ``name``; a problem where that cannot be."""
        if name == self._name and name not in reader.around:
            return  # the function itself, which its own namespace does not know yet, or knows in an older form
        if name in self._given:
            self.used.add(name)
        elif name in reader.around:
            self._follow_variable(name, reader)
        elif name == "__file__":
            self._refuse(name, reader, "the place of a file, which a notebook has not: pass the path as an input")
        elif name in _OF_IPYTHON and origins.is_of_ipython(self._namespace.get(name)):
            return
        elif name in self._namespace:
            self._add(name, self._namespace[name], reader)
        elif not (hasattr(builtins, name) or name in assigned):
            known = nearest(name, (n for n in self._namespace if not n.startswith("_")))
            self._refuse(name, reader, f"not defined: define it above, before the asset; {known.rstrip('.')}")

    def _follow_variable(self, name: str, reader: _Reader) -> None:
        """Carries a variable of the function around: a plain constant, or the carried function itself."""
        value = reader.around[name]
        if name == self._name and (value is origins.UNSET or _same(value, self._function)):
            return
        try:
            spell(value, no_name)
        except CannotSpell:
            self._refuse(name, reader, f"{_describe(value)} of the function around it: {_AWAY}")
        else:
            self._add(name, value, reader)

    def _add(self, name: str, value: Any, reader: _Reader) -> None:
        value = origins.behind(value)
        if name in self._values:
            if not _same(self._values[name], value):
                self._refuse(name, reader, "another thing there than elsewhere in the carried code: rename one of them")
            return
        self._values[name] = value
        if (line := origins.import_line(name, value, self._namespace)) is not None:
            self._pieces[name] = Piece(name, "import", line)
        elif isinstance(value, type):
            self._add_class(name, value, reader)
        elif origins.is_function(value):
            self._add_function(name, value, reader)
        elif not self._add_constant(name, value, reader) and not self._add_assignment(name, value):
            self._add_imported_object(name, value, reader)

    # The kinds of pieces --------------------------------------------------------------------------------------------

    def _add_function(self, name: str, value: Any, reader: _Reader) -> None:
        try:
            inner = plain_function(origins.decorated(value, name))
            found = find_function(inner)
        except DeclarationError:
            is_lambda = getattr(value, "__name__", "") == "<lambda>"
            what = "a lambda: write it with def" if is_lambda else f"{_describe(value)} without source: {_AWAY}"
            return self._refuse(name, reader, what)
        if found.node.name == name:
            return self._add_definition(name, found, value)
        self._add_alias(name, found.node.name, value, reader)

    def _add_class(self, name: str, value: type, reader: _Reader) -> None:
        found = find_class(value, self._namespace)
        if found is None:
            if not self._add_assignment(name, value):
                self._refuse(name, reader, f"the class {value.__qualname__!r}, whose source is not at hand: {_AWAY}")
        elif value.__name__ == name:
            self._add_definition(name, found, None)
        else:
            self._add_alias(name, value.__name__, value, reader)

    def _add_alias(self, name: str, original: str, value: Any, reader: _Reader) -> None:
        there = self._values.get(original, origins.behind(self._namespace.get(original, value)))
        if not _same(there, value):
            return self._refuse(name, reader, f"an earlier form of {original!r}: give the two different names")
        self._add(original, value, reader)
        self._pieces[name] = Piece(name, "constant", f"{name} = {original}", frozenset({original}), (original,))

    def _add_definition(self, name: str, found: DefinitionSource, value: Any) -> None:
        plain = [d for d in found.node.decorator_list if self._is_declaration(d)]
        dropped = [*plain, *(d for d in list_declaring(found.node) if d not in plain)]
        source = found.without(dropped)
        bare = ast.parse(source).body[0]
        reader = _Reader(name, {} if value is None else origins.variables_around(plain_function(value)))
        try:
            named = global_names(bare, deferred=found.deferred)
        except SyntaxError as error:
            return self.problems.append(f"`{name}` cannot stand alone ({error.msg}): make it a function of its own")
        self._deferred |= found.deferred
        self._values.setdefault(name, value)
        needs = self._follow_all(named, reader)
        self._pieces[name] = Piece(name, "definition", source, named.early, needs)
        self._add_submodules(bare)
        if registered := self._add_registered(name, value):
            self._pieces[name] = Piece(name, "definition", source, named.early, (*needs, *registered))

    def _add_registered(self, name: str, value: Any) -> list[str]:
        """Carries what is registered at a ``singledispatch`` function by a decorator; the names of these pieces."""
        added: list[str] = []
        for number, implementation in enumerate(origins.registered_at(value)):
            try:
                found = find_function(plain_function(implementation))
            except DeclarationError:
                continue  # which is then refused, since what the source makes differs
            if not any(root_name(d.func if isinstance(d, ast.Call) else d) == name for d in found.node.decorator_list):
                continue
            source = found.without([])
            named = global_names(ast.parse(source).body[0], deferred=found.deferred)
            reader = _Reader(found.node.name, origins.variables_around(plain_function(implementation)))
            needs = self._follow_all(named, reader)
            piece = f"{name}.register {number}"
            self._pieces[piece] = Piece(piece, "definition", source, named.early | {name}, needs)
            added.append(piece)
        return added

    def _follow_all(self, named: GlobalNames, reader: _Reader) -> tuple[str, ...]:
        for each in named.needed:
            self._follow(each, reader, named.assigned)
        hinted = [n for n in named.hinted if self._can_be_hinted(n)]
        for each in hinted:
            self._follow(each, reader)
        return (*named.needed, *hinted)

    def _can_be_hinted(self, name: str) -> bool:
        """Only imports and classes are carried for the sake of an annotation that nobody evaluates."""
        value = self._namespace.get(name)
        return isinstance(value, type) or origins.import_line(name, value, self._namespace) is not None

    def _add_constant(self, name: str, value: Any, reader: _Reader) -> bool:
        needs: list[str] = []

        def name_of(item: Any) -> str:
            return no_name(item) if item is value else self._expression(item, needs, reader)

        try:
            source = f"{name} = {spell(value, name_of)}"
        except CannotSpell as refused:
            inside = (refused.value is not value or isinstance(value, CONTAINERS)) and not origins.is_typing(value)
            if inside:
                self._refuse(name, reader, f"{_describe(value)} that holds {_describe(refused.value)}: {_AWAY}")
            return inside
        if len(source) > LONGEST_CONSTANT:
            self._refuse(name, reader, f"{_describe(value)} of {len(source)} characters: keep it in a file or an asset")
        self._pieces[name] = Piece(name, "constant", source, frozenset(needs), tuple(needs))
        return True

    def _expression(self, item: Any, needs: list[str], reader: _Reader) -> str:
        """How a constant names a class or function: as the namespace does, else by an import of its own."""
        item = origins.behind(item)
        name = origins.name_in(self._namespace, item)
        if name is None and (place := origins.module_named_in(self._namespace, item)) is not None:
            module, attribute = place
            self._follow(module, reader)
            needs.append(module)
            return f"{module}.{attribute}"
        if name is None:
            if (place := origins.importable_as(item)) is None:
                raise CannotSpell(item)
            name = place[1]
            if getattr(builtins, name, None) is not item or name in self._namespace:
                name = f"_{name}" if name in self._namespace or hasattr(builtins, name) else name
                self._add(name, item, reader)
        else:
            self._follow(name, reader)
        needs.append(name)
        return name

    def _add_assignment(self, name: str, value: Any) -> bool:
        """Carries a type alias or a class made by a call (``namedtuple``) as the statement that assigned it."""
        found = origins.assignment_of(name, self._namespace) if origins.is_made_by_call(value) else None
        if found is None:
            return False
        statement = ast.parse(found).body[0]
        named = global_names(statement)
        self._pieces[name] = Piece(name, "constant", found, named.early, named.needed)
        self._follow_all(named, _Reader(name, {}))
        return True

    def _add_imported_object(self, name: str, value: Any, reader: _Reader) -> None:
        line = origins.written_import(name, value, self._namespace)
        if line is not None:
            self._pieces[name] = Piece(name, "import", line)
        elif origins.is_data(value):
            what = f"{_describe(value)}: say ws.value({name!r}, {name}) and take {name} as an argument"
            self._refuse(name, reader, what)
        elif origins.is_estimator(value):
            what = f"{_describe(value)}: save it to a file, say ws.value({name!r}, Path(...)) and take {name} as input"
            self._refuse(name, reader, what)
        else:
            self._refuse(name, reader, f"{_describe(value)}: {_AWAY}")

    def _add_submodules(self, node: ast.AST) -> None:
        """``import a.b`` binds only ``a``: where the code says ``a.b`` and a cell imported it, that comes too."""
        chains = dotted_chains(node)
        for dotted in sorted(chains & origins.imported_submodules(self._namespace)):
            if isinstance(self._namespace.get(dotted.partition(".")[0]), ModuleType):
                self._pieces[dotted] = Piece(dotted, "import", f"import {dotted}")

    def _is_declaration(self, decorator: ast.expr) -> bool:
        """Whether a decorator is a plain name that stands for something of nbpart."""
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        return isinstance(target, ast.Name) and origins.is_of_nbpart(self._namespace.get(target.id))

    def _refuse(self, name: str, reader: _Reader, what: str) -> None:
        article = "" if what.startswith(("a ", "an ", "the ", "not ", "another ")) else "a "
        problem = f"`{name}`, used by `{reader.name}`, is {article}{what}"
        if problem not in self.problems:
            self.problems.append(problem)


def in_order(pieces: Mapping[str, Piece], last: str) -> list[Piece]:
    """The constants and definitions, each after what it needs; a circle is cut where it only matters when called."""
    depth_first: dict[str, None] = {}

    def visit(name: str, path: frozenset[str]) -> None:
        if name in depth_first or name in path or name not in pieces:
            return
        for need in pieces[name].needs:
            visit(need, path | {name})
        depth_first[name] = None

    visit(last, frozenset())
    waiting = [name for name in depth_first if pieces[name].rank != "import"]
    done: list[Piece] = []
    while waiting:
        # what is called early may call all that it needs
        whole = (n for n in waiting if not (_needed_early(n, pieces) - {n}) & set(waiting))
        bare = (n for n in waiting if not (pieces[n].early - {n}) & set(waiting))
        ready = next(whole, None) or next(bare, waiting[0])
        waiting.remove(ready)
        done.append(pieces[ready])
    return sorted(done, key=lambda p: _is_late(p, pieces))


def _needed_early(name: str, pieces: Mapping[str, Piece]) -> set[str]:
    """What a piece names when it is executed, with all that this needs in turn."""
    needed: set[str] = set()
    todo = list(pieces[name].early)
    while todo:
        each = todo.pop()
        if each not in needed and each in pieces:
            needed.add(each)
            todo.extend(pieces[each].needs)
    return needed


def _is_late(piece: Piece, pieces: Mapping[str, Piece]) -> bool:
    """Constants that need no definition come before all definitions."""
    needed = [pieces[n].rank for n in piece.needs if n in pieces]
    return piece.rank == "definition" or any(rank != "import" for rank in needed)


def _same(one: Any, other: Any) -> bool:
    one, other = origins.behind(one), origins.behind(other)
    return one is other or (inspect.isroutine(one) and inspect.unwrap(one) is inspect.unwrap(other))


def _describe(value: Any) -> str:
    """``a pandas.DataFrame``, ``an open file``: what a value is, for a sentence."""
    kind = type(value)
    if hasattr(value, "fileno") and hasattr(value, "close") and kind.__module__ in ("_io", "io", "tempfile"):
        return "an open file"
    module = kind.__module__.partition(".")[0].strip("_")
    name = kind.__qualname__ if module in ("builtins", "main", "") else f"{module}.{kind.__qualname__}"
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
