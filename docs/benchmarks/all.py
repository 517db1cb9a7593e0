"""Makes the tables of seconds and of speed in README.md and the chart docs/speed.svg: all in one run, with the peers.

    python3.11 docs/benchmarks/all.py [--norerun FILE]
    python3.11 docs/benchmarks/all.py --quick --dry          a look at it: fewer samples, and nothing is written

The peers (see PEERS) are installed with pip into a virtual environment of the Python that runs this, in --venv, and
stay there; entr is taken from the system, norerun.py from --norerun. What is not to be had is left out of the tables.
Each part is measured by the program of its name beside this one; its docstring says how.
"""
import datetime
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import types
from importlib import metadata

import cache
import common
import idle
import latency
import patch
import pipeline
import record
import saves

ROOT = os.path.dirname(common.HOTLOAD)
PEERS = ["watchfiles", "watchdog", "jurigged", "ipython", "joblib", "marimo", "doit", "sf-hamilton"]
FEWER = dict(saves=5, files=100, seconds=3.0, functions=300, steps=200, programs=["loops"], runs=1)
FULL = dict(saves=40, files=1000, seconds=15.0, functions=1000, steps=300, programs=["loops", "calls"], runs=3)


class Measure(object):
    """One thing that was measured: its title, and figures, [(system, number)], ours first."""

    def __init__(self, title, unit, figures):
        self.title, self.figures = "%s, %s" % (title, unit), figures


def short(number):
    return "%.*f" % (0 if number >= 20 else 1 if number >= 0.05 else 2, number)


# ---------------------------------------------------------------- the parts

def reload_and_idle(args, size):
    programs = [path for path in (os.path.join(os.path.dirname(sys.executable), name)
                                  for name in ("watchfiles", "watchmedo")) if os.path.exists(path)]
    tools = types.SimpleNamespace(hotload=args.hotload, python=args.python, no_inotify=False,
                                  peers=programs + list(filter(None, [shutil.which("entr")])))
    how = types.SimpleNamespace(warm=3.0, seconds=size["seconds"], saves=0)
    took, waiting = [], []
    for name, argv, listed in common.tools(tools):
        seconds, lost = latency.measure(argv, listed, size["files"], "atomic", size["saves"])
        missed = " (%d of %d saves not seen)" % (lost, size["saves"]) if lost else ""
        took.append((name + missed, 1000 * statistics.median(seconds)))
        waiting.append((name, idle.measure(argv, listed, size["files"], how)[1]))
    with common.Project() as project:
        took.append(("python, started by hand", 1000 * statistics.median(common.fresh_starts(
            args.python, project.folder, size["saves"]))))
    files = "%s files watched" % format(size["files"], ",")
    return [Measure("reload: from a save to the first output, " + files, "ms", took),
            Measure("waiting for a save, " + files, "% of a core", waiting)]


def patching(args, size):
    found = []
    for name, system in (("hotload", "hotload"), ("jurigged", "jurigged"), ("IPython's autoreload", "autoreload"),
                         ("importlib.reload", "reload")):
        result = patch.run_inner(args, system, size["functions"], 3 + 6 * (system == "hotload"), "still", 300)
        if result:
            found.append((name, 1000 * statistics.median(result["took"][1:])))
    title = "patch: one function in a module of %s is edited" % format(size["functions"], ",")
    return [Measure(title, "ms of CPU", found)]


def caching(args, size):
    folder = tempfile.mkdtemp(prefix="bench-")
    try:
        found = cache.rows(folder, args.norerun)
    finally:
        shutil.rmtree(folder)
    edits, names = [what for what, _ in cache.versions()], [name for name in found if name != "fresh run"]
    rows = []
    for edit, title in (("the last line", "the last line is edited"), ("undone", "an edit in the middle is undone")):
        at = edits.index(edit)
        rows.append(Measure("cache: %s, in a script of 600 ms" % title, "ms",
                            [(name, 1000 * found[name][at]) for name in names + ["fresh run"]]))
    return rows


def recording(args, size):
    """With engine="rewrite", as --record has it; the first question reads what was written."""
    rows = []
    for name in size["programs"]:
        rounds = []
        for _ in range(size["runs"]):
            found = dict((way, record.child(record.PROGRAMS[name], way))
                         for way in ("plain", "rewritten", "recorded", "lines"))
            plain = found["plain"]["cpu"]
            rounds.append([found["rewritten"]["cpu"] / plain,
                           (found["rewritten"]["cpu"] + found["rewritten"]["read"]) / plain,
                           found["recorded"]["cpu"] / plain, found["lines"]["cpu"] / plain])
        names = ("hotload", "hotload, with the first question", "hotload's trace engine",
                 "sys.settrace that only logs line numbers")
        rows.append(Measure("record: a program of %s" % name, "times a plain run", list(
            zip(names, [statistics.median(column) for column in zip(*rounds)]))))
    return rows


def pipelines(args, size):
    cold, warm = [], []
    for name, words in (("hotload", "hotload"), ("doit", "doit"), ("joblib", "joblib.Memory"), ("hamilton", "Hamilton"),
                        ("pickle", "pickle files by hand, never stale")):
        both = []
        for _ in range(size["runs"]):
            folder = tempfile.mkdtemp(prefix="bench-")
            try:
                both.append([pipeline.measure(args.python, name, "chain", size["steps"], folder) for _ in "cw"])
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        if any(isinstance(figure, str) for pair in both for figure in pair):
            print("%s: %s" % (name, both), file=sys.stderr)
            continue
        for figures, at in ((cold, 0), (warm, 1)):
            figures.append((words, 1e6 / size["steps"] * statistics.median(pair[at] for pair in both)))
    steps = "a chain of %s steps" % format(size["steps"], ",")
    return [Measure("pipeline: %s, first run" % steps, "microseconds a step", cold),
            Measure("pipeline: %s, nothing changed" % steps, "microseconds a step", warm)]


# ---------------------------------------------------------------- table and chart

def table(measures):
    lines = ["| | hotload | beside it |", "| --- | --- | --- |"]
    for one in measures:
        others = ", ".join("%s %s" % (name, short(number)) for name, number in one.figures[1:])
        lines.append("| %s | %s | %s |" % (one.title, short(one.figures[0][1]), others))
    return lines


def chart(measures):
    """An SVG: a group of bars for each measure, each group to a scale of its own."""
    width, bar, label = 760, 17, 250
    lines, y = [], 8
    for one in measures:
        y += 22
        lines.append('<text class="title" x="0" y="%d">%s</text>' % (y, one.title.replace("&", "&amp;")))
        most = max(number for _, number in one.figures)
        for at, (name, number) in enumerate(one.figures):
            y += bar
            long = max(1.5, (width - label - 150) * number / most)
            lines.append('<text x="%d" y="%d" text-anchor="end">%s</text>' % (label - 8, y, name))
            lines.append('<rect class="%s" x="%d" y="%d" width="%.1f" height="%d"/>' % (
                "other" if at else "ours", label, y - 10, long, bar - 5))
            lines.append('<text x="%.1f" y="%d">%s</text>' % (label + long + 6, y, short(number)))
        y += 6
    style = ("text{font:12px sans-serif;fill:#1f2328}.title{font-weight:bold}.ours{fill:#0969da}.other{fill:#8c959f}"
             "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ours{fill:#4493f8}.other{fill:#6e7681}}")
    return '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d"><style>%s</style>\n%s\n</svg>\n' % (
        width, y + 8, style, "\n".join(lines))


def fill(text, name, lines):
    """README's text with these lines between the marks of that name."""
    pattern = r"(?s)(<!-- %s: [^\n]*-->\n).*?(<!-- end of %s -->)" % (name, name)
    text, count = re.subn(pattern, lambda found: found.group(1) + "\n".join(lines) + "\n" + found.group(2), text)
    assert count == 1, "no marks of %s in README.md" % name
    return text


def with_seconds(text, seconds):
    """The lines of the table between the marks `seconds`, each row with its figure in the last cell."""
    lines = re.search(r"(?s)<!-- seconds: [^\n]*-->\n(.*?)<!-- end of seconds -->", text).group(1).splitlines()
    for command, figure in seconds.items():
        [at] = [at for at, line in enumerate(lines) if command in line.split("|")[1]]
        cells = lines[at].split("|")
        cells[-2] = " %.*f " % (1 if figure > 0.2 else 3, figure)
        lines[at] = "|".join(cells)
    return lines


# ---------------------------------------------------------------- all together

def enter_peers(folder):
    """Go on in the virtual environment with the peers; it is made where there is none."""
    python = os.path.join(folder, "bin", "python")
    if os.path.realpath(sys.prefix) == os.path.realpath(folder):
        return
    if not os.path.exists(python):
        subprocess.check_call([sys.executable, "-m", "venv", folder])
    subprocess.check_call([python, "-m", "pip", "install", "-q", "--disable-pip-version-check"] + PEERS)
    os.execv(python, [python, os.path.abspath(__file__)] + sys.argv[1:])


def main():
    p = common.parser(__doc__)
    p.add_argument("--venv", default=os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "hotload-peers", platform.python_version()))
    p.add_argument("--norerun", help="its norerun.py")
    p.add_argument("--quick", action="store_true", help="fewer samples")
    p.add_argument("--dry", action="store_true", help="print, and write nothing")
    enter_peers(p.parse_args().venv)
    args, size = common.parse(p), FEWER if p.parse_args().quick else FULL
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.chdir(tempfile.gettempdir())            # `import` finds no hotload.py here but the one that is measured
    args.saves, load = size["saves"] // 6 + 1, os.getloadavg()[0]
    seconds = saves.figures(args)
    for command, figure in seconds.items():
        common.row(command, "%.3f s" % figure)
    measures = []
    for part in (reload_and_idle, patching, caching, recording, pipelines):
        new = part(args, size)
        print("\n".join(table(new)[2:]), flush=True)
        measures += new
    versions = ["%s %s" % (name, metadata.version(name)) for name in PEERS]
    versions += ["entr %s" % common.version_of(["entr"])] if shutil.which("entr") else []
    versions += ["norerun of GitHub"] if args.norerun else []
    about = "CPython %s, Linux, %s cores with a load of %.0f, %s; %s. `python docs/benchmarks/all.py%s`" % (
        platform.python_version(), os.cpu_count(), load, datetime.date.today(), ", ".join(versions),
        " --norerun norerun.py" if args.norerun else "")
    print(about)
    if args.dry:
        return
    with open(os.path.join(ROOT, "docs", "speed.svg"), "w") as f:
        f.write(chart(measures))
    readme = os.path.join(ROOT, "README.md")
    with open(readme, encoding="utf-8") as f:
        text = f.read()
    text = fill(text, "seconds", with_seconds(text, seconds))
    text = fill(text, "speed", table(measures) + ["", about])
    with open(readme, "w", encoding="utf-8") as f:
        f.write(text)


if __name__ == "__main__":
    main()
