"""How much faster a script that imports numpy and pandas runs again than it starts.

    python reload.py --python /path/to/venv/bin/python        (a Python that has numpy and pandas)

`again` is the time from the end of a save to the mark that this version of the script prints, on a
terminal; `fresh` the time from the start of the plain interpreter on that script to its mark.
"""
import random

import common

BODY = "import numpy, pandas\ntotal = pandas.Series(numpy.arange(10)).sum()"


def main():
    p = common.parser(__doc__)
    p.add_argument("--body", default=BODY, help="what the script does before it prints its mark")
    p.add_argument("--saves", type=int, default=50)
    p.add_argument("--starts", type=int, default=10)
    args = common.parse(p)
    again = []
    with common.Project(body=args.body) as project:
        fresh = common.fresh_starts(args.python, project.folder, args.starts)
        with common.Tool([args.python, args.hotload, "--no-clear", "app.py"], project.folder) as tool:
            if tool.wait_for(b"<<000001>>", 60) is None:
                raise SystemExit("no first run: " + tool.shown.decode("utf-8", "replace"))
            tool.rest(1)
            for _ in range(args.saves):
                tool.rest(random.uniform(0.1, 0.3))
                begin, mark = project.save_script()
                seen = tool.wait_for(mark, 10)
                if seen is not None:
                    again.append(seen - begin)
    again.sort()
    common.heading("fresh p50 ms", "again p50 ms", "again max ms", "saves", "lost", "times faster")
    common.row(1000 * common.quantile(fresh, 0.5), 1000 * common.quantile(again, 0.5),
               1000 * common.quantile(again, 1), args.saves, args.saves - len(again),
               common.quantile(fresh, 0.5) / common.quantile(again, 0.5))


if __name__ == "__main__":
    main()
