"""Top-level await, tasks, loops, and what is refused where a loop runs already."""

from __future__ import annotations

from conformance.odd_notebooks.notebook import notebook, raises, replaced

NOTEBOOKS = [
    notebook(
        "await_at_top",
        "import asyncio\nawait asyncio.sleep(0.01)",
        "await asyncio.sleep(0.01, 'value')",
        "x = await asyncio.sleep(0, 5)\nx",
        "await asyncio.gather(*(asyncio.sleep(0.01 * (3 - n), n) for n in range(3)))",
        "async def numbers():\n    for n in range(3):\n        await asyncio.sleep(0)\n        yield n\n"
        "async for n in numbers(): print(n)",
        "[n async for n in numbers()]",
        "from contextlib import asynccontextmanager\n@asynccontextmanager\nasync def own():\n    print('enter')\n"
        "    yield 'given'\n    print('exit')\nasync with own() as given: print(given)",
        raises("await asyncio.sleep('x')"),
        raises("async def fail():\n    await asyncio.sleep(0)\n    raise ValueError('in a coroutine')\nawait fail()"),
        raises("await asyncio.wait_for(asyncio.sleep(5), 0.01)"),
        raises("await None"),
        "async def f(): return 'never awaited'\ntype(f()).__name__",
        "print('sync cell between')",
        "await f()",
        "async with asyncio.timeout(5): print(await f())",
        "async with asyncio.TaskGroup() as group:\n    one = group.create_task(f()); two = group.create_task(f())\n"
        "one.result(), two.result()",
        raises("async with asyncio.TaskGroup() as group: group.create_task(fail())"),
        "print('behind')",
        may_differ=(replaced(r"(?s)sys:1: RuntimeWarning.*", ""),),
    ),
    notebook(
        "tasks_within_a_cell",
        "import asyncio\nasync def work(who):\n    for n in range(3):\n"
        "        print(who, n); await asyncio.sleep(0.01)\n    return who\n"
        "task = asyncio.create_task(work('a'))\nawait task",
        "tasks = [asyncio.ensure_future(work(n)) for n in range(2)]\nprint(await asyncio.gather(*tasks))",
        "task = asyncio.create_task(work('c')); task.cancel()\ntry: await task\n"
        "except asyncio.CancelledError: print('cancelled')",
        "queue = asyncio.Queue()\nasync def put():\n    for n in range(3): await queue.put(n)\n"
        "putting = asyncio.create_task(put())\n"
        "print([await queue.get() for _ in range(3)])",
        "print(await asyncio.to_thread(lambda: 'from a thread'))",
        "def blocking(): print('printed by an executor'); return 1\n"
        "await asyncio.get_running_loop().run_in_executor(None, blocking)",
    ),
    notebook(
        "tasks_that_print_later",
        "import asyncio\nasync def work(who, pause):\n    for n in range(3):\n"
        "        print(who, n); await asyncio.sleep(pause)\n"
        "task = asyncio.create_task(work('task', 0.05))\nprint('first cell is done')",
        "await asyncio.sleep(0.4)\nprint('second cell')",
        "asyncio.get_running_loop().call_later(0.05, print, 'called later'); print('third')",
        "await asyncio.sleep(0.3); print('fourth')",
        "asyncio.get_running_loop().call_soon(print, 'called soon')",
        "await asyncio.sleep(0.1)",
        "task = asyncio.ensure_future(work('b', 0.01))",
        "await task; print('fifth')",
        is_late=True,
    ),
    notebook(
        "tasks_across_cells",
        "import asyncio\nresults = []\nasync def work(n):\n    await asyncio.sleep(0.02 * n); results.append(n)\n"
        "tasks = [asyncio.create_task(work(n)) for n in range(3)]",
        "await asyncio.gather(*tasks); results",
        "event = asyncio.Event()\nasync def waits(): await event.wait(); return 'woken'\n"
        "waiting = asyncio.create_task(waits())",
        "event.set(); await waiting",
        "import threading\nloop = asyncio.get_running_loop()\nfuture = loop.create_future()\n"
        "threading.Timer(0.05, lambda: loop.call_soon_threadsafe(future.set_result, 'set by a "
        "thread')).start()\nawait future",
        "async def coroutine(): return 'run from a thread'\n"
        "await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(coroutine(), loop).result())",
        "results.clear()\nbackground = asyncio.create_task(work(1))\nimport time; time.sleep(0.1); results",
        "await asyncio.sleep(0.1); results",
    ),
    notebook(
        "a_task_that_fails",
        "import asyncio\nasync def fail(): raise ValueError('of nobody')\ntask = asyncio.create_task(fail())",
        "await asyncio.sleep(0.05); print(repr(task.exception()))",
        raises("await task"),
        "try: await asyncio.create_task(fail())\nexcept ValueError as error: print(error)",
    ),
    notebook(
        "refused_where_a_loop_runs",
        "import asyncio\nasync def f(): return 1\ncoroutine = f()",
        raises("asyncio.run(coroutine)"),
        "coroutine.close()",
        raises("asyncio.get_event_loop().run_until_complete(asyncio.sleep(0))"),
        "print(asyncio.get_event_loop().is_running(), asyncio.get_running_loop() is asyncio.get_event_loop())",
        raises("asyncio.get_running_loop().run_forever()"),
        "import threading\ndef other(): print('other thread', asyncio.run(f()))\n"
        "thread = threading.Thread(target=other); thread.start(); thread.join()",
        raises("asyncio.Runner().run(f())"),
        may_differ=(
            replaced(
                r"[^\n]*RuntimeWarning: coroutine '\w+' was never awaited\n(  [^\n]*\n"
                r")*(RuntimeWarning: Enable[^\n]*\n)?",
                "",
            ),
        ),
    ),
    notebook(
        "nested_loops",
        "import nest_asyncio\nnest_asyncio.apply()",
        "import asyncio\nasync def f(n):\n    await asyncio.sleep(0.01)\n    return n * 2\nasyncio.run(f(2))",
        "asyncio.get_event_loop().run_until_complete(asyncio.gather(f(1), f(2)))",
        "await f(5)",
        "async def outer(): return asyncio.run(f(7))\nawait outer()",
        "print('behind')",
    ),
    notebook(
        "context_variables",
        "import asyncio, contextvars\nvariable = contextvars.ContextVar('v', default='default')\nvariable.get()",
        "variable.set('set in a cell'); variable.get()",
        "variable.get()",
        "await asyncio.sleep(0); variable.get()",
        "async def inner(): variable.set('inner'); return variable.get()\nawait inner(), variable.get()",
        "variable.get()",
        "await asyncio.create_task(inner()), variable.get()",
        "await asyncio.to_thread(variable.get)",
        "import threading\nthread = threading.Thread(target=lambda: print(variable.get())); thread.start(); "
        "thread.join()",
        "contextvars.copy_context().run(variable.get)",
    ),
    notebook(
        "asynchronous_subprocesses",
        "import asyncio, sys\nprocess = await asyncio.create_subprocess_exec(sys.executable, '-c', "
        "\"print('child')\", stdout=-1)\n"
        "print(await process.communicate(), process.returncode)",
        "process = await asyncio.create_subprocess_shell('echo out; echo err >&2; exit 3', stdout=-1, stderr=-1)\n"
        "print(await process.communicate(), process.returncode)",
        "process = await asyncio.create_subprocess_shell('cat', stdin=-1, stdout=-1)\n"
        "print(await process.communicate(b'through'))",
        "process = await asyncio.create_subprocess_shell('sleep 5'); process.kill(); await process.wait()",
        "reader, writer = await asyncio.open_connection(sock=None, host='localhost', port=1) if 0 else (None, None)",
    ),
    notebook(
        "asynchronous_generators",
        "import asyncio\nasync def numbers():\n    try:\n        for n in range(5): yield n\n"
        "    finally: print('closed')\n"
        "generator = numbers()\nprint(await anext(generator))",
        "print(await generator.__anext__())",
        "await generator.aclose()",
        "left = numbers()\nasync for n in left: break",
        "await left.aclose()",
        raises("await anext(left)"),
        "async def send():\n    got = yield 1\n    yield got\ns = send(); await s.asend(None), await s.asend('sent')",
    ),
    notebook(
        "autoawait",
        "%autoawait",
        "%autoawait False",
        raises("import asyncio\nawait asyncio.sleep(0)"),
        "%autoawait asyncio",
        "import asyncio\nawait asyncio.sleep(0, 'again')",
        "def hidden():\n    import asyncio\n    return asyncio.get_event_loop_policy().__class__.__name__\nhidden()",
    ),
    notebook(
        "a_socket_server",
        "import asyncio\nasync def echo(reader, writer):\n"
        "    writer.write(b'echo ' + await reader.readline()); await writer.drain(); writer.close()\n"
        "server = await asyncio.start_server(echo, '127.0.0.1', 0)\nport = server.sockets[0].getsockname()[1]",
        "reader, writer = await asyncio.open_connection('127.0.0.1', port)\n"
        "writer.write(b'hello\\n'); print(await reader.read()); writer.close()",
        "server.close(); await server.wait_closed(); print('closed')",
    ),
]
