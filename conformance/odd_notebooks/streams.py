"""What is printed: order, sizes, odd characters, threads, and streams that are replaced."""

from __future__ import annotations

from conformance.odd_notebooks.notebook import lines_unordered, notebook, raises, replaced, streams_unordered

NOTEBOOKS = [
    notebook(
        "print_order",
        "import sys\nfor n in range(20):\n    print('out', n)\n    print('err', n, file=sys.stderr)",
        "for n in range(20):\n    print('out', n, flush=True)\n    print('err', n, file=sys.stderr, flush=True)",
        "print('a', end='')\nprint('b', end='', flush=True)\nprint('c')\nsys.stdout.flush()\nprint('d')",
        "sys.stdout.write('no end of line')",
        "sys.stdout.writelines(['one\\n', 'two\\n']); print(*'abc', sep='\\n', end='')",
        "print()",
        "print('', end='')",
        "",
        "# nothing but a comment",
        "   ",
        "print('out', end=''); print('err', end='', file=sys.stderr); print('out again')",
        may_differ=(streams_unordered,),
    ),
    notebook(
        "print_order_flushed",
        "import sys\nfor n in range(10):\n"
        "    print('out', n, flush=True)\n    print('err', n, file=sys.stderr, flush=True)",
        "from IPython.display import display\nfor n in range(10):\n    print('before', n)\n    display(n)",
        "for n in range(10):\n    print('err', n, file=sys.stderr, flush=True)\n    display(n)\n"
        "    print('out', n, flush=True)",
    ),
    notebook(
        "carriage_returns",
        "import sys, time\nfor n in range(200): print(f'\\rstep {n}', end='')\nprint()",
        "for n in range(5):\n    print(f'\\rstep {n}', end='', flush=True)\n    time.sleep(0.05)",
        "print('long line\\rshort')",
        "print('kept at the end\\r')",
        "print('one\\r\\ntwo\\r\\n\\r\\nthree\\r')",
        "print('x\\r', end=''); print('y')",
        "print('x\\r', end='', flush=True); time.sleep(0.3); print('\\ny')",
        "print('first\\nsecond\\rthird\\nfourth\\r\\rfifth')",
        "print('over\\rtwice\\r', file=sys.stderr)",
    ),
    notebook(
        "backspaces",
        "print('abc\\b\\bX')",
        "import time\nprint('abc', end='', flush=True); time.sleep(0.3); print('\\b\\bX')",
        "for n in range(12): print('\\b' * 3 if n else '', f'{n:3d}', sep='', end='')",
        "print('line\\n', end=''); print('abcdef' + '\\b' * 4)",
        "print('äöü\\b!')",
        "print('12\\b\\r3')",
    ),
    notebook(
        "huge_lines",
        "print('x' * 1_000_000)",
        "print('y' * 300_000, end=''); print('z' * 300_000)",
        "for n in range(100): print(str(n % 10) * 9_999, end=',')",
        "print('ä' * 200_000)",
        "print('\\U0001f600' * 50_000)",
    ),
    notebook(
        "many_lines",
        "for n in range(200_000): print('line', n)",
        "print('done')",
        "for n in range(300): print('flushed', n, flush=True)",
        "print(*range(100_000), sep='\\n')",
    ),
    notebook(
        "unicode",
        "print('ä ö ü ß € 漢字 עברית \\U0001f469\\u200d\\U0001f680 e\\u0301')",
        "print('\\x00 nul, \\x07 bell, \\x1b[31mred\\x1b[0m, \\x0b tab, \\x0c feed, \\x7f')",
        "print('\\u2028 line \\u2029 paragraph \\x85 next \\ufeff mark')",
        "'ä \\x00 \\x1b[31m \\u2028 \\ufeff'",
        "import sys\nprint('naïve', file=sys.stderr)",
        "größe = 'ein Name'\nprint(größe)",
        "from IPython.display import display\n"
        "display({'text/plain': 'plain \\U0001f600', 'text/html': '<b>ä</b>'}, raw=True)",
    ),
    notebook(
        "bytes_not_utf8",
        "import os, sys, time\n_ = os.write(1, b'bytes: \\xff\\xfe, \\xe4 and \\xc3\\xa4\\n'); time.sleep(0.5)",
        "_ = os.write(2, b'to 2: \\xff\\n'); time.sleep(0.5)",
        "try:\n    sys.stdout.buffer.write(b'x')\nexcept AttributeError as error:\n    print(error)",
        "_ = os.write(1, 'ä'.encode() * 3); time.sleep(0.5)",
    ),
    notebook(
        "threads_print",
        "import threading\ndef say(who):\n    for n in range(50): print(f'thread {who} {n}\\n', end='')\n"
        "threads = [threading.Thread(target=say, args=(who,)) for who in range(4)]\n"
        "for thread in threads: thread.start()\nfor thread in threads: thread.join()\nprint('joined')",
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as pool:\n"
        "    print(list(pool.map(lambda n: print(f'pool {n}\\n', end='') or n * n, range(20))))",
        "thread = threading.Thread(target=lambda: 1 / 0, name='broken'); thread.start(); thread.join()",
        may_differ=(lines_unordered,),
    ),
    notebook(
        "threads_print_later",
        "import threading, time\ndef say():\n    time.sleep(0.1)\n    for n in range(5):\n"
        "        print(f'later {n}\\n', end='')\n"
        "        time.sleep(0.15)\n"
        "thread = threading.Thread(target=say); thread.start()\nprint('cell 1 is done')",
        "print('cell 2')\ntime.sleep(0.4)\nprint('cell 2 is done')",
        "timer = threading.Timer(0.2, lambda: print('timer')); timer.start()",
        "timer.join(); thread.join()\nprint('cell 4')",
        "late = threading.Timer(0.4, lambda: print('after the last cell')); late.start()",
        is_late=True,
    ),
    notebook(
        "logging",
        "import logging\nlogging.warning('to the root')\nlogging.info('not shown')",
        "logging.basicConfig(level=logging.INFO, force=True, format='%(levelname)s:%(name)s: %(message)s')\n"
        "logging.info('shown'); logging.getLogger('mine').debug('not shown'); logging.getLogger('mine').error('mine')",
        "import sys\nhandler = logging.StreamHandler(sys.stdout); handler.setFormatter(logging.Formatter('out "
        "%(message)s'))\n"
        "own = logging.getLogger('own'); own.propagate = False; own.addHandler(handler); own.warning('hello')",
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    own.exception('it failed')",
        "print(logging.getLogger().handlers, logging.getLogger().level, logging.lastResort)",
        "logging.getLogger('asyncio').warning('a library'); logging.captureWarnings(True)\n"
        "import warnings; warnings.warn('captured')",
    ),
    notebook(
        "logging_untouched",
        "import logging\nprint(logging.getLogger().handlers, logging.getLogger().level, logging.root.manager.disable)",
        "print(logging.getLogger('ipykernel').handlers, logging.getLogger('tornado').level)",
        "print(logging.getLogger('asyncio').level, logging.getLogger('traitlets').handlers)",
        "logging.getLogger('never.seen').warning('by the last resort')",
        "import logging.config\nlogging.config.dictConfig({'version': 1, 'disable_existing_loggers': True})\n"
        "logging.warning('after dictConfig')",
    ),
    notebook(
        "warnings",
        "import warnings\nwarnings.warn('once')\nwarnings.warn('of a kind', DeprecationWarning)",
        "def warn(): warnings.warn('from here')\nfor n in range(3): warn()",
        "for n in range(3): warn()",
        "with warnings.catch_warnings(record=True) as caught:\n    warnings.simplefilter('always'); warn()\n"
        "print([str(each.message) for each in caught])",
        "warnings.simplefilter('error')",
        raises("warn()"),
        "import sys\nprint(sys.warnoptions)",
        "'\\d'",
    ),
    notebook(
        "warning_filters",
        "import warnings\nfor action, message, category, module, line in warnings.filters:\n"
        "    print(action, category.__name__, message, module, line)",
        # those of numpy, which a kernel of nbpart has imported
        may_differ=(replaced(r"(?m)^(ignore Warning re.compile\('numpy\.|always RankWarning).*\n", ""),),
    ),
    notebook(
        "stdout_replaced",
        "import io, sys\nkept = sys.stdout\nsys.stdout = io.StringIO(); print('not seen'); text = "
        "sys.stdout.getvalue()\n"
        "sys.stdout = kept\nprint(repr(text))",
        "from contextlib import redirect_stdout, redirect_stderr\n"
        "with redirect_stdout(io.StringIO()) as out: print('x')\n"
        "print(repr(out.getvalue()))",
        "with redirect_stdout(sys.stderr): print('to the other')",
        "with redirect_stderr(sys.stdout): print('and back', file=sys.stderr)",
        "class Tee:\n    def __init__(self, *streams): self.streams = streams\n"
        "    def write(self, text):\n        for stream in self.streams: stream.write(text)\n"
        "    def flush(self): pass\nsys.stdout = Tee(kept, out)",
        "print('by the tee')",
        "sys.stdout = kept\nprint(out.getvalue().splitlines())",
        # a stock kernel never ends a cell that begins with sys.stdout = None
        "sys.stdout = None\nprint('to nobody')\nsys.stdout = kept\nprint(sys.stdout is kept)",
        "print('original', file=sys.__stdout__)",
        # as long as sys.stdout is another, the kernel's stream does not learn of a new cell
        is_late=True,
    ),
    notebook(
        "stream_attributes",
        "import sys\nfor stream in (sys.stdout, sys.stderr):\n"
        "    print(type(stream), stream.name, stream.encoding, stream.errors)\n"
        "    print(stream.isatty(), stream.writable(), stream.readable(), stream.seekable(), stream.closed)\n"
        "    print(type(stream.fileno()), hasattr(stream, 'buffer'), stream.newlines)",
        "print(repr(sys.stdin)[:20], sys.stdin is not None and sys.stdin.closed)",
        "def refused(call):\n    try: call()\n    except Exception as error: print(type(error).__name__, error)",
        "refused(lambda: sys.stdin.read(1))\nrefused(lambda: sys.stdout.write(b'bytes'))",
        "refused(lambda: sys.stdout.write(None))\nrefused(lambda: print('x', file=3))\nrefused(sys.stdout.read)",
        "refused(lambda: sys.stdout.reconfigure(encoding='latin-1'))\nrefused(lambda: sys.stdout.buffer)",
        "print(sys.stdout.write('five\\n'), sys.stderr.write(''))",
        "import os\nprint(os.isatty(1), os.isatty(2))",
        raises("os.get_terminal_size()"),
        "import shutil\nprint(shutil.get_terminal_size())",
        "import io\nprint(isinstance(sys.stdout, io.TextIOBase), sys.stdout.mro() if 0 else type(sys.stdout).__name__)",
        "print(sys.stdout.line_buffering if hasattr(sys.stdout, 'line_buffering') else 'none')",
    ),
    notebook(
        "lone_surrogates",
        raises("print('lone \\udc80 surrogate')"),
        "print('still there')",
    ),
    notebook(
        "lone_surrogate_result",
        raises("'lone \\udc80 surrogate'"),
        "print('still there')",
    ),
    notebook(
        "prints_of_objects",
        "class Odd:\n    def __str__(self): return 'as text'\n    def __repr__(self): return 'as repr'\n"
        "print(Odd(), [Odd()])",
        "print(1, 2.5, None, True, 1j, b'bytes', ..., {1: [2, (3,)]}, {4}, range(3))",
        raises("class Broken:\n    def __str__(self): raise ValueError('no text')\nprint('before'); print(Broken())"),
        "import pprint\npprint.pprint({n: list(range(n)) for n in range(12)}, width=50, compact=True)",
        "import textwrap, json\nprint(json.dumps({'a': [1, 2, {'b': None}]}, indent=2))",
    ),
]
