"""What is displayed: results, updates, cleared outputs, rich representations and broken ones."""

from __future__ import annotations

from conformance.odd_notebooks.notebook import notebook, raises

_BROKEN = """
class Broken:
    def __repr__(self): return 'still plain'
    def _repr_html_(self): raise ValueError('no html')
Broken()
"""
_METHODS = """
class Rich:
    def __repr__(self): return 'plain'
    def _repr_html_(self): return '<b>html</b>'
    def _repr_markdown_(self): return '**markdown**'
    def _repr_latex_(self): return '$x$'
    def _repr_json_(self): return {'a': [1, None]}, {'expanded': True}
    def _repr_svg_(self): return '<svg xmlns="http://www.w3.org/2000/svg"/>'
    def _repr_javascript_(self): return 'void 0'
    def _repr_png_(self): return b'\\x89PNG\\r\\n\\x1a\\n0000', {'width': 3}
    def _repr_jpeg_(self): return b'\\xff\\xd8\\xff'
    def _repr_pdf_(self): return b'%PDF-1.4'
Rich()
"""
_BUNDLE = """
class Bundle:
    def __init__(self, *parts): self.parts = parts
    def _repr_mimebundle_(self, **options): return self.parts[0] if len(self.parts) == 1 else self.parts
    def __repr__(self): return 'own repr'
Bundle({'text/plain': 'plain', 'text/html': '<i>x</i>', 'application/vnd.odd+json': {'n': [1, 2.5, None, True]}})
"""
_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

NOTEBOOKS = [
    notebook(
        "results",
        "1 + 1",
        "None",
        "'text'; 2",
        "3;",
        "4 # comment; with semicolon",
        "5; # comment",
        "_",
        "_ + 10, __, ___",
        "Out[1], In[1], _1, _i, _ii, len(In), sorted(Out)",
        "x = 6",
        "x\nx + 1",
        "if True:\n    7",
        "for n in range(3): n",
        "[n for n in range(200)]",
        "{'key': list(range(40)), 'other': {'nested': [None] * 30}}",
        "'line\\nline'",
        "print('printed'); 8",
        "_ = 'own'\n9",
        "_",
        "lambda: 0",
        "int, print, len, type",
        "print",
    ),
    notebook(
        "display_and_result",
        "from IPython.display import display\ndisplay(1, 'two', [3]); 4",
        "display()",
        "display(None)",
        "display(display)",
        "handle = display('first', display_id='mine'); handle",
        "display('shown again', display_id='mine')",
        "display({'text/plain': 'raw', 'text/html': '<b>raw</b>'}, raw=True, metadata={'text/html': "
        "{'isolated': True}})",
        "display({'application/json': {'a': 1}, 'text/plain': ''}, raw=True)",
        "display('only plain', include=['text/plain'], exclude=['text/html'])",
        raises("display('raw text', raw=True)"),
        "display('no id', display_id=False)",
        "display('transient', transient={'note': 1})",
        "display(type(display('anonymous', display_id=True)).__name__)",
    ),
    notebook(
        "display_updates",
        "from IPython.display import display, update_display, DisplayHandle\nhandle = display('one', display_id='a')",
        "display('other cell, same id', display_id='a')",
        "update_display('changed in both', display_id='a')",
        "handle.update({'text/plain': 'raw', 'text/html': '<b>raw</b>'}, raw=True)",
        "for n in range(30): handle.update(n)",
        "own = DisplayHandle('own'); own.display('begun'); print('between'); own.display('twice'); own.update('both')",
        "display('last', display_id='b'); update_display('updated in its cell', display_id='b')",
        "update_display('nowhere', display_id='unknown')",
        "print('printed'); display('after', display_id='c'); print('more'); update_display('c changed', "
        "display_id='c')",
        "display('x', display_id='d', metadata={'odd': 1}); update_display('y', display_id='d', metadata={'even': 2})",
    ),
    notebook(
        "display_updates_from_threads",
        "import threading, time\nfrom IPython.display import display\nhandle = display('begun', display_id='t')\n"
        "def work():\n    for n in range(10):\n        handle.update(f'step {n}'); time.sleep(0.03)\n"
        "thread = threading.Thread(target=work); thread.start(); thread.join()",
        "thread = threading.Thread(target=work); thread.start()",
        "thread.join(); print('joined')",
        "def show(): display('from a thread')\nother = threading.Thread(target=show); other.start(); other.join()",
    ),
    notebook(
        "display_from_threads_later",
        "import threading, time\nfrom IPython.display import display\ndef show():\n"
        "    time.sleep(0.3); display('late')\n"
        "thread = threading.Thread(target=show); thread.start()",
        "time.sleep(0.6); print('second cell')",
        is_late=True,
    ),
    notebook(
        "clear_output",
        "from IPython.display import clear_output, display\nprint('gone'); clear_output(); print('stays')",
        "print('gone'); clear_output(wait=True); print('stays')",
        "print('stays, as nothing comes'); clear_output(wait=True)",
        "print('of the next cell')",
        "for n in range(5):\n    clear_output(wait=True); display(n)",
        "display('one'); clear_output(); clear_output(); display('two'); clear_output(wait=True); display('three')",
        "display('by id', display_id='z'); clear_output(); print('z is gone')",
        "from IPython.display import update_display\nupdate_display('z again', display_id='z')",
        "display('new z', display_id='z'); update_display('newer z', display_id='z')",
        "import sys\nprint('out'); print('err', file=sys.stderr); clear_output(wait=True); print('only this')",
        raises("print('gone'); clear_output(wait=True); 1 / 0"),
        "print('gone'); clear_output(); 7",
        "for n in range(3):\n    print(n); clear_output(wait=n % 2 == 0)",
        "print('x' * 70_000); clear_output(); print('little')",
    ),
    notebook(
        "display_classes",
        "from IPython.display import *\nfrom IPython.display import GeoJSON\nHTML('<b>html</b>')",
        "Markdown('# markdown')",
        "Latex('$x^2$'), Math('x^2')",
        "display(Latex('$x^2$'), Math('x^2'))",
        "JSON({'a': [1, {'b': None}]}, expanded=True, root='top')",
        'SVG(\'<svg xmlns="http://www.w3.org/2000/svg"><circle r="1"/></svg>\')',
        f"import base64\npng = base64.b64decode('{_PNG}')\nImage(png)",
        "Image(png, width=10, height=20, alt='dot', metadata={'odd': True})",
        "Image(data=png, format='png', embed=True, unconfined=True)",
        "Image(url='https://example.org/x.png')",
        "Audio([0.0, 0.5, -0.5] * 10, rate=8000)",
        "Javascript('void 0')",
        "Javascript('void 0', lib='https://example.org/x.js')",
        "IFrame('https://example.org', 100, 50)",
        "FileLink('missing.txt')",
        "Pretty('pretty'), Code('x = 1', language='python')",
        "Code('x = 1', language='python')",
        "GeoJSON({'type': 'Point', 'coordinates': [1, 2]})",
        "ProgressBar(3)",
        "Video('https://example.org/x.mp4')",
        "display_html('<i>x</i>', raw=True); display_markdown('*x*', raw=True); display_json({'x': 1}, raw=True)",
        "set_matplotlib_formats if 'set_matplotlib_formats' in dir() else 'gone'",
    ),
    notebook(
        "rich_representations",
        _METHODS,
        "Rich(), [Rich()]",
        "from IPython.display import display\ndisplay(Rich(), include=['text/html'])",
        "Rich._repr_html_ = None; Rich()",
        "class Ipython:\n    def _ipython_display_(self): print('displays itself')\nIpython()",
        "display(Ipython())",
        "class Pretty:\n    def _repr_pretty_(self, p, cycle): p.text('pretty' if not cycle else '...')\n[Pretty()]",
        "Pretty",
        "ip = get_ipython()\nip.display_formatter.formatters['text/html'].for_type(int, lambda n: f'<b>{n}</b>')\n5",
        "ip.display_formatter.formatters['text/plain'].for_type(float, lambda x, p, cycle: p.text('a float'))\n[1.5]",
        "%precision 2",
        "3.14159, 'x'",
        "ip.display_formatter.active_types = ['text/plain']\nRich()",
    ),
    notebook(
        "mime_bundles",
        _BUNDLE,
        "Bundle({'text/plain': 'with metadata'}, {'text/plain': {'odd': 1}, 'top': True})",
        "Bundle({})",
        "Bundle(None)",
        "Bundle({'image/png': b'\\x89PNG'}, {})",
        "Bundle({'text/html': '<b>no plain</b>'})",
        "from IPython.display import display\n"
        "display(Bundle({'text/plain': 'a', 'text/html': 'b'}), exclude=['text/html'])",
        "display({'text/plain': 'own', 'application/x-odd': 'text', 'application/odd+json': [1]}, raw=True)",
        "from IPython.display import publish_display_data\n"
        "publish_display_data({'text/plain': 'p'}, metadata={'m': 1})",
        "publish_display_data({'text/plain': 'q'}, transient={'display_id': 'q'})",
        "publish_display_data({'text/plain': 'changed q'}, transient={'display_id': 'q'}, update=True)",
        raises("publish_display_data('no dict')"),
    ),
    notebook(
        "broken_representations",
        raises(_BROKEN),
        raises("class NoText:\n    def __repr__(self): raise ValueError('no repr')\nNoText()"),
        raises("NoText(), 1"),
        raises("from IPython.display import display\nprint('before'); display(NoText()); print('after')"),
        raises("class Wrong:\n    def __repr__(self): return 42\nWrong()"),
        raises("class WrongHtml:\n    def _repr_html_(self): return 42\nWrongHtml()"),
        raises("class Exits:\n    def __repr__(self): raise SystemExit(3)\nExits()"),
        raises("class Interrupts:\n    def __repr__(self): raise KeyboardInterrupt\nInterrupts()"),
        raises("class Bundle:\n    def _repr_mimebundle_(self, **_): raise OSError('no bundle')\nBundle()"),
        raises("class Itself:\n    def _ipython_display_(self): raise OSError('no display')\nItself()"),
        raises(
            "class Meta(type):\n    def __repr__(cls): raise ValueError('no class repr')\n"
            "class C(metaclass=Meta): pass\nC"
        ),
        raises(
            "class Everything:\n    def __getattr__(self, name): return lambda *_, **__: 'got ' + name\nEverything()"
        ),
        raises("class Nothing:\n    def __getattr__(self, name): raise RuntimeError(name)\nNothing()"),
        "'still there'",
    ),
    notebook(
        "huge_representations",
        "list(range(100_000))",
        "'x' * 500_000",
        "{n: n for n in range(5_000)}",
        "import numpy\nnumpy.arange(100_000).reshape(100, 1000)",
        "a = []\nfor n in range(50): a = [a]\na",
        "loop = [1]; loop.append(loop); loop",
        "from IPython.display import HTML\nHTML('<p>' + 'y' * 300_000)",
    ),
    notebook(
        "display_hooks",
        "import sys\nprint(type(sys.displayhook).__name__, type(get_ipython().display_pub).__name__)",
        "kept = sys.displayhook\nsys.displayhook = lambda value: print('hooked', value)\n1",
        "2",
        "sys.displayhook = kept",
        "3",
        "sys.displayhook('by hand')",
        "seen = []\nget_ipython().display_pub.register_hook(lambda m: seen.append(m['msg_type']) or m)\n"
        "from IPython.display import display\ndisplay('x'); print(seen)",
        "get_ipython().display_pub.register_hook(lambda m: None)\ndisplay('swallowed')",
        "print(get_ipython().display_pub.is_publishing)",
        "exec('5'); eval('6'); print(compile('7', 'x', 'single') is not None)",
        "exec(compile('8', 'x', 'single'))",
        "get_ipython().ast_node_interactivity = 'all'",
        "1\n2\nx = 3\nx",
        "get_ipython().ast_node_interactivity = 'last_expr_or_assign'",
        "y = 4",
    ),
]
