"""Libraries that draw, print progress, or look at what they are run in."""

from __future__ import annotations

from conformance.odd_notebooks.notebook import notebook, raises, replaced, streams_unordered

#: Times and rates in a bar of tqdm.
_RATES = replaced(r"\[\d\d:\d\d<[^\]\n]*\]? *", "[RATE]")
_PLOT = "import matplotlib.pyplot as plt\n"

NOTEBOOKS = [
    notebook(
        "figures",
        _PLOT + "plt.plot([1, 2, 3]);",
        "plt.plot([1, 2, 3])",
        "fig, ax = plt.subplots(); ax.bar(['a', 'b'], [1, 2])",
        "fig",
        "fig, ax = plt.subplots(); ax.plot([1]); plt.close(fig)",
        "plt.figure(figsize=(2, 1)); plt.show(); print('after show')",
        "for n in range(2): plt.figure(figsize=(1, 1)); plt.plot([n]); plt.show()",
        "plt.figure(figsize=(1, 1)); plt.plot([1])\nprint('printed'); 5",
        "from IPython.display import display\nfig = plt.figure(figsize=(1, 1)); display(fig); plt.close()",
        "handle = display(fig, display_id='f')\nhandle.update(fig)",
        raises("plt.figure(figsize=(1, 1)); plt.plot([1]); 1 / 0"),
        "plt.get_backend(), plt.isinteractive(), plt.get_fignums()",
        "import io\nfig.savefig(file := io.BytesIO()); len(file.getvalue()) > 500",
        "plt.hist([1, 2, 2, 3])",
        "plt.imshow([[1, 2], [3, 4]]); plt.colorbar()",
    ),
    notebook(
        "figures_as_vectors",
        "%config InlineBackend.figure_formats = ['svg']\n" + _PLOT + "plt.rcParams['svg.hashsalt'] = 'odd'",
        "plt.figure(figsize=(1, 1)); plt.plot([1, 2]);",
        "%config InlineBackend.figure_formats = {'png', 'svg'}\nplt.figure(figsize=(1, 1)); plt.plot([1, 2]);",
        "from matplotlib_inline.backend_inline import set_matplotlib_formats\nset_matplotlib_formats('retina')\n"
        "plt.figure(figsize=(1, 1)); plt.plot([1, 2]);",
        "set_matplotlib_formats('jpg', pil_kwargs={'quality': 80})\nplt.figure(figsize=(1, 1)); plt.plot([1, 2]);",
        "%config InlineBackend.print_figure_kwargs = {'bbox_inches': None}\n"
        "%config InlineBackend.figure_formats = ['png']\n"
        "plt.figure(figsize=(1, 1)); plt.plot([1, 2]);",
        "%config InlineBackend.close_figures = False\nfig = plt.figure(figsize=(1, 1))",
        "plt.get_fignums()",
        may_differ=(replaced(r"<dc:date>.*?</dc:date>", ""),),
    ),
    notebook(
        "backends_of_figures",
        "%matplotlib",
        "%matplotlib --list",
        "%matplotlib inline",
        _PLOT + "plt.figure(figsize=(1, 1)); plt.plot([1]);",
        "%matplotlib agg\nplt.get_backend()",
        "plt.figure(figsize=(1, 1)); plt.plot([1]); plt.show()",
        "%matplotlib inline\nplt.get_backend()",
        "plt.figure(figsize=(1, 1)); plt.plot([1]); plt.show()",
        "import matplotlib\nmatplotlib.use('agg'); plt.get_backend()",
        "plt.figure(figsize=(1, 1)); plt.plot([2]);",
        raises("%matplotlib no_such_backend"),
        "%matplotlib inline",
        "%pylab inline --no-import-all",
    ),
    notebook(
        "a_backend_that_is_chosen_first",
        "import matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt",
        "plt.figure(figsize=(1, 1)); plt.plot([1]); plt.show()",
        "matplotlib.get_backend()",
    ),
    notebook(
        "a_backend_of_the_environment",
        "import os\nos.environ['MPLBACKEND']",
        "os.environ['MPLBACKEND'] = 'agg'\nimport matplotlib.pyplot as plt\nplt.get_backend()",
        "plt.figure(figsize=(1, 1)); plt.show()",
    ),
    notebook(
        "animations",
        _PLOT + "from matplotlib.animation import FuncAnimation\n"
        "fig, ax = plt.subplots(figsize=(1, 1)); line, = ax.plot([0, 1])\n"
        "animation = FuncAnimation(fig, lambda n: line.set_ydata([0, n]), frames=2); plt.close()",
        "len(animation.to_jshtml(embed_frames=True)) > 1000",
        "from IPython.display import HTML\nHTML(animation.to_jshtml())",
    ),
    notebook(
        "plotly",
        "import plotly.graph_objects as go\nfig = go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))\nfig.show(renderer='json')",
        "import plotly.io as pio\npio.renderers",
        "fig",
        "fig.show()",
        "fig.show(renderer='notebook_connected')",
        "import plotly.express as px\npx.bar(x=['a', 'b'], y=[1, 2])",
        "fig.show('plotly_mimetype')",
        "fig.to_json()[:30]",
    ),
    notebook(
        "tqdm",
        "from tqdm import tqdm\nfor n in tqdm(range(5)): pass",
        "import sys\nfor n in tqdm(range(3), file=sys.stdout, desc='named', ncols=40): print('line', n)",
        "from tqdm import trange\nfor n in trange(3, leave=False): pass",
        "bar = tqdm(total=10); bar.update(4); bar.set_postfix(x=1); bar.close()",
        "for n in tqdm(range(2), desc='outer'):\n    for m in tqdm(range(2), desc='inner', leave=False): pass",
        "for n in tqdm(iter('abc')): tqdm.write(n)",
        may_differ=(
            _RATES,
            streams_unordered,
            # how often a bar is drawn depends on the time
            replaced(r"(\w+: )?\d+it \[\d\d:\d\d, [^\]]*\]", "COUNT"),
            replaced(r"(?s).*\n?(outer: 100%)[^\n]*", r"\1"),
        ),
    ),
    notebook(
        "tqdm_in_notebooks",
        "from tqdm.notebook import tqdm, trange\nplain = {'bar_format': '{desc}{percentage:3.0f}% {n}/{total}{bar}'}\n"
        "for n in tqdm(range(3), **plain): pass",
        "for n in trange(3, desc='named', leave=False, **plain): pass",
        "from tqdm.auto import tqdm as auto\nfor n in auto(range(2), **plain): print(n)",
        "bar = tqdm(total=10, desc='by hand', **plain); bar.update(10); bar.close()",
        raises("for n in tqdm(range(3), **plain):\n    if n == 1: raise ValueError(n)"),
    ),
    notebook(
        "rich",
        "from rich import print as rprint\nrprint('[bold red]bold[/] and', {'a': [1, 2]})",
        "from rich.console import Console\nconsole = Console(); console.print('plain'); console.rule('rule')",
        "print(console.is_jupyter, console.is_terminal, console.width, console.color_system)",
        "from rich.table import Table\ntable = Table('a', 'b'); table.add_row('1', '2'); table",
        "console.print(table)",
        "from rich.progress import track\nfor n in track(range(3), disable=True): pass",
        "from rich import pretty\npretty.install()",
        "{'a': list(range(3))}",
        raises("from rich.traceback import install\ninstall()\n1 / 0"),
        "Console(force_terminal=True, force_jupyter=False, width=40).print('[green]green')",
        "import rich\nrich.inspect(5, methods=False, docs=False)",
        may_differ=(replaced(r"line \d+", "line"),),
    ),
    notebook(
        "pandas",
        "import pandas as pd\nframe = pd.DataFrame({'a': [1, 2], 'b': ['x', None], 'c': [0.5, float('nan')]})\nframe",
        "frame.a",
        "print(frame)",
        "frame.info()",
        "frame.describe()",
        "frame.style.set_uuid('odd').highlight_max(subset=['a'])",
        "pd.DataFrame({n: range(100) for n in range(30)})",
        "pd.set_option('display.max_rows', 4); pd.DataFrame({'n': range(100)})",
        raises("frame['missing']"),
        "frame.to_html(), frame.to_json()",
        "frame['d'] = pd.to_datetime('2024-01-01'); frame.dtypes",
        "frame[frame.a > 1]['a'] = 5",
        "pd.options.display.notebook_repr_html, pd.io.formats.console.in_ipython_frontend() if "
        "hasattr(pd.io.formats, 'console') else None",
        "frame.plot(figsize=(1, 1));",
        "pd.Series(dtype=float), pd.DataFrame()",
    ),
    notebook(
        "numpy",
        "import numpy as np\nnp.arange(12).reshape(3, 4)",
        "np.arange(2000)",
        "np.float64(1.5), np.int8(3), np.array(['a']), np.array([None])",
        "np.set_printoptions(precision=2); np.array([3.14159])",
        "np.array([1.0]) / 0",
        "np.log(np.array([-1.0]))",
        "print(np.random.default_rng(5).integers(0, 100, 5), np.random.RandomState(5).rand(2))",
        "np.random.seed(7); np.random.rand(3)",
        "np.geterr(), np.get_printoptions()['edgeitems']",
        raises("np.array([1, 2]) @ np.array([1, 2, 3])"),
        "with np.errstate(all='raise'):\n    try: np.array([1.0]) / 0\n"
        "    except FloatingPointError as error: print(error)",
    ),
    notebook(
        "which_libraries_are_loaded",
        "import sys\n[name for name in ('pandas', 'numpy', 'matplotlib', 'plotly', 'duckdb', 'nbpart', "
        "'papermill', 'pyarrow') "
        "if name in sys.modules and name in dir(sys.modules['__main__'])]",
        "dir()[:12]",
        "sys.modules['__main__'].__dict__ is globals(), len([n for n in dir() if not n.startswith('_')])",
    ),
]
