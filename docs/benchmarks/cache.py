"""What the statement cache saves and costs, beside a fresh run, joblib.Memory by hand, marimo and norerun.

    python cache.py [--trials FOLDER] [--marimo PYTHON] [--norerun FILE]

First table: seconds from a save until the values are up to date, for a small analysis (load 0.3 s, fit 0.2 s, score
0.1 s) after typical edits, in a process that lives and after a restart. joblib.Memory is measured if it is installed:
the same script with its functions decorated by hand. So is marimo: its kernel is told of the statements that changed,
each a cell. With --norerun so is norerun, at its prompt. Second table: what the cache costs, in processor time. Third, with
--trials (the folder trials/cache): versions that are right and costly runs that are avoided, for hotload and, where
they are given, marimo (a Python that has it; a statement is a cell) and norerun (its norerun.py).
"""
from __future__ import print_function

import argparse
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.environ.get('HOTLOAD_UNDER_TEST') or os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, FOLDER)
import hotload                                                                   # noqa: E402

clock = getattr(time, 'process_time', getattr(time, 'clock', None))
HEAD = """import time
%(head)s
%(mark)sdef load(n):
    time.sleep(0.3)
    return list(range(n))
%(mark)sdef fit(data, k):
    time.sleep(0.2)
    return [k * x for x in data]
%(mark)sdef score(fitted):
    time.sleep(0.1)
    return sum(fitted)
"""
BODY = "data = load(1000)\nfitted = fit(data, 2)\nresult = score(fitted)\nlabel = 'a'\n"
EDITS = [('the last line', ("label = 'a'", "label = 'b'")), ('a comment', ('data = load', '# why\ndata = load')),
         ('a parameter in the middle', ('fit(data, 2)', 'fit(data, 3)')), ('undone', ('fit(data, 3)', 'fit(data, 2)')),
         ('a helper', ('return sum(fitted)', 'return max(fitted)')), ('load itself', ('range(n)', 'range(n + 1)'))]
JOBLIB = "import joblib, sys\nmemory = joblib.Memory(sys.argv[1], verbose=0)\n"


def versions(head='', mark=''):
    """[(what was edited, text)]."""
    text = HEAD % {'head': head, 'mark': mark} + BODY
    found = [('first run', text)]
    for what, (old, new) in EDITS:
        text = text.replace(old, new, 1)
        found.append((what, text))
    return found


def is_installed(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def write(path, text):
    with open(path, 'w') as stream:
        stream.write(text)


def in_new_process(words):
    env = dict(os.environ)
    env.pop('PYTHONDONTWRITEBYTECODE', None)    # hotload.py would be compiled at each start
    begin = time.time()
    subprocess.check_call(words, env=env)
    return time.time() - begin


def at_prompt(words, path):
    """[seconds, one for each version] of a program that waits for Enter at a prompt `>>> ` after each run."""
    found, env = [], dict(os.environ, PYTHONUNBUFFERED='1')
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=os.path.dirname(path), env=env)

    def wait():
        shown = b''
        while not shown.endswith(b'>>> '):
            letter = child.stdout.read(1)
            if not letter:
                raise SystemExit('%s ended: %s' % (words, shown.decode('utf-8', 'replace')))
            shown += letter
    wait()                                      # the first version is there already
    for _, text in versions():
        write(path, text)
        begin = time.time()
        child.stdin.write(b'\n')
        child.stdin.flush()
        wait()
        found.append(time.time() - begin)
    child.kill()
    child.wait()
    return found


class Marimo(object):
    """Its kernel in this process; each statement is a cell. (Its API for this is private: of the version 0.25.)"""

    def __init__(self, path):
        import asyncio
        import queue
        from marimo._ast.app_config import _AppConfig
        from marimo._config.config import DEFAULT_CONFIG
        from marimo._messaging.types import KernelStreams, NoopStream
        from marimo._runtime import commands, kernel_lifecycle
        from marimo._session.model import SessionMode
        self.loop, self.cell, self.cells = asyncio.new_event_loop(), commands.ExecuteCellCommand, []
        self.kernel, _ = kernel_lifecycle.create_kernel(kernel_lifecycle.KernelArgs(
            streams=KernelStreams(stream=NoopStream(), stdout=None, stderr=None, stdin=None), debugger=None, configs={},
            app_metadata=commands.AppMetadata({}, {}, argv=None, filename=path, app_config=_AppConfig()),
            user_config=DEFAULT_CONFIG, mode=SessionMode.EDIT, control_queue=queue.Queue(),
            set_ui_element_queue=queue.Queue(), virtual_file_storage=None))

    def run(self, text):
        """Run the cells whose text is new; marimo runs those that depend on them."""
        import ast
        cells = [ast.get_source_segment(text, statement) for statement in ast.parse(text).body]
        new = [self.cell(cell_id='cell%d' % at, code=code) for at, code in enumerate(cells)
               if code not in self.cells[at:at + 1]]
        self.cells = cells
        self.loop.run_until_complete(self.kernel.run(new))


def rows(folder, norerun=None):
    """{system: [seconds, one for each version]}; norerun: the path of its norerun.py."""
    path, found = os.path.join(folder, 'script.py'), {}
    found['fresh run'] = [(write(path, text), in_new_process([sys.executable, path]))[1] for _, text in versions()]
    step, found['hotload'] = None, []
    for _, text in versions():
        write(path, text)
        begin = time.time()
        step = step or hotload.CachedScript(path, store=os.path.join(folder, 'store'))
        step.run()
        found['hotload'].append(time.time() - begin)
    step.close()
    code = 'import sys; sys.path.insert(0, %r); import hotload; hotload.CachedScript(%r, store=%r).run()' % (
        FOLDER, path, os.path.join(folder, 'store2'))
    found['hotload, restarted'] = [(write(path, text), in_new_process([sys.executable, '-c', code]))[1]
                                   for _, text in versions()]
    if is_installed('joblib'):
        found['joblib.Memory by hand'] = [
            (write(path, text), in_new_process([sys.executable, path, os.path.join(folder, 'memory')]))[1]
            for _, text in versions(JOBLIB, '@memory.cache\n')]
    if is_installed('marimo'):
        kernel, found['marimo'] = Marimo(path), []
        for _, text in versions():
            begin = time.time()
            kernel.run(text)
            found['marimo'].append(time.time() - begin)
    if norerun:
        write(path, '')
        found['norerun'] = at_prompt([sys.executable, os.path.abspath(norerun), path], path)
    return found


def least(function, turns=3):
    """Milliseconds of processor time that the quickest of some calls takes."""
    best = None
    for _ in range(turns):
        begin = clock()
        function()
        taken = clock() - begin
        best = taken if best is None else min(best, taken)
    return 1000 * best


def costs(folder):
    """Print what the cache costs."""
    path = os.path.join(folder, 'costs.py')
    # First, while there is little else in this process that the collector would look through.
    busy = 'def busy():\n    end = clock() + 0.001\n    while clock() < end:\n        pass\n'
    write(path, 'from time import %s as clock\n' % clock.__name__ + busy + ''.join(
        'y%d = [busy(), %d]\n' % (at, at) for at in range(200)))
    plain, step = hotload.ReloadedScript(path), hotload.CachedScript(path)
    fresh, first = least(plain.run), least(step.run, 1)
    print('200 statements of 1 ms   fresh run %.0f ms, first run with the cache %.0f ms (%.2f times)' % (
        fresh, first, first / fresh))
    plain.close()
    step.close()
    write(path, 'x0 = 1\n' + ''.join('x%d = x%d + %d\n' % (at, at - 1, at % 7) for at in range(1, 1000)))
    plain, step = hotload.ReloadedScript(path), hotload.CachedScript(path)
    print('1,000 cheap statements   fresh run %.1f ms' % least(plain.run, 5))
    plain.close()
    print('                         first run with the cache %.1f ms' % least(step.run, 1))
    print('                         a save that changes nothing %.1f ms' % least(step.run, 5))
    step.close()
    big = 'big = [{"i": i, "s": str(i)} for i in range(60000)]\nx = %d\n'
    write(path, big % 0)
    step, edits = hotload.CachedScript(path), iter(range(1, 100))
    step.run()
    print('60,000 dicts in scope    pickling them %.1f ms' % least(lambda: pickle.dumps(step.namespace['big'], 2)))
    print('                         an unrelated edit %.1f ms' % least(
        lambda: (write(path, big % next(edits)), step.run(), step.namespace), 5))
    step.close()


def trials(folder, marimo, norerun):
    """Print the summary of the trial for each system."""
    systems = [('hotload', sys.executable, 'hotload.py', {})]
    if marimo:
        systems.append(('marimo', marimo, 'marimo.py', {}))
    if norerun:
        systems.append(('norerun', sys.executable, 'norerun.py', {'NORERUN': os.path.abspath(norerun)}))
    for name, python, adapter, variables in systems:
        shown = subprocess.Popen(
            [sys.executable, 'run.py', '--adapter', os.path.join('adapters', adapter), '--python', python], cwd=folder,
            env=dict(os.environ, PYTHONPATH=FOLDER, **variables), stdout=subprocess.PIPE).communicate()[0]
        found = dict(re.findall(r'  (\w[\w ]*\w) +\d+ of +\d+ +(\d+\.\d) %', shown.decode('utf-8')))
        print('%-10s fidelity %5s %%   of what can be avoided %5s %%' % (
            name, found.get('fidelity'), found.get('of ideal')))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--trials')
    parser.add_argument('--marimo')
    parser.add_argument('--norerun')
    args = parser.parse_args()
    folder = tempfile.mkdtemp(prefix='hotload-cache-')
    try:
        found = rows(folder, args.norerun)
        print('%-26s' % 'seconds after an edit of' + ''.join('%-22s' % name for name in found))
        for number, (what, _) in enumerate(versions()):
            print('%-26s' % what + ''.join('%-22.2f' % found[name][number] for name in found))
        print()
        costs(folder)
    finally:
        shutil.rmtree(folder)
    if args.trials:
        print()
        trials(args.trials, args.marimo, args.norerun)


if __name__ == '__main__':
    main()
