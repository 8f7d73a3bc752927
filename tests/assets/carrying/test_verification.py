"""What is there now is carried, or refused by name: never something else, silently."""

from __future__ import annotations

from typing import Any

import pytest

from nbpart.assets.carrying.carry import carry
from nbpart.errors import CarryError
from tests.assets.cells import Shell, run_source

WRAP = (
    "import functools\ndef wrap(g):\n    @functools.wraps(g)\n    def inner(*a): return g(*a) + 1\n    return inner\n"
)
ABC = "import abc\nclass Shape(abc.ABC):\n    pass\n"
DISPATCH = "from functools import singledispatch\n@singledispatch\ndef area(x): return 0\n"

CHANGED: dict[str, list[str]] = {
    "wrapped later": [WRAP, "def g(x): return x", "g = wrap(g)", "def f(): return g(1)"],
    "wrapped twice": [WRAP + "@wrap\ndef g(x): return x", "g = wrap(g)", "def f(): return g(1)"],
    "the function itself wrapped": [WRAP, "def f(x=1): return x", "f = wrap(f)"],
    "an attribute of a function": ["def g(): return g.limit", "g.limit = 3", "def f(): return g()"],
    "an attribute of the function itself": ["def f(): return f.limit", "f.limit = 3"],
    "an attribute of a class": ["class C:\n    limit = 1", "C.limit = 3", "def f(): return C.limit"],
    "a new attribute of a class": ["class C:\n    pass", "C.limit = 3", "def f(): return C.limit"],
    "a monkeypatched method": [
        "class C:\n    def m(self): return 1",
        "C.m = lambda self: 2",
        "def f(): return C().m()",
    ],
    "a registration by a call": [DISPATCH, "area.register(int, lambda x: x)", "def f(): return area(3)"],
    "ABC.register": [ABC + "class Square: pass", "Shape.register(Square)", "def f(): return issubclass(int, Shape)"],
    "a registry of subclasses": [
        "class Base:\n    kinds = {}\n    def __init_subclass__(cls): Base.kinds[cls.__name__] = cls",
        "class A(Base): pass",
        "def f(): return sorted(Base.kinds)",
    ],
    "__subclasses__": ["class Base: pass", "class A(Base): pass", "def f(): return len(Base.__subclasses__())"],
    "a default": ["K = 1\ndef g(x=K): return x", "K = 2", "def f(): return g()"],
    "a keyword's default": ["K = 1\ndef g(*, x=K): return x", "K = 2", "def f(): return g()"],
    "the default of the function itself": ["K = 1\ndef f(x=K): return x", "K = 2"],
    "defaults set later": ["def g(x=1): return x", "g.__defaults__ = (2,)", "def f(): return g()"],
    "code set later": ["def g(): return 1", "g.__code__ = (lambda: 2).__code__", "def f(): return g()"],
    "an argument of a decorator": [
        "def times(n):\n    def deco(g):\n        def inner(): return g() * n\n        return inner\n    return deco\n",
        "N = 2\n@times(N)\ndef g(): return 1",
        "N = 5",
        "def f(): return g()",
    ],
    "an argument of a partial": [
        "from functools import partial\ndef g(a): return a",
        "K = 1\np = partial(g, K)",
        "K = 2",
        "def f(): return p()",
    ],
    "a partial of a partial": [
        "from functools import partial\ndef g(a, b): return a + b",
        "K = 1\np = partial(partial(g, K), b=K)",
        "K = 2",
        "def f(): return p()",
    ],
    "a class attribute of a global": ["K = 1\nclass C:\n    k = K", "K = 2", "def f(): return C.k"],
    "a field of a dataclass": [
        "from dataclasses import dataclass\nK = 1\n@dataclass\nclass C:\n    k: int = K",
        "K = 2",
        "def f(): return C().k",
    ],
    "a method's default": ["K = 1\nclass C:\n    def m(self, k=K): return k", "K = 2", "def f(): return C().m()"],
    "a property set later": ["class C:\n    pass", "C.p = property(lambda self: 1)", "def f(): return C().p"],
    "an enum's members by a global": [
        "import enum\nK = 1\nclass E(enum.Enum):\n    A = K",
        "K = 2",
        "def f(): return E.A.value",
    ],
    "a cache of another size": [
        "import functools\nN = 1\n@functools.lru_cache(maxsize=N)\ndef g(): return 1",
        "N = 2",
        "def f(): return g.cache_parameters()['maxsize']",
    ],
    "a counting closure": [
        "def count(g):\n    calls = []\n    def inner():\n        calls.append(1)\n        return len(calls)\n"
        "    return inner",
        "@count\ndef g(): return 1",
        "g()",
        "def f(): return g()",
    ],
    "a class wrapped later": [
        "def twice(cls):\n    class Twice(cls):\n        n = 2\n    return Twice",
        "class C:\n    n = 1",
        "C = twice(C)",
        "def f(): return C.n",
    ],
    "bases by a global": [
        "class A: n = 1\nclass B: n = 2\nBase = A\nclass C(Base): pass",
        "Base = B",
        "def f(): return C.n",
    ],
    "a metaclass's state": [
        "class Meta(type):\n    def __new__(m, n, b, d):\n        return super().__new__(m, n, b, d | {'made': K})",
        "K = 1\nclass C(metaclass=Meta): pass",
        "K = 2",
        "def f(): return C.made",
    ],
}


def carried(shell: Shell) -> Any:
    namespace = run_source(carry(shell["f"]).source)
    return namespace["f"]()


@pytest.mark.parametrize("case", CHANGED)
def test_what_was_changed_after_its_definition_is_carried_or_refused_by_name(shell: Shell, case: str) -> None:
    for cell in CHANGED[case]:
        shell.run(cell)
    try:
        source = carry(shell["f"]).source
    except CarryError as refused:
        message = str(refused)
    else:
        assert run_source(source)["f"]() == shell["f"]()
        return
    assert message.startswith("The function 'f' cannot be carried into a notebook of its own: `")


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("wrapped later", "`g`, used by `f`, is not what its source makes by now"),
        ("the function itself wrapped", "`f` is not what its source makes by now"),
        ("an attribute of a function", "its attribute limit"),
        ("a default", "its default (it is 1, and its source makes 2)"),
        ("ABC.register", "Square, registered at it later"),
        ("a registration by a call", "what is registered for int"),
        ("an argument of a partial", "its arguments"),
    ],
)
def test_the_refusal_says_what_differs(shell: Shell, case: str, words: str) -> None:
    for cell in CHANGED[case]:
        shell.run(cell)
    with pytest.raises(CarryError) as refused:
        carry(shell["f"])
    assert words in str(refused.value)
    assert "Say all of it where it is defined, or move it to a module" in str(refused.value)


UNCHANGED: dict[str, list[str]] = {
    "decorators": [WRAP + "@wrap\n@wrap\ndef g(x, y=[1, {2: (3,)}]): return x", "def f(): return g(1)"],
    "caches that were used": [
        "import functools\n@functools.cache\ndef g(n): return n and n * g(n - 1)\n"
        "@functools.lru_cache(maxsize=3)\ndef h(): return g(3)",
        "g(5), h()",
        "def f(): return g(4) + h()",
    ],
    "a dispatch without later registrations": [DISPATCH, "area(1)", "def f(): return area(1.0)"],
    "a dispatch with registrations by decorators": [
        DISPATCH,
        "class Square:\n    side = 3\nK = 10",
        "@area.register\ndef _(x: int): return K + x",
        "@area.register(set)\ndef _(x): return 5",
        "@area.register(map)\ndef _(x): return 6",
        "@area.register(str)\ndef _(x): return area(len(x))\n@area.register(float)\n@area.register(Square)\n"
        "def other(x): return 3",
        "def f(): return area(3), area('four'), area(1.0), area(Square()), area(None), area(set()), area(map(str, ()))",
    ],
    "a context manager": [
        "from contextlib import contextmanager\n@contextmanager\ndef g():\n    yield 3",
        "def f():\n    with g() as x: return x",
    ],
    "a dataclass": [
        "from dataclasses import dataclass, field\n@dataclass(frozen=True, order=True, slots=True)\nclass C:\n"
        "    k: int = 1\n    items: list = field(default_factory=list)",
        "def f(): return C(3).k, C(2).items",
    ],
    "enums, flags and named tuples": [
        "import enum\nfrom typing import NamedTuple\nclass E(enum.Enum):\n    A = 'a'\n    B = enum.auto()\n"
        "    @property\n    def low(self): return self.value\nclass F(enum.Flag):\n    X = 1\n    Y = 2\n"
        "class N(NamedTuple):\n    a: int\n    b: str = 'x'",
        "def f(): return E.A.low, (F.X | F.Y).value, N(1)",
    ],
    "properties, slots and inner classes": [
        "import functools\nclass C:\n    __slots__ = ('x', '__dict__')\n    class Inner:\n        n = 4\n"
        "    @property\n    def p(self): return self.Inner.n\n"
        "    @functools.cached_property\n    def q(self): return 2\n"
        "    @staticmethod\n    def s(): return 1\n    @classmethod\n    def c(cls): return cls.__name__",
        "def f(): return C().p, C().q, C.s(), C.c()",
    ],
    "abstract classes and protocols": [
        "import abc\nfrom typing import Generic, Protocol, TypeVar\nT = TypeVar('T')\n"
        "class P(Protocol):\n    def m(self): ...\n"
        "class A(abc.ABC, Generic[T]):\n    @abc.abstractmethod\n    def m(self): ...\nclass B(A[int]):\n"
        "    def m(self): return 1",
        "isinstance(B(), A)",
        "def f(): return B().m(), issubclass(B, A), P.__name__",
    ],
    "subclasses with a registry of all that is carried": [
        "class Base:\n    kinds = {}\n    def __init_subclass__(cls): Base.kinds[cls.__name__] = cls",
        "class A(Base): pass",
        "def f(): return sorted(Base.kinds), A.__name__",
    ],
    "generators, coroutines and nested functions": [
        "def g():\n    n = 0\n    def inner():\n        nonlocal n\n        n += 1\n        yield n\n"
        "    return list(inner())",
        "async def h(): return 1",
        "def f(): return g(), h.__name__, (lambda x: x)(2), [y for y in range(2)]",
    ],
    "a metaclass and operators": [
        "class Meta(type):\n    def __len__(cls): return 3\n"
        "class C(metaclass=Meta):\n    def __eq__(self, other): return True\n    __hash__ = None",
        "def f(): return len(C), C() == 1",
    ],
    "an exception class": ["class Wrong(ValueError):\n    code = 3", "def f(): return Wrong('x').code"],
    "vectorize and partials of imports": [
        "from functools import partial\nimport operator\nadd3 = partial(operator.add, 3)",
        "def f(): return add3(4)",
    ],
    "defaults of numpy and nan": [
        "import numpy as np\nimport math\ndef g(a=np.float64(2), b=math.nan, c=math.inf): return a + c",
        "def f(): return g()",
    ],
    "a circle of functions": ["def g(n): return h(n - 1) if n else 0", "def h(n): return g(n)", "def f(): return g(3)"],
}


@pytest.mark.parametrize("case", UNCHANGED)
def test_what_its_source_makes_is_carried(shell: Shell, case: str) -> None:
    for cell in UNCHANGED[case]:
        shell.run(cell)
    assert carried(shell) == shell["f"]()


def test_comparing_touches_nothing_of_what_is_imported(shell: Shell) -> None:
    shell.run("import tests.assets.registry as registry\nregistry.SEEN.clear()")
    shell.run("@registry.register('x')\ndef g(): return 1\ndef f(): return g()")
    assert shell["registry"].SEEN == ["x"]
    assert "@registry.register" in carry(shell["f"]).source
    assert shell["registry"].SEEN == ["x"]


def test_comparing_prints_nothing(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run("class C:\n    print('made')")
    shell.run("def f(): return C")
    capsys.readouterr()
    carry(shell["f"])
    assert capsys.readouterr().out == ""
