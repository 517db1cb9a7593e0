"""CPU and memory of a tool that only waits, by the number of watched files; and how soon a cold file is seen.

    python idle.py --python ~/.pyenv/versions/3.11.7/bin/python
    python idle.py --files 10 1000 --peers /path/to/venv/bin/watchfiles entr

Idle CPU is user and system time of all processes of the tool, as a share of one core, over --seconds
without any save. Memory is summed over its processes: RSS, and PSS, which counts a page once however
many processes share it. A cold file is one that was not touched since the start: each sample saves
another one, chosen at random, in place or by rename, and waits (10 s at most) for the next run.
"""
import random
import time

import common


def cold_saves(tool, project, style, samples):
    """(sorted seconds until a run followed the save of a cold file, number of saves without one)"""
    took, lost = [], 0
    for _ in range(samples):
        name = project.cold.pop(random.randrange(len(project.cold)))
        tool.rest(random.uniform(0.3, 0.8))
        begin = common.save(project.path(name), "x = 'changed'\n", style)
        seen = tool.wait_for(b">>", 10)
        if seen is None:
            lost += 1
        else:
            took.append(seen - begin)
    return sorted(took), lost


def measure(argv, listed, files, args):
    """The cells of the table that follow the name and the number of files."""
    with common.Project(files) as project, \
            common.Tool(argv, project.folder, project.listing() if listed else None) as tool:
        begin = time.perf_counter()
        first = tool.wait_for(b">>", 60)
        if first is None:
            raise common.Ended("no first run: " + tool.shown.decode("utf-8", "replace"))
        tool.rest(args.warm)
        pids = tool.pids()
        cpu, at = common.cpu_seconds(pids), time.perf_counter()
        tool.rest(args.seconds)
        percent = 100 * (common.cpu_seconds(pids) - cpu) / (time.perf_counter() - at)
        rss, pss = common.memory_mb(tool.pids())
        cells = [len(pids), percent, rss, pss, first - begin]
        samples = min(args.saves, len(project.cold) // 2)
        for style in ("inplace", "atomic"):
            took, lost = cold_saves(tool, project, style, samples)
            cells += [1000 * common.quantile(took, 0.5), 1000 * common.quantile(took, 1), lost]
    return cells


def main():
    p = common.parser(__doc__, peers=True)
    p.add_argument("--files", type=int, nargs="+", default=[10, 1000, 10000, 50000])
    p.add_argument("--seconds", type=float, default=20.0, help="how long nothing happens (default: 20)")
    p.add_argument("--warm", type=float, default=5.0, help="seconds between first run and measurement")
    p.add_argument("--saves", type=int, default=10, help="cold files saved in each style (default: 10)")
    args = common.parse(p)
    common.heading("tool", "files", "processes", "idle % of a core", "RSS MB", "PSS MB", "start s",
                   "in place p50 ms", "max", "lost", "by rename p50 ms", "max", "lost")
    for name, argv, listed in common.tools(args):
        for files in args.files:
            try:
                common.row(name, files, *measure(argv, listed, files, args))
            except common.Ended as error:
                common.row(name, files, "ended: " + " ".join(str(error).split())[-80:])


if __name__ == "__main__":
    main()
