"""What a notebook does to the process that it is executed in, and to what it has displayed already."""

from __future__ import annotations

from conformance.odd_notebooks.notebook import lines_unordered, notebook, raises, streams_unordered

_INNER = """
{"cells": [{"cell_type": "code", "execution_count": null, "id": "a", "metadata": {}, "outputs": [],
            "source": ["print('an inner notebook')\\n", "6 * 7"]}],
 "metadata": {"kernelspec": {"name": "python3", "language": "python", "display_name": "p"}},
 "nbformat": 4, "nbformat_minor": 5}
"""
_DISPLAY = "from IPython.display import display\n"

NOTEBOOKS = [
    notebook(
        "changed_after_it_was_displayed",
        _DISPLAY
        + "data = {'a': [1]}\ndisplay({'application/json': data}, raw=True); data['a'].append(2); data['b'] = 3",
        "bundle = {'text/plain': 'first'}\ndisplay(bundle, raw=True); bundle['text/plain'] = 'second'",
        "metadata = {'odd': 1}\ndisplay('x', metadata=metadata); metadata['odd'] = 2",
        "handle = display({'application/json': data}, raw=True, display_id='j'); data['a'].clear(); "
        "handle.update(data, raw=False)",
        "class Shared:\n    state = {'text/plain': 'once'}\n    def _repr_mimebundle_(self, **_): return self.state\n"
        "display(Shared()); Shared.state['text/plain'] = 'twice'; display(Shared())",
        "import ipywidgets as w\noptions = ['a', 'b']\nbox = w.Dropdown(options=options); options.append('c'); box",
        "from comm import create_comm\nstate = {'state': {'x': [1]}}\n"
        "comm = create_comm(target_name='odd', data=state); "
        "state['state']['x'].append(2)",
    ),
    notebook(
        "json_of_displays",
        _DISPLAY + "display({'application/json': {1: 'int', None: 'none', True: 'bool', 2.5: 'float'}}, raw=True)",
        "display({'application/json': (1, [2, (3,)])}, raw=True)",
        raises("display({'application/json': {'x': float('nan'), 'y': float('inf')}}, raw=True)"),
        "import datetime\ndisplay({'application/json': {'at': datetime.datetime(2024, 1, 2)}}, raw=True)",
        raises("display({'application/json': {'bytes': b'abc'}}, raw=True)"),
        raises("display({'application/json': {1, 2}}, raw=True)"),
        raises("import numpy\ndisplay({'application/json': {'n': numpy.int64(5), 'f': numpy.float32(0.5)}}, raw=True)"),
        raises("display({'application/json': object()}, raw=True)"),
        "display({'text/plain': 'ä', 'application/json': {'ä': '\\U0001f600'}}, raw=True)",
        "class Text(str): pass\ndisplay({'text/plain': Text('a subclass')}, raw=True); print(Text('printed'))",
        "class Number(int): pass\ndisplay({'application/json': [Number(3), 10**30, -0.0, 1e300]}, raw=True)",
        "from collections import OrderedDict, UserDict\ndisplay({'application/json': OrderedDict(b=1, a=2)}, raw=True)",
        raises("display('x', metadata={'k': {1, 2}})"),
        "print('behind')",
    ),
    notebook(
        "many_displays",
        _DISPLAY + "for n in range(1500): display(n)",
        "handle = display('begun', display_id=True)\nfor n in range(1500): handle.update(n)",
        "for n in range(300):\n    print(n); display(n)",
        "display({'text/plain': 'big', 'application/json': list(range(100_000))}, raw=True)",
        "from IPython.display import clear_output\nfor n in range(500):\n    clear_output(wait=True); print('step', n)",
    ),
    notebook(
        "displays_of_forked_processes",
        _DISPLAY + "import multiprocessing, time\ncontext = multiprocessing.get_context('fork')\n"
        "child = context.Process(target=print, args=('printed by a child',)); child.start(); child.join(); "
        "time.sleep(0.5)",
        "import os\npid = os.fork()\nif not pid:\n    exit_code = 3; os._exit(exit_code)\nos.waitpid(pid, 0)[1] >> 8",
        "pid = os.fork()\nif not pid:\n    try: 1 / 0\n    finally: os._exit(4)\nos.waitpid(pid, 0)[1] >> 8",
        "display('of the parent')",
        may_differ=(lines_unordered,),
    ),
    notebook(
        "descriptors_closed",
        "import os, sys\nsaved = os.dup(1), os.dup(2)\nos.close(1); print('stdout is closed')\nos.dup2(saved[0], 1);",
        "os.close(2); print('stderr is closed', file=sys.stderr)\nos.dup2(saved[1], 2);",
        "os.close(0); print('stdin is closed'); os.open('/dev/null', os.O_RDONLY)",
        "null = os.open('/dev/null', os.O_WRONLY)\n"
        "os.dup2(null, 1); os.dup2(null, 2); print('to nothing, but not Python')",
        "print('by Python', file=sys.stderr); print('out')",
        raises("1 / 0"),
        "os.dup2(saved[0], 1); os.dup2(saved[1], 2)\nos.write(1, b'back\\n'); import time; time.sleep(0.5)",
        may_differ=(streams_unordered,),
    ),
    notebook(
        "folders_that_are_gone",
        "import os\nos.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')",
        "print('printed'); 5",
        raises("os.getcwd()"),
        "from IPython.display import display\ndisplay('displayed')",
        "os.chdir('/')\nos.getcwd()",
    ),
    notebook(
        "limits_of_the_process",
        "import resource, os\nsoft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir('/proc/self/fd')) + 8, hard))",
        "print('few descriptors'); from IPython.display import display; display('displayed')",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))\nmask = os.umask(0o777)",
        "print('no permissions'); 1",
        "os.umask(mask); old = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, old[1]))",
        "for n in range(500): print('files are small', n)",
        raises("with open('large.txt', 'w') as file: file.write('x' * 5000)"),
        "resource.setrlimit(resource.RLIMIT_FSIZE, old)\nprint('behind')",
        "os.environ.clear(); print('no variables')",
        "import shutil, tempfile\ntempfile.tempdir = '/no/such/folder'; print('no temporary folder')",
    ),
    notebook(
        "functions_replaced",
        "import builtins, io, json, os, time, uuid\nfrom unittest import mock",
        "with mock.patch('time.time', return_value=0.0): print('no time'); 1",
        "patches = [mock.patch('time.time', return_value=5.0), mock.patch('builtins.open', "
        "side_effect=OSError('no files'))]\n"
        "for patch in patches: patch.start()",
        "print('files and times are mocked'); time.time()",
        raises("open('x')"),
        "from IPython.display import display\ndisplay('displayed', display_id='p'); 2",
        "for patch in patches: patch.stop()",
        "uuids = mock.patch('uuid.uuid4', return_value=uuid.UUID(int=7)); uuids.start()\n"
        "display('same', display_id=True);",
        "uuids.stop()\nbuiltins_print = print\nbuiltins.print = lambda *args: builtins_print('patched', *args)",
        "print('x')",
        "builtins.print = builtins_print\nsystem = os.system; os.system = lambda command: 'not executed'",
        "os.system('echo x')",
        "os.system = system\nrepr_of = builtins.repr; builtins.repr = lambda x: 'patched'",
        "[1], repr(2)",
        "builtins.repr = repr_of; print('behind')",
        "ZeroDivisionError.__module__, [].__class__.__name__",
        "builtins.Exception = OSError",
        raises("raise ValueError('with another Exception')"),
        "builtins.Exception = ValueError.__base__; print('restored')",
    ),
    notebook(
        "libraries_of_notebooks_replaced",
        "import nbformat, papermill, nbclient\nfrom unittest import mock",
        "nbformat.v4.new_output = nbformat.write = nbformat.from_dict = None\nprint('nbformat is broken')",
        "nbclient.NotebookClient.execute_cell = None; nbclient.NotebookClient.process_message = None\n1",
        "papermill.execute_notebook = None; import papermill.engines\n"
        "papermill.engines.papermill_engines._engines.clear()",
        "from IPython.display import display\ndisplay('displayed')",
        raises("1 / 0"),
        "import sys\nfor name in list(sys.modules):\n"
        "    if name.split('.')[0] in ('nbformat', 'papermill', 'nbclient'): del sys.modules[name]",
        "print('behind'); 2",
    ),
    notebook(
        "nested_execution",
        "import papermill, json\npapermill.execute_notebook('inner.ipynb', 'out.ipynb', progress_bar=False)\n"
        "[o.get('text') or o['data']['text/plain'] for o in json.load(open('out.ipynb'))['cells'][0]['outputs']]",
        "import nbformat, nbclient\nnb = nbformat.read('inner.ipynb', as_version=4)\nnbclient.execute(nb)\n"
        "len(nb.cells[0].outputs)",
        "print('outer')",
        files={"inner.ipynb": _INNER},
    ),
    notebook(
        "streams_tampered_with",
        "import sys\nfrom ipykernel.iostream import OutStream\n"
        "isinstance(sys.stdout, OutStream), isinstance(sys.stderr, OutStream)",
        "write = sys.stdout.write\nsys.stdout.write = lambda text: write(text.upper()); print('upper')\n"
        "sys.stdout.write = write; print('lower')",
        "def write(text, write=write): return write(text[::-1])\n"
        "sys.stdout.write = write; print('abc'); del sys.stdout.write",
        "print('again')",
        "sys.stdout.flush(); sys.stdout.pub_thread is not None, sys.stdout.name, sys.stdout.topic",
        "sys.stdout.flush_interval, sys.stdout.parent_header['msg_type']",
        "sys.stdout.parent_header['msg_id'] == get_ipython().kernel.get_parent()['header']['msg_id']",
        "get_ipython().kernel.iopub_thread.flush() if hasattr(get_ipython().kernel.iopub_thread, 'flush') else None",
        "class Loud(str): pass\nprint(Loud('x'), end=Loud('!\\n'), sep=Loud(''))",
        "stdout = sys.stdout\nsys.stdout = sys.stderr\nprint('swapped')",
        "sys.stdout = stdout\nprint('back')",
        "sys.stdout, sys.stderr = sys.stderr, sys.stdout\nprint('crossed'); print('crossed too', file=sys.stderr)",
        "sys.stdout, sys.stderr = sys.stderr, sys.stdout\nprint('straight')",
        may_differ=(streams_unordered,),
        # a stream that is not sys.stdout or sys.stderr does not learn of a new cell
        is_late=True,
    ),
    notebook(
        "cells_that_print_for_others",
        "import threading\nkernel = get_ipython().kernel\nparent = kernel.get_parent()\nprint('first')",
        "import sys\nsys.stdout.set_parent(parent); print('set to the first'); sys.stdout.flush()",
        "print('third')",
        is_late=True,
    ),
    notebook(
        "signals_while_printing",
        "import signal, time\ncount = 0\ndef tick(number, frame):\n    global count\n    count += 1\n"
        "signal.signal(signal.SIGALRM, tick); signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\n"
        "for n in range(3000): print('line', n)\nsignal.setitimer(signal.ITIMER_REAL, 0)\ncount > 0",
        "signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\nfrom IPython.display import display\n"
        "for n in range(100): display(n)\nsignal.setitimer(signal.ITIMER_REAL, 0);",
        "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()) is not None",
        "print('all are blocked'); 5",
        "signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals()) is not None",
    ),
    notebook(
        "odd_base_exceptions",
        raises("raise GeneratorExit('g')"),
        raises("raise StopAsyncIteration"),
        raises("class Own(BaseException): pass\nraise Own('base')"),
        raises("import asyncio\nraise asyncio.CancelledError('c')"),
        raises("await asyncio.sleep(0); raise asyncio.CancelledError('d')"),
        raises("async def cancelled(): raise asyncio.CancelledError\nawait cancelled()"),
        raises("task = asyncio.create_task(asyncio.sleep(5)); task.cancel(); await task"),
        raises("raise MemoryError('m')"),
        raises("bytearray(1 << 60)"),
        "print('behind')",
    ),
    notebook(
        "profiles_and_traces_left_on",
        "import sys\ncalls = []\nsys.setprofile(lambda frame, event, arg: calls.append(frame.f_code.co_name) if "
        "frame.f_globals is globals() else None)",
        "def called(): return 1\ncalled(); print('profiled')",
        "sys.setprofile(None)\n'called' in calls",
        "import threading\nthreading.setprofile(None); threading.settrace(None)\nsys.gettrace() is None",
        "import tracemalloc\ntracemalloc.start(); x = [0] * 1000; tracemalloc.stop(); print('measured')",
        "import warnings, gc\ngc.set_debug(0); gc.collect() >= 0",
        "sys.setswitchinterval(0.001); sys.set_int_max_str_digits(640); print(sys.get_int_max_str_digits())",
    ),
    notebook(
        "tasks_of_the_loop",
        "import asyncio\nasyncio.current_task() is not None, asyncio.get_running_loop().get_debug()",
        "loop = asyncio.get_running_loop()\nloop.set_exception_handler(lambda loop, context: print('handled', "
        "context['message'][:20]))",
        "loop.call_soon(lambda: 1 / 0); await asyncio.sleep(0.05)",
        "loop.set_exception_handler(None)",
        "from tornado.ioloop import IOLoop, PeriodicCallback\nfrom tornado import gen\n"
        "IOLoop.current().asyncio_loop is loop",
        "await gen.sleep(0.01)\nticks = []\nperiodic = PeriodicCallback(lambda: ticks.append(1), 10); "
        "periodic.start()\n"
        "await asyncio.sleep(0.1); periodic.stop(); len(ticks) > 2",
        "loop.set_debug(True); await asyncio.sleep(0); loop.set_debug(False)",
        "await asyncio.get_running_loop().getaddrinfo('localhost', 80) != []",
        "result = await get_ipython().run_cell_async('1 + 1', transformed_cell='1 + 1')\nresult.result",
        "asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy()); print('policy')",
        "await asyncio.sleep(0); print('behind')",
    ),
]
