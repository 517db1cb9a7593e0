"""Memory, threads and descriptors after 100 reloads and after many.

    python soak.py --python ~/.pyenv/versions/2.7.18/bin/python
    python soak.py --through cli --reloads 2000

`loop` makes a hotload.Loop over a script that imports a helper, saves one of the two in turn, and calls
tick() until it is seen, so that no time is spent waiting. `cli` starts the command line on a terminal and
saves each time the last run was seen, which exercises the watching threads too. `seen` counts the saves
whose run had the new values; the figures are sums over all processes of the tool.
"""
import json
import os
import subprocess
import time

import common

# Runs on the Python under measure, which may be 2.7. Each version is a new file put in place by a rename:
# then no two keys in a row are equal, even where saves come faster than the file system's clock ticks.
THROUGH_LOOP = r'''
import json, os, sys, time
import hotload

reloads = int(sys.argv[1])     # the script's runs have a sys.argv of their own
TEXTS = {"app.py": "import helper, sys\nn = %d\nsys.soak = max(n, helper.n)\n",
         "helper.py": "class Thing(object):\n    pass\nthings = [Thing() for i in range(100)]\nn = %d\n"}

def save(name, number):
    with open(name + ".tmp~", "w") as f:
        f.write(TEXTS[name] % number)
    os.rename(name + ".tmp~", name)

def figures():
    with open("/proc/self/statm") as f:
        pages = int(f.read().split()[1])
    return [pages * os.sysconf("SC_PAGE_SIZE") / 2.0 ** 20, len(os.listdir("/proc/self/task")),
            len(os.listdir("/proc/self/fd"))]

save("helper.py", 0)
save("app.py", 0)
script = hotload.ReloadedScript("app.py")
loop = hotload.Loop([script.files], [script])
seen, said, begin = 0, [], time.time()
for number in range(1, reloads + 1):
    save(("helper.py", "app.py")[number % 2], number)
    give_up = time.time() + 5
    while not loop.tick() and time.time() < give_up:
        pass                       # one look takes in the hot files; the others have their turn
    seen += getattr(sys, "soak", None) == number
    if number in (100, reloads):
        said.append([number, seen] + figures() + [time.time() - begin])
sys.stdout.write("figures " + json.dumps(said) + "\n")
'''


def through_loop(args):
    with common.Project() as project:
        done = subprocess.run(
            [args.python, "-c", THROUGH_LOOP, str(args.reloads)], cwd=project.folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=common.environment(PYTHONPATH=os.path.dirname(args.hotload)))
    lines = [line for line in done.stdout.splitlines() if line.startswith(b"figures ")]
    if not lines:
        raise SystemExit("loop: status %d\n%s" % (
            done.returncode, done.stderr.decode("utf-8", "replace")[-2000:]))
    for figures in json.loads(lines[0][8:].decode()):
        common.row("loop", *figures)


def through_cli(args):
    with common.Project() as project, \
            common.Tool([args.python, args.hotload, "--no-clear", "app.py"], project.folder) as tool:
        if tool.wait_for(b"<<000001>>", 60) is None:
            raise SystemExit("no first run: " + tool.shown.decode("utf-8", "replace"))
        tool.rest(1)
        begin, seen = time.perf_counter(), 0
        for number in range(1, args.reloads + 1):
            seen += tool.wait_for(project.save_script()[1], 5) is not None
            if number in (100, args.reloads):
                tool.rest(0.5)         # the run's own end
                pids = tool.pids()
                seconds = time.perf_counter() - begin
                common.row("cli", number, seen, common.memory_mb(pids)[0],
                           *common.threads_and_descriptors(pids), seconds)


def main():
    p = common.parser(__doc__)
    p.add_argument("--reloads", type=int, default=10000)
    p.add_argument("--through", choices=["loop", "cli", "both"], default="both")
    args = common.parse(p)
    common.heading("through", "saves", "seen", "RSS MB", "threads", "descriptors", "seconds")
    if args.through != "cli":
        through_loop(args)
    if args.through != "loop":
        through_cli(args)


if __name__ == "__main__":
    main()
