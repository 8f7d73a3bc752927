"""Signals, kernels that die, and what is printed at the very end."""

from __future__ import annotations

from conformance.odd_notebooks.notebook import notebook, raises

NOTEBOOKS = [
    notebook(
        "signals",
        "import signal, os, time\nsignal.signal(signal.SIGALRM, lambda number, frame: print('alarm', number))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.1); time.sleep(0.3)",
        "def handler(number, frame): raise TimeoutError('by an alarm')\nsignal.signal(signal.SIGALRM, handler)",
        raises("signal.setitimer(signal.ITIMER_REAL, 0.1); time.sleep(2)"),
        "signal.signal(signal.SIGUSR1, lambda *_: print('usr1')); os.kill(os.getpid(), signal.SIGUSR1)",
        "signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGCHLD)",
        "signal.signal(signal.SIGTERM, lambda *_: print('term')).__class__.__name__",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "[s.name for s in signal.valid_signals() if isinstance(s, signal.Signals) and signal.getsignal(s) is "
        "signal.SIG_IGN]",
        "signal.pthread_sigmask(signal.SIG_BLOCK, [])",
        "signal.set_wakeup_fd(-1) >= -1",
    ),
    notebook(
        "interrupts_of_itself",
        raises(
            "import os, signal, time\nprint('before')\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(2)\n"
            "print('not reached')"
        ),
        "try:\n    os.kill(os.getpid(), signal.SIGINT); time.sleep(2)\nexcept KeyboardInterrupt: print('caught')",
        raises(
            "import asyncio\nasyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGINT)\n"
            "await asyncio.sleep(2)"
        ),
        "print('behind')",
        raises(
            "import _thread, threading\nthreading.Timer(0.1, _thread.interrupt_main).start()\n"
            "while True: time.sleep(0.01)"
        ),
        "print('to the end')",
    ),
    notebook(
        "signals_of_a_loop",
        "import asyncio, os, signal\nloop = asyncio.get_running_loop(); got = asyncio.Event()\n"
        "loop.add_signal_handler(signal.SIGUSR2, got.set)",
        "os.kill(os.getpid(), signal.SIGUSR2); await asyncio.wait_for(got.wait(), 2)",
        "loop.remove_signal_handler(signal.SIGUSR2)",
    ),
    notebook("leaves_at_once", "print('one')", "import os, time\ntime.sleep(0.3); os._exit(3)", "print('not reached')"),
    notebook(
        "leaves_after_flushing",
        "import os, sys, time",
        "print('printed before'); sys.stdout.flush(); time.sleep(0.5); os._exit(0)",
        "print('not reached')",
    ),
    notebook(
        "kills_itself",
        "import os, signal, time",
        "time.sleep(0.3); os.kill(os.getpid(), signal.SIGKILL)",
        "print('not reached')",
    ),
    notebook("aborts", "import os, time", "time.sleep(0.3); os.abort()", "print('not reached')"),
    notebook("a_fault", "import ctypes, time", "time.sleep(0.3); ctypes.string_at(0)", "print('not reached')"),
    notebook(
        "registered_for_the_end",
        "import atexit, weakref, gc\natexit.register(lambda: print('at exit'))",
        "class Thing: pass\nthing = Thing(); finalizer = weakref.finalize(thing, print, 'finalized')\ndel thing",
        "class Cycle:\n    def __del__(self): print('deleted')\na = Cycle(); a.self = a\ndel a\ngc.collect();",
        "left = Thing(); at_the_end = weakref.finalize(left, print, 'not in the notebook')",
        "atexit.unregister(print)",
        "kept = Cycle()",
    ),
    notebook(
        "threads_at_the_end",
        "import threading, time\ndef work():\n    for n in range(3): time.sleep(0.1)\n"
        "thread = threading.Thread(target=work); thread.start()",
        "print('last cell')",
    ),
    notebook(
        "traced",
        "import sys\ncalls = []\ndef trace(frame, event, arg): calls.append((event, frame.f_code.co_name)) or "
        "None\ndef f(): return 1",
        "sys.settrace(trace); f(); sys.settrace(None); calls.index(('call', 'f')) >= 0",
        "calls.clear(); sys.setprofile(trace); f(); sys.setprofile(None); ('return', 'f') in calls",
        "sys.gettrace(), sys.getprofile()",
        "import cProfile, pstats, io\nprofile = cProfile.Profile(); profile.enable(); f(); profile.disable()\n"
        "'(f)' in str(pstats.Stats(profile).stats) or True",
        "import trace as t\ntracer = t.Trace(count=True, trace=False); tracer.runfunc(f)",
    ),
    notebook(
        "collected",
        "import gc\ngc.callbacks.append(lambda phase, info: seen.append(phase)); seen = []\n"
        "gc.collect(); gc.callbacks.pop()\nseen",
        "gc.isenabled(), gc.get_threshold(), gc.get_debug()",
        "gc.disable(); gc.isenabled()",
        "gc.enable()",
        "import sys, weakref\nclass Thing: pass\nthing = Thing(); ref = weakref.ref(thing)\nthing = None\n"
        "ref() is None",
        "big = Thing(); ref = weakref.ref(big)\nbig",
        "del big\nref() is None",
        raises("def f():\n    held = Thing(); globals()['ref'] = weakref.ref(held); 1 / 0\nf()"),
        "ref() is None",
        "import tracemalloc\ntracemalloc.is_tracing()",
    ),
    notebook(
        "exits_in_a_thread",
        "import threading, sys\nthread = threading.Thread(target=sys.exit, args=(3,)); thread.start(); thread.join()",
        "print('behind')",
    ),
    notebook(
        "exits_that_are_caught",
        "import sys\ntry: sys.exit(3)\nexcept SystemExit as error: print('caught', error.code)",
        "print('behind')",
    ),
    notebook(
        "exits_that_may_be_raised",
        raises("import sys\nsys.exit(2)"),
        ending_differs="nbpart ends a run by an exit, whatever the cell's tags say",
    ),
]
