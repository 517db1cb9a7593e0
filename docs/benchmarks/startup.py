"""CPU that the start of hotload costs beyond the start of Python itself.

    python startup.py --python ~/.pyenv/versions/3.11.7/bin/python
    python startup.py --launcher ~/.local/bin/hotload

Three commands take turns: `python -c pass`, the installed launcher with --help, and `python hotload.py
--help`. Each figure is the median of user and system time of one process. The launcher imports hotload
from its cached byte code; `python hotload.py` compiles the whole file at each start. Without --launcher,
install.sh puts one for --python into a temporary folder.
"""
import shutil
import statistics
import tempfile

import common


def main():
    p = common.parser(__doc__)
    p.add_argument("--launcher", help="an installed launcher (default: one is installed for the measurement)")
    p.add_argument("--times", type=int, default=15)
    args = common.parse(p)
    prefix = tempfile.mkdtemp(prefix="bench-")
    try:
        commands = [("python -c pass", [args.python, "-c", "pass"]),
                    ("hotload --help", [args.launcher or common.install(args, prefix), "--help"]),
                    ("python hotload.py --help", [args.python, args.hotload, "--help"])]
        took = {name: [] for name, _ in commands}
        for turn in range(args.times + 1):
            for name, argv in commands:
                cpu = common.run_ms(argv)[0]
                if turn:               # the first turn writes byte code and warms the disk cache
                    took[name].append(cpu)
    finally:
        shutil.rmtree(prefix, ignore_errors=True)
    common.heading("command", "CPU ms", "beyond python -c pass, ms")
    plain = statistics.median(took["python -c pass"])
    for name, _ in commands:
        cpu = statistics.median(took[name])
        common.row(name, cpu, cpu - plain)


if __name__ == "__main__":
    main()
