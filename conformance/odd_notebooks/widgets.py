"""Widgets, their state in the notebook, and what is printed into them."""

from __future__ import annotations

from conformance.odd_notebooks.notebook import notebook, raises

_IMPORT = "import ipywidgets as w\nfrom IPython.display import display\n"

NOTEBOOKS = [
    notebook(
        "widgets_of_many_kinds",
        _IMPORT + "slider = w.IntSlider(value=3, min=0, max=9, description='n'); slider",
        "display(slider); slider.value = 5",
        "slider",
        "w.HBox([w.Button(description='press'), w.Label('text'), w.Checkbox(True)])",
        "w.Dropdown(options=['a', 'b'], value='b'), w.Text('x')",
        "w.Tab([w.HTML('<b>one</b>'), w.Textarea('two')], titles=('1', '2'))",
        "w.Accordion([slider]); w.FloatProgress(0.5, max=1)",
        "w.IntProgress(value=3, max=10, bar_style='success')",
        "w.Layout(width='50%').width, w.VBox([], layout=w.Layout(border='1px solid'))",
        "w.DatePicker(), w.ColorPicker(value='red')",
        "w.SelectMultiple(options=range(3), value=[1])",
        "print(slider)",
        "slider.close(); slider",
        raises("w.IntSlider(value='x')"),
        raises("w.Dropdown(options=['a'], value='b')"),
        "slider.comm is None",
    ),
    notebook("no_widgets", _IMPORT + "1", "print('none was made')"),
    notebook(
        "widgets_that_are_never_shown",
        _IMPORT + "slider = w.IntSlider(7)",
        "slider.value = 8; slider.description = 'changed'",
        "slider.value",
    ),
    notebook(
        "widget_events",
        _IMPORT
        + "slider = w.IntSlider(0)\nslider.observe(lambda change: print(change['old'], change['new']), names='value')\n"
        "slider.value = 4",
        "slider.value = 5",
        "other = w.IntSlider(0); link = w.link((slider, 'value'), (other, 'value')); slider.value = 6; other.value",
        "w.jslink((slider, 'value'), (other, 'value'))",
        "button = w.Button(description='press'); button.on_click(lambda b: print('clicked', b.description)); "
        "button.click()",
        raises("slider.observe(lambda change: 1 / 0, names='value'); slider.value = 7"),
        "slider.unobserve_all(); slider.value = 8; other.value",
        "with slider.hold_sync(): slider.value = 1; slider.min = -5",
        "slider.send({'custom': 1})",
        "button.on_click(lambda b: display('displayed')); button.click()",
    ),
    notebook(
        "interact",
        _IMPORT + "@w.interact(x=3)\ndef f(x): return x * 2",
        "w.interact(lambda text: print(text), text='abc');",
        "w.interactive(lambda x, y: x + y, x=1, y=(0, 5))",
        "w.interact_manual(lambda x: x, x=1);",
        "out = w.interactive_output(lambda n: print('n is', n), {'n': w.IntSlider(2)}); out",
        # an error that is shown in a widget ends a run of nbpart
        raises("@w.interact(x=1)\ndef broken(x): raise ValueError('in interact')"),
        "@w.interact(name=['a', 'b'])\ndef shown(name):\n    print(name); display({'name': name})",
        "f(5)",
    ),
    notebook(
        "output_widgets",
        _IMPORT + "out = w.Output(); out",
        "with out: print('into it'); display('displayed')",
        "out.append_stdout('appended'); out.append_stderr('err'); out.append_display_data('data')",
        "import sys\nwith out: print('err', file=sys.stderr)",
        "out.outputs",
        "out.clear_output(); out.outputs",
        "with out: print('before'); out.clear_output(wait=True); print('after')",
        "@out.capture()\ndef captured(): print('by a function'); return 1\ncaptured()",
        "@out.capture(clear_output=True)\ndef cleared(): print('alone')\ncleared(); cleared()",
        "print('outside'); display('outside')",
        "inner = w.Output()\nwith out:\n    display(inner)\n    with inner: print('inner')\n    print('outer')",
        "with out: 5",
        "with w.Output() as other: print('never shown')",
        "out.outputs = ({'output_type': 'stream', 'name': 'stdout', 'text': 'set'},)",
        "with out:\n    for n in range(100): print(n)",
        "with out:\n    from IPython.display import HTML, clear_output\n"
        "    display(HTML('<b>b</b>')); clear_output(); display('last')",
    ),
    notebook(
        "errors_in_output_widgets",
        _IMPORT + "out = w.Output(); out",
        raises("with out: 1 / 0"),
        "print('behind')",
        raises("with out:\n    print('before'); raise ValueError('second')"),
        "[each['output_type'] for each in out.outputs]",
    ),
    notebook(
        "output_widgets_and_threads",
        _IMPORT + "import threading, time\nout = w.Output(); progress = w.IntProgress(max=5); display(out, progress)",
        "def work():\n    for n in range(5):\n"
        "        progress.value = n + 1; out.append_stdout(f'step {n}\\n'); time.sleep(0.02)\n"
        "thread = threading.Thread(target=work); thread.start(); thread.join()",
        "thread = threading.Thread(target=work); thread.start()",
        "thread.join(); print(len(out.outputs), progress.value)",
        "def inside():\n    with out: print('with it, in a thread')\n"
        "thread = threading.Thread(target=inside); thread.start(); thread.join()",
        "len(out.outputs)",
    ),
    notebook(
        "output_widgets_and_updates",
        _IMPORT + "out = w.Output(); out",
        "with out: handle = display('first', display_id='in-widget')",
        "handle.update('second')",
        "display('third', display_id='in-widget')",
        "with out: handle.update('fourth')",
        "out.outputs",
    ),
    notebook(
        "comms",
        "from comm import create_comm, get_comm_manager\ncomm = create_comm(target_name='odd', data={'opened': 1})",
        "comm.send({'sent': 2}, metadata={'m': 1}, buffers=[b'bytes'])",
        "comm.close({'closed': 3})",
        "sorted(get_comm_manager().targets), type(get_comm_manager()).__name__",
        "from ipykernel.comm import Comm\nComm(target_name='old', data={'state': {'odd': 1}}).comm_id is not None",
        "get_ipython().kernel.comm_manager is get_comm_manager()",
        "get_comm_manager().register_target('mine', lambda comm, message: None); 'mine' in get_comm_manager().targets",
    ),
    notebook(
        "widgets_with_bytes",
        _IMPORT + "image = w.Image(value=b'\\x89PNG\\r\\n', format='png'); image",
        "image.value = b'\\xff' * 1000",
        "w.Video(value=b'video', format='mp4')",
        "w.FileUpload()",
    ),
    notebook(
        "own_widgets",
        "import anywidget, traitlets\nclass Own(anywidget.AnyWidget):\n    _esm = 'export default { render() {} }'\n"
        "    count = traitlets.Int(3).tag(sync=True)\n    data = traitlets.Bytes(b'abc').tag(sync=True)\n"
        "own = Own(); own",
        "own.count = 4; own.data = b'def'",
        "own.send({'x': 1}, buffers=[b'1'])",
    ),
    notebook(
        "many_widgets",
        _IMPORT + "box = w.VBox([w.IntSlider(n) for n in range(60)]); box",
        "for n, child in enumerate(box.children): child.value = n + 1",
        "w.Widget.close_all()",
        "box.children[0].value",
    ),
]
