"""What the benchmarks share: a folder to work in, a tool on a terminal, figures from /proc, tables.

Linux only (pseudo-terminals, /proc). Nothing is measured here; see latency.py, idle.py, reload.py,
startup.py, soak.py, saves.py and patch.py: the docstring of each says how its figures are made again.
"""
import argparse
import fcntl
import os
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
HOTLOAD = os.path.join(os.path.dirname(os.path.dirname(HERE)), "hotload.py")
TAG = "HOTLOAD_BENCHMARK"      # a variable in the environment by which the processes of one tool are found


# ---------------------------------------------------------------- files

class Project(object):
    """A temporary folder with app.py, which prints a mark that tells its versions apart."""

    def __init__(self, files=1, body="", script='%s\nprint("<<" + "%s" + ">>")\n'):
        """`files` counts all files that will be watched, app.py among them; `body` runs before the mark.

        `script` is the text of app.py, where the first %s stands for the body and the second for a number.
        """
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="bench-"))
        self.body, self.script = body, script
        self.version = 0
        self.cold = []
        for i in range(files - 1):
            if i % 100 == 0:
                folder = os.path.join("tree", "d%03d" % (i // 100))
                os.makedirs(self.path(folder))
            self.cold.append(os.path.join(folder, "m%05d.py" % i))
            with open(self.path(self.cold[-1]), "w") as f:
                f.write("x = %d\n" % i)
        self.save_script()

    def path(self, name):
        return os.path.join(self.folder, name)

    def listing(self):
        """What `find . -type f` prints: the input of tools that take a list."""
        return "".join("./%s\n" % name for name in ["app.py"] + self.cold)

    def save_script(self, style="atomic"):
        """Write the next version of app.py. Returns (when it was complete, the mark it will print).

        All versions have the same size, so that a tool which compares sizes and whole seconds is caught.
        """
        self.version += 1
        number = "%06d" % self.version
        text = self.script % (self.body, number)
        return save(self.path("app.py"), text, style), ("<<%s>>" % number).encode()

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.remove()


def save(path, text, style):
    """Save as editors do, in place or by a temporary file and a rename. Returns when it was complete.

    That is taken just before the last call: the kernel may let a tool that it woke run to its output
    before this call returns to us, and a clock read afterwards would flatter the tool.
    """
    beside = path if style == "inplace" else path + ".tmp~"
    with open(beside, "w") as f:
        f.write(text)                  # stays in the buffer until close()
        complete = time.perf_counter()
    if style != "inplace":
        complete = time.perf_counter()
        os.replace(beside, path)
    return complete


# ---------------------------------------------------------------- a tool on a terminal

class Ended(Exception):
    """The tool ended by itself; the text is the end of what it showed."""


class Tool(object):
    """A program on a pseudo-terminal and in a session of its own, as if a user had started it there."""

    def __init__(self, argv, folder, listing=None):
        """`listing` is given on a pipe as stdin; without it stdin is the terminal."""
        self.tag = uuid.uuid4().hex
        self.shown = b""
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))

        def own_session():
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)      # ignored ones would be inherited from nohup or `&`
            os.setsid()
            fcntl.ioctl(1, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            argv, cwd=folder, env=environment(**{TAG: self.tag}), stdout=slave, stderr=slave,
            stdin=slave if listing is None else subprocess.PIPE, preexec_fn=own_session)
        os.close(slave)
        if listing is not None:
            self.process.stdin.write(listing.encode())
            self.process.stdin.close()

    def wait_for(self, text, seconds):
        """Wait for `text` in what is shown from now on. Returns the time at which it was read, or None."""
        end = time.perf_counter() + seconds
        while True:
            now = time.perf_counter()
            position = self.shown.find(text)
            if position >= 0:
                self.shown = self.shown[position + len(text):]
                return now
            if now >= end:
                return None
            self._read(end - now)

    def text_until(self, text, seconds):
        """What is shown from now on, up to the end of the line with `text` in it."""
        end = time.perf_counter() + seconds
        while b"\n" not in self.shown.partition(text)[2]:
            if time.perf_counter() > end:
                raise SystemExit("not shown: %r\n%s" % (text, self.shown.decode("utf-8", "replace")))
            self._read(end - time.perf_counter())
        before, text, after = self.shown.partition(text)
        line, _, self.shown = after.partition(b"\n")
        return (before + text + line).decode("utf-8", "replace").replace("\r", "")

    def rest(self, seconds):
        """Let time pass and forget what is shown meanwhile."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self._read(end - time.perf_counter())
        self.shown = b""

    def _read(self, seconds):
        if select.select([self.master], [], [], max(0, seconds))[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:            # Linux says EIO when the last process with this terminal has gone
                raise Ended(self.shown[-500:].decode("utf-8", "replace"))
            if b"\x1b[6n" in data:     # where is the cursor? Some tools wait for the answer.
                os.write(self.master, b"\x1b[1;1R")
            self.shown += data

    def pids(self):
        """Live processes of this tool: itself and whatever it started."""
        want, found = ("%s=%s" % (TAG, self.tag)).encode(), []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/environ" % name, "rb") as f:
                    if want in f.read().split(b"\0") and _stat(int(name))[0] not in "ZX":
                        found.append(int(name))
            except OSError:            # gone meanwhile, or not ours to read
                pass
        return found

    def stop(self):
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        self.process.wait()
        os.close(self.master)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()


def environment(**more):
    """Our environment without what changes how a Python starts or how hotload behaves."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "HOTLOAD", "LC_"))}
    env.update(TERM="xterm", LANG="C.UTF-8")
    env.update(more)
    return env


# ---------------------------------------------------------------- figures from /proc

def _stat(pid):
    """The fields of /proc/PID/stat that follow the name of the program, which may hold spaces."""
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rpartition(")")[2].split()


def cpu_seconds(pids):
    """User and system time of these processes, their ended children included."""
    ticks = 0
    for pid in pids:
        try:
            ticks += sum(map(int, _stat(pid)[11:15]))
        except OSError:
            pass
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pids):
    """(RSS sum, PSS sum) in MB. PSS counts a page that n processes share as 1/n in each."""
    rss = pss = 0
    for pid in pids:
        try:
            with open("/proc/%d/smaps_rollup" % pid) as f:
                sizes = dict(re.findall(r"^(Rss|Pss):\s+(\d+) kB", f.read(), re.M))
            rss, pss = rss + int(sizes["Rss"]), pss + int(sizes["Pss"])
        except (OSError, KeyError):
            pass
    return rss / 1024, pss / 1024


def threads_and_descriptors(pids):
    threads = descriptors = 0
    for pid in pids:
        try:
            threads += len(os.listdir("/proc/%d/task" % pid))
            descriptors += len(os.listdir("/proc/%d/fd" % pid))
        except OSError:
            pass
    return threads, descriptors


def run_ms(argv, folder=None):
    """(milliseconds of CPU, user and system; milliseconds that pass) of a command from start to end."""
    with open(os.devnull, "r+b") as null:
        begin = time.perf_counter()
        process = subprocess.Popen(argv, cwd=folder, stdin=null, stdout=null, stderr=null, env=environment())
        _, status, usage = os.wait4(process.pid, 0)
        passed = time.perf_counter() - begin
    process.returncode = status        # it is reaped; Popen need not look for it
    if status:
        raise SystemExit("%s: status %d" % (shlex.join(argv), status))
    return 1000 * (usage.ru_utime + usage.ru_stime), 1000 * passed


def fresh_starts(python, folder, times):
    """Sorted seconds from the start of `python app.py` on a terminal to its mark, a new process each."""
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        with Tool([python, "app.py"], folder) as tool:
            took.append(tool.wait_for(b">>", 60) - begin)
    return sorted(took)


# ---------------------------------------------------------------- tools beside each other

def install(args, prefix):
    """Install hotload for the measured Python into the folder `prefix`; the path of the launcher."""
    done = subprocess.run(
        ["sh", os.path.join(os.path.dirname(args.hotload), "install.sh")], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=environment(PREFIX=prefix, HOTLOAD_PYTHON=args.python))
    launcher = os.path.join(prefix, "bin", "hotload")
    if done.returncode or not os.path.exists(launcher):
        raise SystemExit("install.sh: status %d\n%s" % (
            done.returncode, done.stdout.decode("utf-8", "replace")))
    return launcher


PEERS = {
    # name: function of the program and of [python, app.py] -> (argv, whether it takes a list on stdin)
    "watchfiles": lambda program, run: ([program, "--filter", "python", shlex.join(run), "."], False),
    "watchmedo": lambda program, run: ([program, "auto-restart", "-d", ".", "-R", "-p", "**/*.py",
                                        "--no-restart-on-command-exit", "--"] + run, False),
    "entr": lambda program, run: ([program] + run, True),
}


def tools(args):
    """The tools to be measured: a list of (name, argv, whether it takes the list of files on stdin)."""
    start = [args.hotload]
    if args.no_inotify:
        start = ["-c", "import sys; sys.path.insert(0, %r); import hotload; hotload.HAS_INOTIFY = False; "
                       "sys.exit(hotload.main())" % os.path.dirname(args.hotload)]
    name = "hotload polling" if args.no_inotify else "hotload"
    found = [(name, [args.python] + start + ["--no-clear", "app.py"], True)]
    for peer in args.peers:
        name = os.path.basename(peer)
        program = shutil.which(peer)
        if name not in PEERS or program is None:
            raise SystemExit("--peers %s: %s" % (
                peer, "no such program" if name in PEERS else "known are " + ", ".join(sorted(PEERS))))
        argv, listed = PEERS[name](os.path.abspath(program), [args.python, "app.py"])
        found.append((name, argv, listed))
    return found


def version_of(argv):
    """The first word like 1.2 or 1.2.3 in what a command prints."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=environment())
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout.decode("utf-8", "replace"))
    return found.group() if found else "unknown"


# ---------------------------------------------------------------- command line and tables

def parser(doc, peers=False):
    p = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--python", default=sys.executable, help="the interpreter to be measured")
    p.add_argument("--hotload", default=HOTLOAD, help="hotload.py (default: the one of this checkout)")
    if peers:
        p.add_argument("--peers", nargs="+", default=[], metavar="PROGRAM",
                       help="measure these too: paths or names of watchfiles, watchmedo, entr")
        p.add_argument("--no-inotify", action="store_true",
                       help="without the kernel's hints, as on network drives and other systems")
    return p


def parse(p):
    """The parsed arguments, with the program paths made absolute; prints what is being measured."""
    args = p.parse_args()
    # not realpath: the python of a virtual environment is a link, and would lose its packages
    args.python = os.path.abspath(shutil.which(args.python) or args.python)
    args.hotload = os.path.abspath(args.hotload)
    with open(args.hotload, "rb") as f:
        ours = re.search(br"^__version__ = .([\w.]+)", f.read(), re.M)
    print("Python %s, hotload %s%s, %s cores, load %.1f" % (
        version_of([args.python, "--version"]), ours.group(1).decode() if ours else "unknown",
        "".join(", %s %s" % (os.path.basename(peer), version_of(
            [peer] + ([] if os.path.basename(peer) == "entr" else ["--version"])))
            for peer in getattr(args, "peers", [])),
        os.cpu_count(), os.getloadavg()[0]))
    return args


def quantile(ordered, q):
    """The value below which a share q of an ordered list lies (nearest rank)."""
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else float("nan")


def heading(*cells):
    print("| " + " | ".join(cells) + " |\n|" + " --- |" * len(cells))


def row(*cells):
    """A row of the table; floats get one decimal, or two where they are small."""
    print("| " + " | ".join("%.*f" % (2 if abs(c) < 1 else 1, c) if isinstance(c, float) else str(c)
                            for c in cells) + " |", flush=True)
