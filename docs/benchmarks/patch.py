"""What live patching costs: applying an edit, calls afterwards, the start of a script, the wait after a save.

    python patch.py --python ~/.pyenv/versions/2.7.18/bin/python
    python3.11 -m venv peers; peers/bin/pip install jurigged ipython
    peers/bin/python patch.py                        measures with what that Python has of these two
    python patch.py --only apply --sizes 1000

apply:   the body of one function is edited in a module of so many functions; `shifted` adds a line at its
         top too, so that all functions move. `parse + compile` is ast.parse and compile of that text, in
         ms; the other columns are multiples of it: medians of CPU time, both taken in turn in one process.
         `first` is hotload's first edit of the module, which has more to do. `autoreload` is IPython's,
         told by %aimport to look at this module only; `reload` is Python's own, which leaves what others
         hold as it is.
calls:   time of a call of a function that was patched, as a multiple of that of an equal one that was not;
         and of one that only calls its successor, because assigning its code was not enough.
start:   of a script of one statement under `hotload --live`, by the launcher that install.sh makes, as a
         multiple of that under plain Python. Without --launcher one is installed for the measurement.
latency: from the end of a save to the first output of the patched function on a terminal, in ms, by each
         tool's own watcher; the program calls the function every millisecond. See latency.py.

The program itself needs Python 3.8; the Python that it measures may be 2.7.
"""
import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile

import common

# Runs in the Python that is measured, 2.7 or 3, in a folder of its own. Arguments: system, functions, edits,
# "shifted" or "still", folder of hotload.py. Prints one line of JSON.
INNER = r'''
import ast, gc, io, json, os, sys, time
clock = getattr(time, "process_time", None) or time.clock
system, size, edits, shifted, home = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
sys.dont_write_bytecode = True
sys.path[:0] = [home, os.getcwd()]
path = os.path.join(os.getcwd(), "m.py")
middle = size // 2

def text(edit):
    parts = [u"# moved\n" * (edit if shifted == "shifted" else 0) + u"cache = {}\n"]
    for n in range(size):
        body = u"    value = a + %d\n    if value > b:\n        return [value, b]\n    return value" % n
        if n == middle:
            body = u"    value = a + 1\n    return (%d, value)" % edit
        parts.append(u"\n\ndef f%d(a, b=%d):\n%s\n" % (n, n, body))
    parts.append(u"\n\ndef twin(a, b=0):\n    value = a + 1\n    return (0, value)\n")
    wrap = u"\n\ndef wrap(f):\n    def call(*args):\n        return f(*args)\n    return call\n\n\n"
    mark = u"@wrap\n" if edit > edits else u""
    return u"".join(parts) + wrap + mark + u"def wrapped(a, b=0):\n    value = a + 1\n    return (0, value)\n"

def save(edit):
    with io.open(path, "w", encoding="utf-8") as stream:
        stream.write(text(edit))
    os.utime(path, (1e9 + 10 * edit, 1e9 + 10 * edit))

save(0)
if system == "hotload":
    import hotload
    patch = hotload.LivePatch(os.getcwd())
    import m
    after_save = lambda: patch.apply(path)
elif system == "jurigged":
    import jurigged.live
    watcher = jurigged.live.watch(os.path.join(os.getcwd(), "*"), logger=None, autostart=False)
    import m
    after_save = lambda: watcher.refresh(path)
elif system == "autoreload":
    from IPython.core.interactiveshell import InteractiveShell
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "autoreload")
    shell.run_line_magic("autoreload", "1")
    shell.run_line_magic("aimport", "m")
    import m
    after_save = shell.magics_manager.registry["AutoreloadMagics"]._reloader.check
    after_save()
else:
    import m
    try:
        from importlib import reload
    except ImportError:
        pass
    after_save = lambda: reload(m)

function, wrapped = getattr(m, "f%d" % middle), m.wrapped
took, floor = [], []
for edit in range(1, edits + 1):
    save(edit)
    gc.collect()
    begin = clock()
    with io.open(path, "rb") as stream:
        compile(compile(stream.read(), path, "exec", ast.PyCF_ONLY_AST), path, "exec")
    floor.append(clock() - begin)
    gc.collect()
    begin = clock()
    after_save()
    took.append(clock() - begin)
    if getattr(m, "f%d" % middle)(1)[0] != edit:
        sys.exit("%s did not apply edit %d" % (system, edit))

def seconds(function):
    begin = clock()
    for _ in range(100000):
        function(1)
    return clock() - begin

if system == "hotload":
    save(edits + 1)                              # another decorator: held functions call the new one
    after_save()
calls = {"patched": [], "held": [], "twin": [], "new": []}
for _ in range(15):
    for name, one in (("twin", m.twin), ("patched", function), ("new", m.wrapped), ("held", wrapped)):
        calls[name].append(seconds(one))
sys.__stdout__.write("\nRESULT " + json.dumps({"floor": floor, "took": took, "calls": calls}) + "\n")
sys.__stdout__.flush()
os._exit(0)                                      # whatever threads a peer has
'''

FIND_PEERS = r'''
found = []
for name, package in (("jurigged", "jurigged"), ("autoreload", "IPython")):
    try:
        module = __import__(package)
        try:
            from importlib.metadata import version
            found.append("%s %s %s" % (name, package, version(package)))
        except ImportError:
            found.append("%s %s %s" % (name, package, module.__version__))
    except ImportError:
        pass
print("\n".join(found))
'''

# The running program of the latency measurement: prints the mark when the function gives another one. The two
# %s are those of common.Project.
SCRIPT = '''%simport sys, time

def mark():
    return "<<" + "%s" + ">>"

last = None
while True:
    now = mark()
    if now != last:
        last = now
        sys.stdout.write(now + "\\n")
        sys.stdout.flush()
    time.sleep(0.001)
'''


def run_inner(args, system, size, edits, shifted, limit=None):
    """What INNER found: {"floor", "took": [seconds], "calls": {name: [seconds]}}; None after `limit`."""
    folder = os.path.realpath(tempfile.mkdtemp(prefix="bench-"))
    argv = [args.python, "-c", INNER, system, str(size), str(edits), shifted, os.path.dirname(args.hotload)]
    try:
        done = subprocess.run(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=limit,
                              env=common.environment(PYTHONHASHSEED="0", IPYTHONDIR=folder))
    except subprocess.TimeoutExpired:
        return None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith("RESULT "):
            return json.loads(line[7:])
    raise SystemExit("%s: status %d\n%s" % (
        system, done.returncode, done.stderr.decode("utf-8", "replace")[-2000:]))


def find_peers(args):
    """{name of a system: what it is and its version} of those that the measured Python can import."""
    done = subprocess.run([args.python, "-c", FIND_PEERS], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, env=common.environment())
    return dict(line.split(" ", 1) for line in done.stdout.decode().splitlines() if line.strip())


def measure_apply(args, peers):
    """Print the table; the times of calls that the first measurement of hotload found."""
    systems = ["jurigged", "autoreload", "reload"]
    common.heading("functions", "lines", "parse + compile ms", "hotload", "first", *systems)
    calls = None
    for size in args.sizes:
        for shifted in ("still", "shifted"):
            result = run_inner(args, "hotload", size, args.edits, shifted)
            calls = calls or result["calls"]
            floor = statistics.median(result["floor"])
            cells = [statistics.median(result["took"][1:]) / floor, result["took"][0] / floor]
            for system in systems:
                if system != "reload" and system not in peers:
                    cells.append("absent")
                    continue
                other = run_inner(args, system, size, args.peer_edits, shifted, args.limit)
                cells.append("over %d s" % args.limit if other is None else
                             statistics.median(other["took"]) / statistics.median(other["floor"]))
            common.row(size, shifted, 1000 * floor, *cells)
    return calls


def measure_calls(calls):
    common.heading("calls of", "times those of", "ratio")
    for name, words, other, base in (
            ("patched", "a patched function", "twin", "an equal one that never was"),
            ("held", "one held since before it got a decorator", "new", "the decorated one")):
        common.row(words, base, statistics.median(calls[name]) / statistics.median(calls[other]))


def measure_start(args, peers, launcher):
    with common.Project(script="%spass  # %s\n") as project:
        commands = [("python app.py", [args.python, "app.py"]),
                    ("hotload --live app.py", [launcher, "--live", "app.py"])]
        if "jurigged" in peers:
            commands.append(("python -m jurigged app.py", [args.python, "-m", "jurigged", "app.py"]))
        took = {name: [] for name, _ in commands}
        for turn in range(args.starts + 1):
            for name, argv in commands:
                both = common.run_ms(argv, project.folder)
                if turn:                   # the first turn writes byte code and warms the disk cache
                    took[name].append(both)
    common.heading("start", "CPU ms", "ratio", "ms that pass", "ratio")
    plain = None
    for name, _ in commands:
        cpu, passed = [statistics.median(values) for values in zip(*took[name])]
        plain = plain or (cpu, passed)
        common.row(name, cpu, cpu / plain[0], passed, passed / plain[1])
    if "jurigged" not in peers:
        common.row("python -m jurigged app.py", "absent", "", "", "")


def measure_latency(args, peers, launcher):
    common.heading("save to patched", "style", "saves", "lost", "p50 ms", "p99 ms", "max ms")
    tools = [("hotload", [launcher, "--live", "app.py"], args.saves),
             ("jurigged", [args.python, "-m", "jurigged", "app.py"], args.peer_saves)]
    for name, argv, saves in tools:
        if name == "jurigged" and name not in peers:
            common.row(name, "", "absent", "", "", "", "")
            continue
        for style in ("atomic", "inplace"):
            took, lost = [], 0
            with common.Project(script=SCRIPT) as project, common.Tool(argv, project.folder) as tool:
                if tool.wait_for(b"<<000001>>", 60) is None:
                    raise SystemExit("%s: no first output: %s" % (
                        name, tool.shown.decode("utf-8", "replace")))
                tool.rest(1)
                for _ in range(saves):
                    tool.rest(random.uniform(0.06, 0.3))
                    begin, mark = project.save_script(style)
                    seen = tool.wait_for(mark, 2)
                    if seen is None:
                        lost += 1
                    else:
                        took.append(1000 * (seen - begin))
            took.sort()
            common.row(name, style, saves, lost,
                       *[common.quantile(took, q) if took else "" for q in (0.5, 0.99, 1)])


def main():
    p = common.parser(__doc__)
    parts = ["apply", "calls", "start", "latency"]
    p.add_argument("--only", nargs="+", choices=parts, default=parts)
    p.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 5000])
    p.add_argument("--edits", type=int, default=15)
    p.add_argument("--peer-edits", type=int, default=3, help="the same for the peers, which take longer")
    p.add_argument("--limit", type=int, default=300, help="seconds after which a peer is given up")
    p.add_argument("--starts", type=int, default=15)
    p.add_argument("--saves", type=int, default=200)
    p.add_argument("--peer-saves", type=int, default=50)
    p.add_argument("--launcher", help="an installed launcher for the Python that is measured")
    args = common.parse(p)
    peers = find_peers(args)
    print("; ".join("%s: %s" % (name, peers.get(name, "absent")) for name in ("jurigged", "autoreload")))
    prefix = tempfile.mkdtemp(prefix="bench-")
    try:
        launcher = args.launcher and os.path.abspath(args.launcher)
        if not launcher and set(args.only) & set(["start", "latency"]):
            launcher = common.install(args, prefix)
        calls = measure_apply(args, peers) if "apply" in args.only else None
        if "calls" in args.only:
            measure_calls(calls or run_inner(args, "hotload", 100, 5, "still")["calls"])
        if "start" in args.only:
            measure_start(args, peers, launcher)
        if "latency" in args.only:
            measure_latency(args, peers, launcher)
    finally:
        shutil.rmtree(prefix, ignore_errors=True)


if __name__ == "__main__":
    main()
