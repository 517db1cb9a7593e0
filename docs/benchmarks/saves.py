"""Seconds from a save to what it changes, for the script of docs/tutorial.md in each mode, on a terminal.

    python saves.py [--python ~/.pyenv/versions/3.11.7/bin/python] [--saves 5]

The script is taken from examples/tutorial and grows by the edits of the page. The save changes a word that it
prints, at its end, and counts as done when that word is on the terminal; under --live, when the patch is told. `python
star.py` is the time from its start to its end. Medians.
"""
import os
import random
import re
import shutil
import statistics
import sys
import tempfile
import time

import common

DOCS = os.path.dirname(common.HERE)
EXAMPLE = os.path.join(os.path.dirname(DOCS), "examples", "tutorial")
LAUNCH = """import hotload
hotload.hotload(watch=["star.py"], steps=[hotload.ReloadedPythonModule.from_module_name("star")])
"""


def states():
    """The texts of star.py, from the first one through all edits of the page."""
    with open(os.path.join(EXAMPLE, "star.py")) as f:
        text = f.read()
    yield text
    with open(os.path.join(DOCS, "tutorial.md")) as f:
        diffs = re.findall(r"(?ms)^```diff\n(.*?)^```", f.read())
    for diff in diffs:
        old, new = ["".join(line[1:] for line in diff.splitlines(True) if line[0] in signs) for signs in (" -", " +")]
        assert text.count(old) == 1, diff
        text = text.replace(old, new)
        yield text


def modes(args):
    """[(the command of README's table, argv, text of star.py, what says that it was done, text that ran before)]"""
    texts = list(states())
    plants = [text for text in texts if "run_reactor" in text]
    python, run = args.python, [args.python, args.hotload, "--no-clear"]
    plain = b" days%d"
    return [
        ("python script.py", [python, "star.py"], texts[0], None, None),
        ("hotload script.py", run + ["star.py"], texts[0], plain, None),
        ("ReloadedPythonModule", [python, "launch.py"], texts[0], plain, None),
        ("hotload -c COMMAND", run + ["-w", "star.py", "-c", "'%s' star.py" % python], texts[0], plain, None),
        ("hotload --live script.py", run + ["--live", "star.py"], texts[-1], b"Update star.show", plants[-1]),
        ("hotload --cache script.py", run + ["--cache", "star.py"], texts[0], plain, None),
        ("hotload --record script.py", run + ["--record", "star.py"], plants[-1], plain, plants[-1]),
        ("reactors", run + ["star.py"], plants[-1], plain, plants[-1]),
    ]


def measure(argv, text, done, before, saves):
    """The median of the seconds, for so many saves after the first run; `before` was once run by plain Python."""
    folder, took = os.path.realpath(tempfile.mkdtemp(prefix="bench-")), []
    try:
        shutil.copy(os.path.join(EXAMPLE, "measure.py"), folder)
        shutil.copy(common.HOTLOAD, folder)
        for name, words in (("star.py", text), ("launch.py", LAUNCH)):
            common.save(os.path.join(folder, name), words, "inplace")
        common.run_ms([sys.executable, "measure.py"], folder)
        if before:
            common.save(os.path.join(folder, "star.py"), before, "inplace")
            common.run_ms([argv[0], "star.py"], folder)
            common.save(os.path.join(folder, "star.py"), text, "inplace")
        if done is None:
            return statistics.median(common.run_ms(argv, folder)[1] / 1000 for _ in range(saves + 1))
        with common.Tool(argv, folder) as tool:
            if tool.wait_for(b" days" if b"days" in done else b"night ", 60) is None:
                raise SystemExit("%s: no first run: %s" % (argv, tool.shown.decode("utf-8", "replace")))
            tool.rest(1.5)
            for turn in range(1, saves + 1):
                tool.rest(random.uniform(0.1, 0.3))
                new = text.replace(" days", " days%d" % turn).replace("night %d:", "night  %d:" + " " * turn)
                begin = common.save(os.path.join(folder, "star.py"), new, "atomic")
                seen = tool.wait_for(done % turn if b"%d" in done else done, 60)
                if seen is None:
                    raise SystemExit("%s: save %d was not seen: %s" % (
                        argv, turn, tool.shown.decode("utf-8", "replace")))
                took.append(seen - begin)
                tool.rest(0.5)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return statistics.median(took)


def figures(args):
    """{command of README's table: seconds}"""
    return dict((name, measure(argv, text, done, before, args.saves)) for name, argv, text, done, before in modes(args))


def main():
    p = common.parser(__doc__)
    p.add_argument("--saves", type=int, default=5)
    args = common.parse(p)
    common.heading("you run", "seconds")
    begin = time.time()
    for name, seconds in figures(args).items():
        common.row(name, "%.3f" % seconds)
    print("(%.0f s)" % (time.time() - begin))


if __name__ == "__main__":
    main()
