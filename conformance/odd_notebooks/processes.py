"""Subprocesses, forks and descriptors: what is printed past Python's streams."""

from __future__ import annotations

from conformance.odd_notebooks.notebook import lines_unordered, notebook, raises, replaced, streams_unordered

_WORK = """
import os, time

def square(n):
    return n * n

def speak(n):
    print('child', n, flush=True)

def fail(n):
    raise ValueError(f'in a child: {n}')

def leave(n):
    os._exit(n)
"""
#: What is written to a descriptor is read by a thread of the kernel: the cell waits until it has come.
_SETTLE = "\nimport time; time.sleep(0.5)"

NOTEBOOKS = [
    notebook(
        "subprocess_run",
        "import subprocess, sys\nprint(subprocess.run(['echo', 'captured'], capture_output=True, text=True))",
        "_ = subprocess.run(['echo', 'not captured'])" + _SETTLE,
        "_ = subprocess.run('echo to stderr >&2', shell=True)" + _SETTLE,
        "print(subprocess.run([sys.executable, '-c', 'print(1); 1/0'], capture_output=True, text=True).returncode)",
        raises("subprocess.run(['false'], check=True)"),
        raises("subprocess.run(['no_such_command'])"),
        "print(subprocess.check_output('cat', input=b'given'))",
        raises("subprocess.run(['sleep', '5'], timeout=0.1)"),
        "_ = subprocess.run('seq 1 5000', shell=True)" + _SETTLE,
        "print(subprocess.run('read x; echo \"got <$x>\"', shell=True, capture_output=True, text=True).stdout)",
        "print('first'); sys.stdout.flush(); _ = subprocess.run(['echo', 'second'])" + _SETTLE + "\nprint('third')",
        "print(subprocess.getoutput('echo joined; echo err >&2'))",
        may_differ=(streams_unordered, replaced(r"after [\d.]+ seconds", "after a time")),
    ),
    notebook(
        "os_system",
        "import os\nos.system('echo by system')" + _SETTLE + ";",
        "os.system('exit 3')",
        "os.system('echo err >&2')" + _SETTLE + ";",
        "print(os.popen('echo by popen').read())",
        "os.system(\"printf 'no end of line'\")" + _SETTLE + ";",
        "os.system(\"printf '\\\\377\\\\376 bytes'\")" + _SETTLE + ";",
        "os.system('echo out; echo err >&2; echo out again')" + _SETTLE + ";",
        may_differ=(streams_unordered,),
    ),
    notebook(
        "exclamation_marks",
        "!echo hello",
        "!echo one; echo two >&2; exit 3",
        "_exit_code",
        "lines = !echo a; echo b\nprint(lines, type(lines).__name__)",
        "lines.n, lines.s, lines.grep('a')",
        "name = 'interpolated'\n!echo {name} $name $$HOME | sed s:$$HOME:home:",
        "!no_such_command_at_all",
        "!seq 1 3000",
        "for n in range(3):\n    !echo {n}",
        "x = %system echo by system\nx",
        "%sx echo by sx",
        "!!echo twice",
        "!printf 'no end'",
        "!python -c \"import sys; print(sys.stdin.read(), 'end')\" < /dev/null",
        "!ls missing_file",
        "!echo ä 漢 \\\\U",
        "!cd / && pwd",
        "%pwd",
        "_exit_code",
        "!kill -9 $$",
        "_exit_code",
        "!test -t 1 && echo a terminal || echo no terminal",
    ),
    notebook(
        "cell_magics_of_shells",
        "%%bash\necho out\necho err >&2",
        raises("%%bash\necho before\nexit 3"),
        "%%bash --no-raise-error\nexit 4",
        "%%bash --out captured --err errors\necho out; echo err >&2",
        "captured, errors",
        "%%sh\nfor n in 1 2 3; do echo $n; done",
        "%%script python\nprint('by script')",
        raises("%%script python\n1 / 0"),
        "%%python\nimport os; print('by python', 'NO_SUCH' in os.environ)",
        "%%script --bg --out later bash\nsleep 0.1; echo in the background",
        "await later.read() if hasattr(later, 'read') and __import__('inspect').iscoroutinefunction(later.read) "
        "else later.read()",
        '%%bash\nread line; echo "read <$line>"',
        raises("%%perl_that_is_not_there\nx"),
        "%%bash\nprintf 'no end of line'",
        "%%bash\nseq 1 2000",
        may_differ=(streams_unordered,),
    ),
    notebook(
        "processes_that_print_later",
        "import subprocess\nprocess = subprocess.Popen('sleep 0.2; echo late; sleep 0.4; echo later', shell=True)",
        "import time; time.sleep(0.4); print('second cell')",
        "process.wait(); time.sleep(0.3)",
        "print('end')",
    ),
    notebook(
        "a_process_that_outlives_its_cell",
        "import subprocess\nprocess = subprocess.Popen(['sleep', '30'])\nprint(process.poll())",
        "print(process.poll())",
        "process.terminate(); print(process.wait())",
        "left = subprocess.Popen(['sleep', '20'])",
    ),
    notebook(
        "a_process_that_is_read_by_lines",
        "import subprocess\nprocess = subprocess.Popen('for n in 1 2 3; do echo line $n; sleep 0.05; done', "
        "shell=True, stdout=-1, text=True)\n"
        "for line in process.stdout: print(line.strip())\nprocess.wait()",
        "import sys\nprocess = subprocess.Popen([sys.executable, '-u', '-i', '-q'], stdin=-1, stdout=-1, "
        "stderr=-2, text=True)\n"
        "print(process.communicate('print(6 * 7)\\n')[0].count('42'))",
    ),
    notebook(
        "descriptors",
        "import os, sys, time\n_ = os.write(1, b'to one\\n'); time.sleep(0.5)",
        "_ = os.write(2, b'to two\\n'); time.sleep(0.5)",
        "for n in range(100): os.write(1, b'%d ' % n)\ntime.sleep(0.5)",
        "print('python', flush=True); _ = os.write(1, b'descriptor\\n'); time.sleep(0.5); print('python again')",
        "_ = os.write(1, b'x' * 300_000); time.sleep(0.8)",
        "with open('/dev/stdout', 'w') as file: file.write('by its name\\n')\ntime.sleep(0.5)",
        "with os.fdopen(os.dup(1), 'w') as file: print('by a duplicate', file=file)\ntime.sleep(0.5)",
    ),
    notebook(
        "descriptors_exchanged",
        "import os, sys, time\nsaved = os.dup(1)\nfile = os.open('caught.txt', os.O_CREAT | os.O_RDWR)\n"
        "os.dup2(file, 1)\n"
        "os.system('echo into the file')\n_ = os.write(1, b'and this\\n')\nos.dup2(saved, 1); os.close(saved)",
        "print(open('caught.txt').read())",
        "_ = os.write(1, b'back\\n'); time.sleep(0.5)",
        "read, write = os.pipe(); saved = os.dup(2); os.dup2(write, 2); os.write(2, b'through a pipe')\n"
        "os.dup2(saved, 2); os.close(write)\nprint(os.read(read, 100))",
        "print('err', file=sys.stderr)\nimport tempfile\nwith tempfile.TemporaryFile() as f:\n"
        "    saved = os.dup(1); os.dup2(f.fileno(), 1)\n"
        "    print('python prints past it'); sys.stdout.flush(); os.system('echo child'); os.dup2(saved, 1)\n"
        "    f.seek(0); print(f.read())",
        may_differ=(streams_unordered,),
    ),
    notebook(
        "forks",
        "import os, sys, time\npid = os.fork()\nif not pid:\n    print('child'); sys.stdout.flush(); os._exit(0)\n"
        "print(os.waitpid(pid, 0)[1])\ntime.sleep(0.5)",
        "pid = os.fork()\nif not pid:\n    os.write(1, b'by the descriptor\\n'); os._exit(7)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])); time.sleep(0.5)",
        "pid = os.fork()\nif not pid:\n    print('err of a child', file=sys.stderr, flush=True); os._exit(0)\n"
        "_ = os.waitpid(pid, 0); time.sleep(0.5)",
        "pid = os.fork()\nif not pid: os.execvp('echo', ['echo', 'executed'])\n_ = os.waitpid(pid, 0); time.sleep(0.5)",
        "read, write = os.pipe()\npid = os.fork()\nif not pid:\n    os.write(write, b'by a pipe'); os._exit(0)\n"
        "print(os.read(read, 50)); _ = os.waitpid(pid, 0)",
        "for n in range(3):\n    pid = os.fork()\n    if not pid:\n"
        "        print('child', n, flush=True); os._exit(0)\n    os.waitpid(pid, 0)\ntime.sleep(0.5)",
        "print('parent')",
        may_differ=(lines_unordered,),
    ),
    notebook(
        "multiprocessing_fork",
        "import multiprocessing\nfrom odd_work import *\ncontext = multiprocessing.get_context('fork')\n"
        "with context.Pool(2) as pool: print(pool.map(square, range(10)))",
        "with context.Pool(2) as pool: print(pool.map(lambda_like := square, [3]))",
        "def of_a_cell(n): return n + 1\nwith context.Pool(2) as pool: print(pool.map(of_a_cell, range(3)))",
        raises("with context.Pool(1) as pool: pool.map(fail, [1])"),
        "process = context.Process(target=speak, args=(1,)); process.start(); process.join(); print(process.exitcode)"
        + _SETTLE,
        "process = context.Process(target=leave, args=(5,)); process.start(); process.join(); process.exitcode",
        "queue = context.Queue()\nprocess = context.Process(target=queue.put, args=('queued',)); "
        "process.start()\nprint(queue.get()); process.join()",
        "value = context.Value('i', 0)\ndef add():\n    with value.get_lock(): value.value += 1\n"
        "children = [context.Process(target=add) for _ in range(4)]\nfor c in children: c.start()\n"
        "for c in children: c.join()\nvalue.value",
        "multiprocessing.current_process().name, multiprocessing.parent_process(), multiprocessing.active_children()",
        files={"odd_work.py": _WORK},
        may_differ=(lines_unordered,),
    ),
    notebook(
        "multiprocessing_spawn",
        "import multiprocessing\nfrom odd_work import *\ncontext = multiprocessing.get_context('spawn')\n"
        "with context.Pool(2) as pool: print(pool.map(square, range(10)))",
        raises("with context.Pool(1) as pool: pool.map(fail, [1])"),
        "process = context.Process(target=speak, args=(1,)); process.start(); process.join(); print(process.exitcode)"
        + _SETTLE,
        "process = context.Process(target=leave, args=(5,)); process.start(); process.join(); process.exitcode",
        files={"odd_work.py": _WORK},
        may_differ=(lines_unordered,),
    ),
    notebook(
        "multiprocessing_forkserver",
        "import multiprocessing\nfrom odd_work import *\ncontext = multiprocessing.get_context('forkserver')\n"
        "with context.Pool(2) as pool: print(pool.map(square, range(10)))",
        "process = context.Process(target=speak, args=(1,)); process.start(); process.join(); print(process.exitcode)"
        + _SETTLE,
        "manager = context.Manager(); d = manager.dict(); d['a'] = 1; print(d); manager.shutdown()",
        files={"odd_work.py": _WORK},
        may_differ=(lines_unordered,),
    ),
    notebook(
        "process_pools",
        "from concurrent.futures import ProcessPoolExecutor, as_completed\nfrom odd_work import *\n"
        "with ProcessPoolExecutor(2) as pool: print(list(pool.map(square, range(10))))",
        "with ProcessPoolExecutor(2) as pool: print(sorted(f.result() for f in as_completed(pool.submit(square, "
        "n) for n in range(5))))",
        raises("with ProcessPoolExecutor(1) as pool: pool.submit(leave, 1).result()"),
        raises("with ProcessPoolExecutor(1) as pool: pool.submit(lambda: 1).result()"),
        "import multiprocessing\nwith ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('spawn')) "
        "as pool: print(pool.submit(square, 9).result())",
        files={"odd_work.py": _WORK},
    ),
    notebook(
        "joblib_processes",
        "from joblib import Parallel, delayed\nParallel(n_jobs=2)(delayed(lambda n: n * n)(n) for n in range(10))",
        "def of_a_cell(n): return n + 1\nParallel(n_jobs=2, backend='loky')(delayed(of_a_cell)(n) for n in range(3))",
        "Parallel(n_jobs=2, backend='threading')(delayed(of_a_cell)(n) for n in range(3))",
        "Parallel(n_jobs=2, backend='multiprocessing')(delayed(of_a_cell)(n) for n in range(3))",
        "def fail(): raise ValueError('in a worker')\ntry: Parallel(n_jobs=2)(delayed(fail)() for n in range(2))\n"
        "except ValueError as error: print(error)",
        "from joblib.externals.loky import get_reusable_executor\nget_reusable_executor().shutdown(wait=True)",
    ),
    notebook(
        "c_prints",
        "import ctypes, time\nlibc = ctypes.CDLL(None)\n"
        "libc.printf(b'by printf %d\\n', 5); libc.fflush(None); time.sleep(0.5)",
        "libc.puts(b'by puts'); libc.fflush(None); time.sleep(0.5);",
        "libc.write(2, b'to two\\n', 7); time.sleep(0.5);",
        "libc.perror(b'perror'); time.sleep(0.5)",
        "libc.system(b'echo by system'); time.sleep(0.5)",
        may_differ=(replaced("perror: .*", "perror"),),
    ),
    notebook(
        "faulthandler",
        "import faulthandler, sys\nfaulthandler.is_enabled()",
        "with open('dump.txt', 'w') as file: faulthandler.dump_traceback(file, all_threads=False)\n"
        "print(open('dump.txt').readlines()[1].split(' in ')[1].strip())",
        "faulthandler.enable(open('fault.txt', 'w')); faulthandler.is_enabled()",
        "faulthandler.disable()",
        "faulthandler.enable()",
        "faulthandler.dump_traceback_later(60); faulthandler.cancel_dump_traceback_later()",
    ),
    notebook(
        "environment_of_children",
        "import os, subprocess, sys\nos.environ['ODD_VARIABLE'] = 'set'\n"
        "print(subprocess.check_output('echo $ODD_VARIABLE; pwd; umask', shell=True, text=True))",
        "%env ODD_OTHER=more\n!echo $ODD_OTHER",
        "code = 'import sys, signal; print(sys.stdin.isatty(), sorted(int(s) for s in signal.valid_signals() if "
        "signal.getsignal(s) == signal.SIG_IGN))'\n"
        "print(subprocess.check_output([sys.executable, '-c', code], text=True))",
        "code = 'import os; print(sorted(int(n) for n in os.listdir(\"/proc/self/fd\"))[:3])'\n"
        "print(subprocess.check_output([sys.executable, '-c', code], text=True))",
        "del os.environ['ODD_VARIABLE']; print(os.environ.get('ODD_VARIABLE'), os.getenv('ODD_OTHER'))",
        "import signal\nprint(sorted(int(s) for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])))",
    ),
]
