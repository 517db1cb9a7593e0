"""The standard library's own tests of its modules in Python, with the modules instrumented by engine="rewrite".

    python record_transparency.py [--python P]... [SUITE...]

For each suite the tests are run twice, each time in a process of its own: as they are, and with the modules that
stand before the colon in SUITES as local modules of a recorded script, so that all their code is instrumented. The
results of all tests have to be the same. A module that the engine does not instrument is named, with the reason. Works on Linux; P has to have the package `test`.
"""
from __future__ import print_function
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

SUITES = """
heapq: test_heapq                    bisect: test_bisect                textwrap: test_textwrap
difflib: test_difflib                shlex: test_shlex                  string: test_string
fractions: test_fractions            colorsys: test_colorsys            copy: test_copy
pprint: test_pprint                  csv: test_csv                      calendar: test_calendar
fnmatch: test_fnmatch                argparse: test_argparse            statistics: test_statistics
reprlib: test_reprlib                enum: test_enum                    dataclasses: test_dataclasses
ast: test_ast                        configparser: test_configparser    _pydecimal: test_decimal
operator: test_operator              base64: test_base64                optparse: test_optparse
getopt: test_getopt                  ipaddress: test_ipaddress          glob: test_glob
posixpath,genericpath: test_posixpath                                   collections: test_collections
html,html.parser,html.entities,_markupbase: test_htmlparser             graphlib: test_graphlib
json,json.decoder,json.encoder,json.scanner: test_json                  contextlib: test_contextlib
ConfigParser: test_cfgparser         HTMLParser,markupbase: test_htmlparser
repr: test_repr                      decimal: test_decimal              sched: test_sched
UserDict,UserList,UserString: test_userdict,test_userlist,test_userstring
"""
HERE = os.path.dirname(os.path.abspath(__file__))
RUNNER = '''
import os, sys, unittest
outcomes = sys.outcomes = {}
class Result(unittest.TextTestResult):
    def note(self, test, word):
        outcomes.setdefault(str(test), []).append(word)
    def addSuccess(self, test): self.note(test, 'passed')
    def addError(self, test, error): self.note(test, 'error %s' % error[0].__name__)
    def addFailure(self, test, error): self.note(test, 'failure')
    def addSkip(self, test, why): self.note(test, 'skipped')
    def addExpectedFailure(self, test, error): self.note(test, 'failed as expected')
    def addUnexpectedSuccess(self, test): self.note(test, 'did not fail')
    def addSubTest(self, test, part, error):
        if error: self.note(test, 'failure of %s' % part)
suite = unittest.TestSuite()
for name in sys.argv[1:]:
    __import__('test.' + name)
    suite.addTests(unittest.defaultTestLoader.loadTestsFromModule(sys.modules['test.' + name]))
del sys.argv[1:]
suite(Result(unittest.runner._WritelnDecorator(open(os.devnull, 'w')), False, 0))
'''


def source_of(name):
    """The path of a module of the library, or None."""
    base = os.path.join(os.path.dirname(os.__file__), *name.split('.'))
    found = [path for path in (base + '.py', os.path.join(base, '__init__.py')) if os.path.exists(path)]
    return found[0] if found else None


def run_here(mode, names, tests):
    """In a process of its own: run tests; what is known of them."""
    sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
    import hotload
    paths = dict((name, source_of(name)) for name in names)
    files, engines = set(paths.values()), []
    if None in files:
        return {'missing': True}

    class Forgetting(hotload.ENGINES['rewrite']):
        """Writes the log as ever and drops it unread: what it says is the business of record_engines.py."""

        def sync(self):
            del self.log[self.done:]

        def watch_size(self, thread):
            def drop():
                while not self.is_over:
                    time.sleep(0.05)
                    if len(self.log) > 1000000:
                        del self.log[:]
            threading.Thread(target=drop).start()

        def __init__(self, recording, is_recorded, *args, **options):
            hotload.ENGINES['rewrite'].__init__(self, recording, lambda path: path in files, *args, **options)
            engines.append(self)

        def code_to_run(self, code):
            """The script itself is not recorded: what the tests hold would be looked at again and again."""
            return code

        def look_around(self, *roots):
            """Does not look for changes that the tests themselves make, which are not recorded."""
        reach = audit_all = look_around
    folder = tempfile.mkdtemp()
    script = os.path.join(folder, 'run_tests.py')
    with open(script, 'w') as stream:
        stream.write(RUNNER)
    hotload.engine_of = lambda name: Forgetting
    step = hotload.RecordedScript(script, tests) if mode == 'recorded' else hotload.ReloadedScript(script, tests)
    hotload.fresh.install(files=list(files))
    for name in names:
        sys.modules.pop(name, None)
    begin = time.time()
    step.run()
    found = {'tests': sys.outcomes, 'seconds': time.time() - begin}
    if mode == 'recorded':
        found['left'] = [str(gap) for gap in engines[0].gaps if isinstance(gap, hotload.Unsupported)]
    return found


def run_there(python, mode, names, tests):
    """The same, from here; or the end of what it printed."""
    handle, path = tempfile.mkstemp()
    os.close(handle)
    child = subprocess.Popen([python, os.path.abspath(__file__), '--child', mode, names, tests, path],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tempfile.gettempdir())
    try:
        text = child.communicate(timeout=280)[0].decode('utf-8', 'replace')
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return 'took more than 280 seconds'
    with open(path) as stream:
        data = stream.read()
    os.remove(path)
    return json.loads(data) if data else text[-600:]


def main():
    args, pythons = sys.argv[1:], []
    while '--python' in args:
        at = args.index('--python')
        pythons.append(args[at + 1])
        del args[at:at + 2]
    suites = [line.split(':') for line in SUITES.replace(': ', ':').split()]
    for python in pythons or [sys.executable]:
        version = subprocess.check_output([python, '-c', 'import sys; print(sys.version.split()[0])']).decode().strip()
        count, bad, left = 0, 0, []
        for names, tests in suites:
            if args and names not in args:
                continue
            plain = run_there(python, 'plain', names, tests)
            if not isinstance(plain, dict) or 'missing' in plain or not plain['tests']:
                continue                        # this Python has no such module, or the tests need what is not here
            found = run_there(python, 'recorded', names, tests)
            if not isinstance(found, dict):
                bad += 1
                print(version, names, found)
            elif found['left']:
                left.append(names)
                print(version, names, 'is not instrumented:', ', '.join(found['left']))
            else:
                one, two = plain['tests'], found['tests']
                wrong = [name for name in sorted(set(one) | set(two)) if one.get(name) != two.get(name)]
                count += 1
                bad += bool(wrong)
                print('%s %s: %d tests, %d differ; %.1f s and %.1f s' % (
                    version, names, len(one), len(wrong), plain['seconds'], found['seconds']))
                for name in wrong[:5]:
                    print('   ', name, one.get(name), two.get(name))
            sys.stdout.flush()
        print('%s: %d suites with instrumented modules, %d with a difference; not instrumented: %s' % (
            version, count, bad, ', '.join(left) or 'none'))


if __name__ == '__main__':
    if sys.argv[1:2] == ['--child']:
        kind, modules, tests, path = sys.argv[2:]
        answer = run_here(kind, modules.split(','), tests.split(','))
        with open(path, 'w') as stream:
            json.dump(answer, stream)
        os._exit(0)
    main()
