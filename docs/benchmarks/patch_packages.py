"""Patches all modules of large packages from one release to another, in place, and runs the newer's tests.

    python docs/benchmarks/patch_packages.py [jinja2] [click] [werkzeug] [networkx]

Needs CPython 3.11 or newer, and pip that reaches PyPI: the releases' sdists, pytest and what the tests import
go into a temporary folder, with a virtual environment of its own. Three processes run the tests of release B:
    fresh   which was started with B's text,
    each    which imported all modules of A, then saw B's files saved one after another, in order of names,
    batch   likewise, all files saved together.
Printed is a table: files that were patched, changes, those that failed at the end, seconds for patching, and
tests that passed and did not; below it the tests that came out otherwise than in the fresh process.
"""

import contextlib
import filecmp
import importlib
import json
import os
import pkgutil
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACKAGES = {                # name: (release A, release B, folder of the package, tests, arguments of pytest)
    'jinja2': ('3.0.3', '3.1.4', 'src/jinja2', 'tests', []),
    'click': ('8.0.4', '8.1.7', 'src/click', 'tests', []),
    'werkzeug': ('2.3.8', '3.0.6', 'src/werkzeug', 'tests', ['--ignore=tests/test_serving.py']),
    'networkx': ('3.1', '3.2.1', 'networkx', 'networkx', []),
}
NEEDED = ['pytest<8', 'markupsafe', 'flit_core', 'setuptools', 'wheel', 'ephemeral-port-reserve',
          'pytest-xprocess', 'pytest-timeout', 'watchdog', 'cryptography']
ROW = '%-10s %-6s %-6s %-6s %6s %8s %7s %8s %7s %7s'


def import_all(package):
    """Import all modules of a package but its tests; those that miss something are left out."""
    path = importlib.import_module(package).__path__
    for info in pkgutil.walk_packages(path, package + '.', onerror=lambda name: None):
        if not set(info.name.split('.')) & set(['tests', 'conftest', '__main__']):
            with contextlib.suppress(Exception):
                importlib.import_module(info.name)


def patch(package, new, mode):
    """Import the package of the current folder, and patch it to the texts in `new`. The figures."""
    sys.path.insert(0, ROOT)
    import hotload
    step, failed, changes = hotload.LivePatch(os.path.abspath(package)), {}, []
    import_all(package)
    live, pairs = set(step.files()), []
    for folder, _, names in sorted(os.walk(new)):
        os.makedirs(os.path.join(package, os.path.relpath(folder, new)), exist_ok=True)
        for path in [os.path.join(folder, name) for name in sorted(names) if name.endswith('.py')]:
            target = os.path.abspath(os.path.join(package, os.path.relpath(path, new)))
            if target not in live:              # nobody imported it yet
                shutil.copy(path, target)
            elif not filecmp.cmp(path, target, False):
                pairs.append((path, target))
    begin_s = time.time()
    for part in [pairs] if mode == 'batch' else [[pair] for pair in pairs]:
        for path, target in part:
            shutil.copy(path, target)
        changes += step.apply()
    seconds = round(time.time() - begin_s, 1)
    for change in changes:                      # what failed may have come right when a later file was saved
        failed.pop((change.path, change.name), None)
        if change.kind == 'Failed':
            failed[change.path, change.name] = str(change)
    return [len(pairs), len(changes), len(failed), seconds, sorted(failed.values())]


class Outcomes(object):
    """A plugin of pytest that notes how each test came out."""

    def __init__(self):
        self.found = {}

    def pytest_runtest_logreport(self, report):
        """Note one phase of a test; what was bad stays."""
        if self.found.get(report.nodeid) != 'failed' and (report.when == 'call' or not report.passed):
            self.found[report.nodeid] = report.outcome


def child(package, new, tests, mode, result, arguments):
    """What one process does: patch, test and write down the figures."""
    sys.path.insert(0, os.getcwd())
    sys.setrecursionlimit(3000)
    figures, outcomes = patch(package, new, mode) if mode != 'fresh' else [''] * 4 + [[]], Outcomes()
    import pytest
    os.chdir(os.path.dirname(tests))
    pytest.main(['-q', '--tb=short', '-o', 'addopts=', os.path.basename(tests)] + arguments, [outcomes])
    with open(result, 'w') as stream:
        json.dump([figures, outcomes.found], stream)


def measure(python, folder, name):
    """Print a package's rows of the table."""
    archives, (begin, end, where, tests, arguments) = [], PACKAGES[name]
    old, new = [os.path.join(folder, name + release) for release in (begin, end)]
    for path, release in ((old, begin), (new, end)):
        subprocess.check_call([python, '-m', 'pip', '-q', 'download', '--no-binary', ':all:', '--no-deps',
                               '--no-build-isolation', '-d', path, '%s==%s' % (name, release)])
        archives += os.listdir(path)
        with tarfile.open(os.path.join(path, archives[-1])) as stream:
            stream.extractall(path)
    old, new = [os.path.join(path, archive[:-7]) for path, archive in zip((old, new), archives)]
    expected, remarks = None, []
    for mode in ('fresh', 'each', 'batch'):
        work = os.path.join(folder, name + '_' + mode)
        shutil.copytree(os.path.join(new if mode == 'fresh' else old, where), os.path.join(work, name))
        with open(work + '.log', 'w') as log:
            paths = os.path.join(new, where), os.path.join(work if tests == where else new, tests)
            subprocess.call([python, '-B', os.path.abspath(__file__), '--child', name] + list(paths)
                            + [mode, work + '.json'] + arguments, cwd=work,
                            env=dict(os.environ, PYTHONPATH=work), stdout=log, stderr=log)
        with open(work + '.json') as stream:
            figures, outcomes = json.load(stream)
        expected = expected or outcomes
        remarks += ['    %s: %s' % (mode, line) for line in figures.pop()]
        for test in sorted(set(expected) | set(outcomes)):
            found, wanted = outcomes.get(test), expected.get(test)
            remarks += ['    %s: %s: %s, fresh %s' % (mode, test, found, wanted)] * (found != wanted)
        print(ROW % tuple([name, begin, end, mode] + figures + [list(outcomes.values()).count(kind)
            for kind in ('passed', 'failed')]), flush=True)
    print('\n'.join(remarks))


def main(names):
    """Make the environment, and print the table."""
    if names[:1] == ['--child']:
        return child(*names[1:6], names[6:])
    folder = tempfile.mkdtemp(prefix='hotload-packages-')
    try:
        python = os.path.join(folder, 'venv', 'Scripts' if os.name == 'nt' else 'bin', 'python')
        subprocess.check_call([sys.executable, '-m', 'venv', os.path.dirname(os.path.dirname(python))])
        subprocess.check_call([python, '-m', 'pip', '-q', 'install'] + NEEDED)
        print(ROW % tuple('package A B mode files changes Failed seconds passed failed'.split()))
        for name in names or list(PACKAGES)[:3]:
            measure(python, folder, name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main(sys.argv[1:])
