"""Errors of all kinds: where they are raised, how they are shown, and how a notebook ends by them."""

from __future__ import annotations

from conformance.odd_notebooks.notebook import (
    errors_unsaid,
    errors_unshown,
    lines_unordered,
    notebook,
    raises,
    repeated_frames,
    replaced,
    streams_unordered,
)

_MODULE = """
def fail(depth):
    if depth:
        return fail(depth - 1)
    local = 'a variable'
    raise LookupError(f'deep in a module: {local}')
"""

NOTEBOOKS = [
    notebook(
        "errors_of_many_kinds",
        raises("1 / 0"),
        raises("def f():\n    x = 1\n    return g()\ndef g():\n    raise ValueError('with\\ntwo lines')\nf()"),
        raises("undefined_name"),
        raises("[][0]"),
        raises("{}['key']"),
        raises("None.attribute"),
        raises("import no_such_module"),
        raises("from os import no_such_name"),
        raises("open('missing.txt')"),
        raises("assert 1 == 2, 'not equal'"),
        raises("assert False"),
        raises("int('x')"),
        raises("raise Exception"),
        raises("raise Exception('one', 2, [3])"),
        raises("raise 'a string'"),
        raises("raise StopIteration"),
        raises("next(iter([]))"),
        raises("class Own(Exception):\n    '''Docs.'''\nraise Own('mine')"),
        raises("raise Own('ä \\U0001f600 \\x1b[31mred')"),
        raises("raise NotImplementedError"),
        raises("'x'.encode('ascii', errors='nope') if 0 else b'\\xff'.decode()"),
        raises("raise OSError(2, 'No such file', 'name')"),
        raises("raise UnicodeDecodeError('utf-8', b'\\xff', 0, 1, 'odd')"),
        raises("eval('1 +')"),
        raises("exec('raise ValueError(1)')"),
        "print('to the end')",
    ),
    notebook(
        "syntax_errors",
        raises("x ="),
        raises("def f(:\n    pass"),
        raises("if True:\nprint(1)"),
        raises("  x = 1\n y = 2"),
        raises("print 'old'"),
        raises("'never closed"),
        raises("(1, 2"),
        raises("return 1"),
        raises("f(x for x in y, 1)"),
        raises("print('before')\nx = = 1"),
        raises("break"),
        raises("'\\N{no such name}'"),
        raises("x = 1\n\ty = 2"),
        raises("\x00"),
        raises("λ = $"),
        raises("!"),
        raises("%no_such_magic"),
        raises("%%no_such_cell_magic\ntext"),
        raises("async def f():\n    yield 1\nawait f"),
        raises("yield 1"),
        raises("import syntax_error_in_it"),
        files={"syntax_error_in_it.py": "x = (\n"},
    ),
    notebook(
        "errors_in_modules",
        raises("import odd_module\nodd_module.fail(3)"),
        raises("import odd_module\nlist(map(odd_module.fail, [0]))"),
        raises("import json\njson.loads('{broken')"),
        raises("import re\nre.compile('(')"),
        raises("import broken_import"),
        raises("import pandas\npandas.DataFrame({'a': [1]})['b']"),
        raises("import numpy\nnumpy.zeros(3) + numpy.zeros(4)"),
        files={"odd_module.py": _MODULE, "broken_import.py": "print('importing')\nraise ImportError('not here')\n"},
    ),
    notebook(
        "chained_errors",
        raises("try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('from') from error"),
        raises("try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise ValueError('during')"),
        raises("try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise ValueError('alone') from None"),
        raises(
            "def first():\n    raise KeyError('first')\ndef second():\n    try: first()\n"
            "    except KeyError as e: raise OSError('second') from e\n"
            "try: second()\nexcept OSError: raise RuntimeError('third')"
        ),
        raises(
            "error = ValueError('noted'); error.add_note('a note'); error.add_note('another\\nof two lines')\n"
            "raise error"
        ),
        raises("try:\n    1 / 0\nfinally:\n    print('finally')"),
        raises("raise error.with_traceback(None)"),
    ),
    notebook(
        "exception_groups",
        raises("print('before')\nraise ValueError('plain')"),
        raises(
            "try:\n    raise ExceptionGroup('two', [ValueError(1), TypeError(2)])\n"
            "except* ValueError: print('one caught')"
        ),
        raises("raise BaseExceptionGroup('base', [KeyboardInterrupt()])"),
        raises("raise ExceptionGroup('nested', [ExceptionGroup('inner', [OSError('x')]), ValueError('y')])"),
        "print('behind')",
        may_differ=(streams_unordered,),
    ),
    notebook(
        "exception_group_ends",
        "x = 1",
        "raise ExceptionGroup('two', [ValueError(1)])",
        "print('not reached')",
        may_differ=(errors_unshown,),
    ),
    notebook(
        "broken_errors",
        raises("class NoRepr(Exception):\n    def __repr__(self): raise ValueError('no repr')\nraise NoRepr('text')"),
        raises("class Surrogate(Exception): pass\nraise Surrogate('lone \\udc80')"),
        "print('still there')",
        raises("class Name(Exception): pass\nName.__name__ = 'Renamed'\nName.__qualname__ = 'a.b'\nraise Name('x')"),
        raises("class Huge(Exception): pass\nraise Huge('x' * 100_000)"),
        # nbpart shows which character it was
        may_differ=(replaced(r"lone (\\udc80|\ufffd)", "lone"),),
    ),
    notebook(
        "errors_without_message",
        raises("class NoText(Exception):\n    def __str__(self): raise ValueError('no text')\nraise NoText"),
        raises("class Number(Exception):\n    def __str__(self): return 42\nraise Number"),
        "print('behind')",
        may_differ=(errors_unsaid,),
    ),
    notebook(
        "broken_error_ends",
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
        "print(1)",
        may_differ=(errors_unsaid,),
        ending_differs="nbpart names the error that was raised",
    ),
    notebook("error_ends", "print('one')", "print('two')\n1 / 0", "print('not reached')"),
    notebook("error_with_long_message_ends", "raise ValueError('x' * 20_000 + '\\n' + 'y' * 20_000)", "print(1)"),
    notebook("syntax_error_ends", "print('one')", "x = = 1", "print('not reached')"),
    notebook(
        "interrupts_raised",
        raises("print('before')\nraise KeyboardInterrupt"),
        raises("raise KeyboardInterrupt('with a reason')"),
        "try:\n    raise KeyboardInterrupt\nexcept KeyboardInterrupt:\n    print('caught')",
        "print('behind')",
    ),
    notebook("interrupt_ends", "x = 1", "raise KeyboardInterrupt('mine')", "print('not reached')"),
    notebook(
        "recursion",
        "import sys\nlimit = sys.getrecursionlimit(); sys.setrecursionlimit(200)",
        raises("def f(n): return f(n + 1)\nf(0)"),
        raises("class A:\n    def __getattr__(self, name): return getattr(self, name)\nA().x"),
        raises("class R:\n    def __repr__(self): return repr(self)\nR()"),
        "sys.setrecursionlimit(limit)\ndef depth(n): return n if n == 500 else depth(n + 1)\ndepth(0)",
        may_differ=(repeated_frames,),
    ),
    notebook(
        "recursion_limit",
        "import sys, inspect\nprint(sys.getrecursionlimit())",
        "print([frame.function for frame in inspect.stack()[:3]])",
    ),
    notebook(
        "errors_in_threads",
        "import threading\ndef fail(): raise ValueError('in a thread')\n"
        "thread = threading.Thread(target=fail, name='odd'); thread.start(); thread.join(); print('joined')",
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(1) as pool: future = pool.submit(fail)\n"
        "print(repr(future.exception()))",
        raises("future.result()"),
        "threading.excepthook = lambda args: print('hook', args.exc_type.__name__, args.thread.name)\n"
        "thread = threading.Thread(target=fail, name='odd'); thread.start(); thread.join()",
        "import sys\nprint(sys.excepthook is sys.__excepthook__, sys.unraisablehook is sys.__unraisablehook__)",
        "class D:\n    def __del__(self): raise ValueError('in del')\nd = D(); del d; print('deleted')",
        may_differ=(lines_unordered,),
    ),
    notebook(
        "exception_modes",
        "def f(x): return 1 / x",
        "%xmode Minimal",
        raises("f(0)"),
        "%xmode Plain",
        raises("f(0)"),
        "%xmode Verbose",
        raises("f(0)"),
        "%xmode Context",
        raises("f(0)"),
        "%xmode",
        # an error that is shown ends a run of nbpart, as it ends one of papermill, if not as early
        raises("%tb"),
        raises("get_ipython().showtraceback()"),
        raises("try: f(0)\nexcept ZeroDivisionError: get_ipython().showtraceback()"),
        "%colors NoColor",
        raises("f(0)"),
        raises("%xmode no_such_mode"),
    ),
    notebook(
        "custom_handlers",
        "ip = get_ipython()\ndef handle(self, etype, value, tb, tb_offset=None):\n"
        "    print('handled', etype.__name__, value)\n"
        "ip.set_custom_exc((ZeroDivisionError,), handle)",
        raises("1 / 0"),
        raises("[][1]"),
        "def lines(self, etype, value, tb, tb_offset=None): return ['own', 'traceback']\n"
        "ip.set_custom_exc((IndexError,), lines)",
        raises("[][1]"),
        "def broken(*args, **kwargs): raise OSError('in the handler')\nip.set_custom_exc((KeyError,), broken)",
        raises("{}[1]"),
        "ip.set_custom_exc((), None)",
        raises("{}[1]"),
        "import sys\nsys.excepthook = lambda *args: print('not called')",
        raises("{}[2]"),
        may_differ=(streams_unordered,),
    ),
    notebook(
        "errors_shown_by_hand",
        "import traceback, sys\ntry: 1 / 0\nexcept ZeroDivisionError: traceback.print_exc()",
        "try: 1 / 0\nexcept ZeroDivisionError: print(traceback.format_exc())",
        "def f(): traceback.print_stack(limit=2, file=sys.stdout)\nf()",
        "print(sys.exc_info(), hasattr(sys, 'last_value'))",
        raises("[][0]"),
        "print(repr(sys.last_value), sys.last_type.__name__, sys.last_traceback is not None)",
        "import linecache\nframe = sys._getframe()\n"
        "print(frame.f_code.co_name, frame.f_lineno, linecache.getline(frame.f_code.co_filename, 2))",
        raises("get_ipython().run_cell('1 / 0').error_in_exec"),
        "result = get_ipython().run_cell('x = 5\\nx'); result.result, result.success, result.execution_count",
        raises("raise get_ipython().run_cell('y = = 1').error_before_exec"),
    ),
    *(
        notebook(
            f"exit_{name}", "print('one')", code, ending_differs="nbpart says what was called; with 0 it is a success"
        )
        for name, code in {
            "by_sys": "import sys\nsys.exit()",
            "with_0": "import sys\nsys.exit(0)",
            "with_3": "import sys\nsys.exit(3)",
            "with_text": "import sys\nsys.exit('a reason')",
            "raised": "raise SystemExit(4)",
            "by_name": "exit()",
            "by_quit": "quit()",
        }.items()
    ),
]
