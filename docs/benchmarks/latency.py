"""Milliseconds from the end of a save to the first output of the run that it caused, on a terminal.

    python latency.py --python ~/.pyenv/versions/3.11.7/bin/python
    python latency.py --peers /path/to/venv/bin/watchfiles /path/to/venv/bin/watchmedo entr

The clock starts with the call that completes the save, os.replace (style atomic) or close (style
inplace), and stops when the mark that only this version prints was read from the terminal. Saves fall
at random moments, each after the last one was seen or given up; `lost` counts those not seen within
5 s. All versions have the same size. hotload and entr are given the list of files on stdin, the others
watch the folder. `fresh start` is the same script under the plain interpreter, from its start to its mark.
"""
import random

import common


def measure(argv, listed, files, style, saves):
    """(sorted seconds of the saves that were seen, number of those that were not)"""
    took, lost = [], 0
    with common.Project(files) as project, \
            common.Tool(argv, project.folder, project.listing() if listed else None) as tool:
        if tool.wait_for(b"<<000001>>", 60) is None:
            raise common.Ended("no first run: " + tool.shown.decode("utf-8", "replace"))
        tool.rest(2)                   # the tool gets to know its files
        for _ in range(saves):
            tool.rest(random.uniform(0.06, 0.3))
            begin, mark = project.save_script(style)
            seen = tool.wait_for(mark, 5)
            if seen is None:
                lost += 1
            else:
                took.append(seen - begin)
    return sorted(took), lost


def quantiles_ms(seconds):
    return [1000 * common.quantile(seconds, q) for q in (0.5, 0.95, 0.99, 1)]


def main():
    p = common.parser(__doc__, peers=True)
    p.add_argument("--files", type=int, nargs="+", default=[1, 1000, 10000])
    p.add_argument("--styles", nargs="+", default=["atomic", "inplace"], choices=["atomic", "inplace"])
    p.add_argument("--saves", type=int, default=200)
    p.add_argument("--peer-saves", type=int, default=50, help="the same for the peers, which take longer")
    args = common.parse(p)
    common.heading("tool", "files", "style", "saves", "lost", "p50 ms", "p95 ms", "p99 ms", "max ms")
    for name, argv, listed in common.tools(args):
        for files in args.files:
            for style in args.styles:
                saves = args.peer_saves if name in common.PEERS else args.saves
                try:
                    took, lost = measure(argv, listed, files, style, saves)
                except common.Ended as error:
                    common.row(name, files, style, "ended: " + " ".join(str(error).split())[-80:])
                    continue
                common.row(name, files, style, saves, lost, *quantiles_ms(took))
    with common.Project() as project:
        took = common.fresh_starts(args.python, project.folder, 30)
    common.row("fresh start", "", "", 30, "", *quantiles_ms(took))


if __name__ == "__main__":
    main()
