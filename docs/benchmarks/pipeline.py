"""CPU that a step of a pipeline costs, beside doit, joblib.Memory, Hamilton and plain pickle files.

    python pipeline.py [--python P] [--sizes 1000,10000] [--systems hotload,doit,joblib,hamilton,pickle]

Each step adds 1 to a number. A chain hands it from step to step; a fan gives it to all and sums. Cold: with an
empty store; warm: once more, in a new process. Figures are user and system time of the process around the run
(imports and the reading of the source left out), divided by the number of steps, the median of --repeat runs.
Import: CPU of importing the system, less that of Python itself. What is not installed is left out.
"""
from __future__ import print_function

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def functions_text(shape, n, first, step, last):
    """Source with one function a step."""
    lines = [first] + [step % dict(i=i, before=i - 1 if shape == "chain" else 0) for i in range(1, n + 1)]
    return "\n".join(lines + [last % dict(names=[n] if shape == "chain" else "range(1, %d)" % (n + 1))]) + "\n"


class Hotload(object):
    imports = "hotload"

    def source(self, shape, n):
        return functions_text(
            shape, n, "from hotload import ReactorFunc\nRESULT = []\n@ReactorFunc\ndef first(pipe):\n    pipe.send('v0', 0)",
            "@ReactorFunc\ndef step%(i)d(pipe):\n    v = yield pipe.receive('v%(before)d')\n    pipe.send('v%(i)d', v + 1)",
            "@ReactorFunc\ndef last(pipe):\n    total = 0\n    for i in %(names)s:\n"
            "        total += yield pipe.receive('v%%d' %% i)\n    RESULT.append(total)")

    def run(self, module, shape, n, store):
        import hotload
        with hotload.Plant(store) as plant:
            plant.run_reactor(module.last)
        return module.RESULT[-1]


class Joblib(object):
    imports = "joblib"

    def source(self, shape, n):
        return functions_text(shape, n, "", "def step%(i)d(v):\n    return v + 1", "")

    def run(self, module, shape, n, store):
        import joblib
        memory, value, total = joblib.Memory(store, verbose=0), 0, 0
        for i in range(1, n + 1):
            result = memory.cache(getattr(module, "step%d" % i))(value)
            value = result if shape == "chain" else 0
            total += result
        return value if shape == "chain" else total


class Pickle(Joblib):
    imports = "pickle"

    def run(self, module, shape, n, store):
        import pickle
        os.makedirs(store, exist_ok=True)
        value = total = 0
        for i in range(1, n + 1):
            path = os.path.join(store, "v%d" % i)
            try:
                with open(path, "rb") as stream:
                    result = pickle.load(stream)
            except EnvironmentError:
                result = getattr(module, "step%d" % i)(value)
                with open(path, "wb") as stream:
                    pickle.dump(result, stream)
            value = result if shape == "chain" else 0
            total += result
        return value if shape == "chain" else total


class Hamilton(object):
    imports = "hamilton.driver"

    def source(self, shape, n):
        return functions_text(shape, n, "def v0() -> int:\n    return 0",
                              "def v%(i)d(v%(before)d: int) -> int:\n    return v%(before)d + 1", "")

    def run(self, module, shape, n, store):
        from hamilton import driver
        built = driver.Builder().with_modules(module).with_cache(path=store).build()
        names = ["v%d" % i for i in ([n] if shape == "chain" else range(1, n + 1))]
        return sum(built.execute(names).values())


class Doit(object):
    imports = "doit.doit_cmd"

    def source(self, shape, n):
        return ""

    def run(self, module, shape, n, store):
        from doit.cmd_base import ModuleTaskLoader
        from doit.doit_cmd import DoitMain
        from doit.tools import config_changed, result_dep
        os.makedirs(store, exist_ok=True)
        seen = {}

        def step(v=0):
            return {"v": v + 1}

        def last(v):
            seen["v"] = v if shape == "chain" else sum(v.values())

        def task_step():
            for i in range(1, n + 1):
                task = dict(name=str(i), actions=[step], uptodate=[config_changed(str(i))], verbosity=0)
                if shape == "chain" and i > 1:
                    task["getargs"] = {"v": ("step:%d" % (i - 1), "v")}
                    task["uptodate"].append(result_dep("step:%d" % (i - 1)))
                yield task

        def task_last():
            return dict(actions=[last], getargs={"v": ("step:%d" % n if shape == "chain" else "step", "v")},
                        uptodate=[False], verbosity=0)
        tasks = dict(task_step=task_step, task_last=task_last, DOIT_CONFIG=dict(
            dep_file=os.path.join(store, "doit.db"), reporter="zero", verbosity=0))
        assert DoitMain(ModuleTaskLoader(tasks)).run(["run", "last"]) == 0
        return seen["v"]


SYSTEMS = {"hotload": Hotload(), "doit": Doit(), "joblib": Joblib(), "hamilton": Hamilton(), "pickle": Pickle()}


def child(name, shape, n, folder):
    """One run in this process; prints its CPU seconds."""
    system, n = SYSTEMS[name], int(n)
    sys.path[:0] = [folder, ROOT]
    path = os.path.join(folder, "steps.py")
    if not os.path.exists(path):
        with open(path, "w") as stream:
            stream.write(system.source(shape, n))
    __import__(system.imports)
    import steps
    begin = time.process_time()
    value = system.run(steps, shape, n, os.path.join(folder, "store"))
    spent = time.process_time() - begin
    assert value == n, value
    print(json.dumps(spent))


def measure(python, *args):
    """The CPU seconds that a child prints, or the last line of its error."""
    env = dict(os.environ, PYTHONPATH=ROOT, PYTHONDONTWRITEBYTECODE="")
    try:
        done = subprocess.run([python, os.path.abspath(__file__), "--child"] + [str(arg) for arg in args], env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
    except subprocess.TimeoutExpired:
        return "600 s and not done"
    lines = (done.stdout if done.returncode == 0 else done.stderr).decode().strip().splitlines() or ["died"]
    return json.loads(lines[-1]) if done.returncode == 0 else lines[-1][:60]


def import_ms(python, name):
    """CPU milliseconds of an import, less those of Python's own start."""
    def spent(code):
        before = os.times()
        done = subprocess.run([python, "-c", code], env=dict(os.environ, PYTHONPATH=ROOT, PYTHONDONTWRITEBYTECODE=""), stderr=subprocess.DEVNULL)
        after = os.times()
        return None if done.returncode else after[2] + after[3] - before[2] - before[3]
    found = [spent("import " + name) for _ in range(6)][1:]
    return None if None in found else 1000 * (statistics.median(found) - statistics.median(spent("pass") for _ in range(5)))


def main():
    if sys.argv[1:2] == ["--child"]:
        return child(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--sizes", default="1000,10000")
    parser.add_argument("--systems", default="hotload,doit,joblib,hamilton,pickle")
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    print("| system | import ms | steps | shape | cold us a step | warm us a step |\n| --- | --- | --- | --- | --- | --- |")
    for name in args.systems.split(","):
        took = import_ms(args.python, SYSTEMS[name].imports)
        if took is None:
            print("| %s | not installed |" % name)
            continue
        for size in map(int, args.sizes.split(",")):
            for shape in "chain", "fan":
                cold, warm = [], []
                for _ in range(args.repeat):
                    folder = tempfile.mkdtemp(prefix="bench-")
                    try:
                        cold.append(measure(args.python, name, shape, size, folder))
                        warm.append(cold[-1] if isinstance(cold[-1], str) else measure(args.python, name, shape, size, folder))
                    finally:
                        shutil.rmtree(folder, ignore_errors=True)
                    if isinstance(warm[-1], str):
                        break
                if isinstance(warm[-1], str):
                    print("| %s | %.0f | %d | %s | fails: %s |" % (name, took, size, shape, warm[-1]), flush=True)
                else:
                    print("| %s | %.0f | %d | %s | %.0f | %.0f |" % (name, took, size, shape, 1e6 / size * statistics.median(
                        cold), 1e6 / size * statistics.median(warm)), flush=True)


if __name__ == "__main__":
    main()
