from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.assets.names import (
    bound_names,
    dotted_chains,
    fingerprint,
    global_names,
    list_declaring,
    parse,
    root_name,
    touched_names,
)


def statement(source: str) -> ast.stmt:
    (only,) = ast.parse(source).body
    return only


def print_of(source: str) -> str:
    return fingerprint(*ast.parse(source).body)


@pytest.mark.parametrize(
    ("source", "needed", "early"),
    [
        ("x = a + a", "a", "a"),
        ("def f(p, q=a): return p + b", "a b", "a"),
        ("def f():\n    x = a\n    def g(): return x + b\n    return g", "a b", ""),
        ("async def f(): return await a()", "a", ""),
        ("@a\ndef f(): return f()", "a f", "a"),
        ("@ws.asset(partitions=files)\n@a\ndef f(): pass", "a", "a"),
        ("class C(a):\n    x = b\n    y = x\n    def m(self): return c, C", "a b c C", "a b"),
        ("y = [a(x) for x in b if c]", "b a c", "a b c"),
        ("y = lambda x: x + a", "a", ""),
        ("try:\n    import a\nexcept b:\n    a = None", "b", "b"),
        ("x = __name__, __doc__", "", ""),
        ("def f():\n    try:\n        return 1\n    except a as error:\n        return error", "a", ""),
        ("x = f'{a!r:>{b}}'", "a b", "a b"),
        ("with a as x: x.b", "a", "a"),
    ],
)
def test_names_that_code_takes_from_its_module(source: str, needed: str, early: str) -> None:
    found = global_names(statement(source), deferred=True)
    assert set(found.needed) == set(needed.split())
    assert found.early == set(early.split())


@pytest.mark.parametrize("deferred", [True, False])
def test_annotations_are_needed_only_where_they_are_evaluated(deferred: bool) -> None:
    found = global_names(
        statement("def f(x: A, y: 'B | None', *z: L['some text']) -> a.C: return D"), deferred=deferred
    )
    assert set(found.needed) == ({"D"} if deferred else {"A", "L", "a", "D"})
    assert {"A", "B", "L", "a"} <= {*found.hinted, *found.needed}
    assert "some" not in found.hinted


def test_names_that_a_function_assigns_as_global_are_found() -> None:
    assert global_names(statement("def f():\n    global x\n    x = 1")).assigned == {"x"}
    assert global_names(statement("x = 1")).assigned == set()


def test_what_cannot_stand_alone_is_refused() -> None:
    with pytest.raises(SyntaxError):
        global_names(statement("def outer():\n    x = 1\n    def f():\n        nonlocal x").body[1])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("x = y = 1", "x y"),
        ("x, [y, *z] = 1, (2, 3)", "x y z"),
        ("x: int = 1", "x"),
        ("x += 1", "x"),
        ("x[0] = x.a = 1", ""),
        ("def f(a): b = 1", "f"),
        ("class C: a = 1", "C"),
        ("import a.b, c as d", "a d"),
        ("from a import b, c as d", "b d"),
        ("from a import *", ""),
        ("if x:\n    y = 1\nelse:\n    def z(): pass", "y z"),
        ("for i, j in x: k = i", "i j k"),
        ("with a as b: pass", "b"),
        ("try:\n    import a\nexcept E as e:\n    a = None", "a e"),
        ("print(x := 1)", "x"),
        ("[y for y in z]", ""),
        ("await a", ""),
    ],
)
def test_names_that_a_statement_binds(source: str, names: str) -> None:
    assert set(bound_names(statement(source))) == set(names.split())


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("X[0] = 1", "X"),
        ("X.a.b[0].c = 1", "X"),
        ("X[0], y = 1, 2", "X"),
        ("X[0] += 1", "X"),
        ("X.a: int = 1", "X"),
        ("del X[0], Y.a", "X Y"),
        ("X.append(1)", "X"),
        ("X.a.update(b=Y[0])", "X"),
        ("for X[0] in Y[1]: pass", "X"),
        ("with a as X.b: pass", "X"),
        ("if a:\n    X.append(1)", "X"),
        ("X()[0] = 1", ""),
        ("X = Y[0]", ""),
        ("print(X)", ""),
        ("y = X.pop()", ""),
        ("def f(): X.append(1)", ""),
        ("class C: X[0] = 1", ""),
    ],
)
def test_names_whose_objects_a_statement_changes(source: str, names: str) -> None:
    assert set(touched_names(statement(source))) == set(names.split())


def test_dotted_chains_and_their_root_names_are_found() -> None:
    assert dotted_chains(ast.parse("a.b.c(d.e) + f().g + h")) == {"a.b.c", "a.b", "d.e"}
    assert root_name(ast.parse("a.b[0].c", mode="eval").body) == "a"
    assert root_name(ast.parse("a().b", mode="eval").body) is None


@pytest.mark.parametrize(
    ("decorator", "declares"),
    [
        ("asset", True),
        ("asset(name='x')", True),
        ("nbpart.asset", True),
        ("self.ws.asset()", True),
        ("ws.sensor(every='30s')", True),
        ("ws.check('model', blocking=True)", True),
        ("cache", False),
        ("asset.cache", False),
        ("assets", False),
        ("asset[0]", False),
    ],
)
def test_decorators_that_declare_an_asset_are_recognised(decorator: str, declares: bool) -> None:
    node = ast.parse(f"@{decorator}\ndef model(x): ...").body[0]
    assert bool(list_declaring(node)) is declares


def test_a_method_under_a_decorator_called_check_is_none_of_ours() -> None:
    """pandera: what ``@pa.check("column")`` names in a class is part of its code."""
    node = ast.parse("@pa.check('a')\ndef is_positive(cls, series): ...").body[0]
    assert not list_declaring(node)
    one, other = (ast.parse(f"class S:\n    @pa.check({c!r})\n    def f(cls, s): ...").body[0] for c in "ab")
    assert fingerprint(one) != fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x=1 # one", "x = 1"),
        ("x = ('a' 'b')", 'x = "ab"'),
        ("x = 0x10", "x = 16"),
        ("def f(): 'doc'", "def f(): pass"),
        ("def f():\n    'doc'\n    return 1", "def f(): return 1"),
        (
            "class C:\n    'doc'\n    def m(self):\n        'doc'\n        return 1",
            "class C:\n    def m(self): return 1",
        ),
        ("@asset\ndef f(): pass", "def f(): pass"),
        ("@asset\n@a\ndef f(): pass", "@a\ndef f(): pass"),
        ("x = u'a'", "x = 'a'"),
        ("x = 1  # type: int", "x = 1"),
        ("del (a, b)", "del a, b"),
    ],
)
def test_code_that_means_the_same_has_one_fingerprint(one: str, other: str) -> None:
    assert print_of(one) == print_of(other)


DIFFERENT = [
    "x = 1",
    "x = 1.0",
    "x = True",
    "x = '1'",
    "x = b'1'",
    "x = None",
    "x = ...",
    "x = -1",
    "x = []",
    "x = ()",
    "x = {}",
    "x = [1]",
    "x = [[1], 2]",
    "x = [[1, 2]]",
    "x = {**a}",
    "x = {a: a}",
    "x: int = 1",
    "x += 1",
    "x = f'{a}'",
    "x = f'{a!r}'",
    "x = f'{a:1}'",
    "def x(a, b=1): pass",
    "def x(a=1, b=1): pass",
    "def x(a, *, b=1): pass",
    "def x(a, *, b): pass",
    "def x(a, /, b=1): pass",
    "def x(*a, b=1): pass",
    "async def x(a, b=1): pass",
    "def x(a, b=1): yield",
    "@a\ndef x(a, b=1): pass",
    "@b\n@a\ndef x(a, b=1): pass",
    "@a\n@b\ndef x(a, b=1): pass",
    "def x():\n    1\n    'text'",
    "def x():\n    1",
    "class x: pass",
    "class x(a): pass",
    "class x(metaclass=a): pass",
    "from x import a",
    "from .x import a",
    "from ..x import a",
    "import x",
    "import x as a",
    "for x in a: pass",
    "for x in a: pass\nelse: 1",
    "try: x\nexcept: pass",
    "try: x\nexcept a: pass",
    "try: x\nfinally: pass",
]


def test_code_that_means_different_things_has_different_fingerprints() -> None:
    assert len({print_of(source) for source in DIFFERENT}) == len(DIFFERENT)


CONSTANTS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()


@given(CONSTANTS, CONSTANTS)
def test_different_constants_have_different_fingerprints(one: object, other: object) -> None:
    prints = [fingerprint(ast.Constant(value)) for value in (one, other)]
    assert (prints[0] == prints[1]) == (repr(one) == repr(other))


def test_deep_nesting_has_a_fingerprint_too() -> None:
    deep = ast.Constant(1)
    for _ in range(5000):
        deep = ast.UnaryOp(ast.USub(), deep)  # type: ignore[assignment]
    assert fingerprint(deep).count("USub") == 5000


def test_an_empty_module_is_one_with_a_docstring() -> None:
    assert fingerprint(ast.parse("")) == fingerprint(ast.parse('"""Doc."""'))


def test_what_holds_a_null_byte_does_not_parse() -> None:
    with pytest.raises(SyntaxError):
        parse("x = '\0'")
