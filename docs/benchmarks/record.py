"""Makes the figures of docs/record.md: record() against plain exec, CPU time, each run in a process of its own.

    python docs/benchmarks/record.py [--rewrite] [PROGRAM ...]      (default: the programs below)

The columns: recorded / plain, with --rewrite by the rewriting engine, else by trace; with record_state=False / plain; a
trace function that only logs line numbers / plain; the first question / plain, which reads what the rewriting engine
wrote; milliseconds (CPU) of state(n) at 100 random steps, median and 99th percentile; MiB that a million steps add.
"""
from __future__ import print_function
import gc
import json
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
import hotload                                                                   # noqa: E402

PROGRAMS = {
    'loops': '''
x = list(range(300, 0, -1))
done = False
while not done:
    done = True
    for i in range(len(x) - 1):
        a, b = x[i], x[i + 1]
        if a > b:
            done = False
            x[i], x[i + 1] = b, a
''',
    'strings': '''
out = []
for i in range(15000):
    word, n = '', i
    while n:
        word = chr(97 + n % 26) + word
        n //= 26
    if word.startswith('a'):
        word = word.upper()
    out.append(word)
text = ','.join(out)
''',
    'dicts': '''
seen, few, v = {}, set(), 7
for i in range(50000):
    v = (v * 1103515245 + 12345) % 2147483648
    key = v % 997
    if key in seen:
        seen[key] += 1
    else:
        seen[key] = 1
    few.add(key % 50)
best = max(seen.items(), key=lambda pair: pair[1])
''',
    'objects': '''
class Ball(object):
    def __init__(self, x, v):
        self.x, self.v, self.hits = x, v, 0

    def step(self):
        self.x += self.v
        if self.x > 100 or self.x < 0:
            self.v = -self.v
            self.hits += 1

balls = [Ball(i, 1 + i % 7) for i in range(50)]
for t in range(3000):
    for ball in balls:
        ball.step()
''',
    'calls': '''
def fib(n):
    if n < 2:
        return n
    a = fib(n - 1)
    b = fib(n - 2)
    return a + b

total = fib(22)
''',
}
cpu = getattr(time, 'process_time', None) or time.clock


def used_mib():
    """The memory that this process has now, on Linux."""
    try:
        with open('/proc/self/statm') as stream:
            return int(stream.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2.0 ** 20
    except EnvironmentError:
        return 0.0


def log_lines(code):
    """Run the code under a trace function that logs line numbers and nothing else."""
    log = []

    def trace(frame, event, arg):
        log.append(frame.f_lineno)
        return trace
    sys.settrace(trace)
    exec(code, {'__name__': '__main__'})
    sys.settrace(None)


def measure(text, way):
    """What one process finds: CPU seconds and more."""
    code = compile(text, '<recorded>', 'exec')
    gc.collect()
    hotload.release_memory()                # what the compiler of the import took
    before, begin = used_mib(), cpu()
    if way == 'plain':
        exec(code, {'__name__': '__main__'})
    elif way == 'lines':
        log_lines(code)
    else:
        recording = hotload.record(text, record_state=way != 'steps', raw=way == 'steps', engine='rewrite' if (
            way == 'rewritten') else 'trace')
    found = {'cpu': cpu() - begin, 'mib': used_mib() - before}
    if way in ('recorded', 'rewritten'):
        begin = cpu()
        found['steps'], times = recording.steps(), []
        found['read'], found['mib'] = cpu() - begin, used_mib() - before
        recording.state(0)
        for n in random.Random(1).sample(range(recording.steps()), 100):
            begin = cpu()
            recording.state(n)
            times.append(1000 * (cpu() - begin))
        times.sort()
        found['p50'], found['p99'] = times[50], times[98]
    return found


def child(text, way):
    """measure() in a process of its own."""
    out = subprocess.Popen([sys.executable, os.path.abspath(__file__), '--child', way], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE).communicate(text.encode('utf-8'))[0]
    return json.loads(out.decode('utf-8'))


def main():
    if sys.argv[1:2] == ['--child']:
        print(json.dumps(measure(sys.stdin.read(), sys.argv[2])))
        return
    programs, recorded = dict(PROGRAMS), 'recorded'
    if sys.argv[1:2] == ['--rewrite']:
        recorded = 'rewritten'
        del sys.argv[1]
    for path in sys.argv[1:]:
        with open(path) as stream:
            programs[os.path.basename(path)] = stream.read()
    print('%-10s %9s %9s %9s %9s %8s %8s %8s' % (
        'program', 'recorded', 'steps', 'lines', 'read', 'p50 ms', 'p99 ms', 'MiB'))
    for name in sorted(programs):
        rounds = []
        for _ in range(3):
            rounds.append(dict((way, child(programs[name], way)) for way in ('plain', recorded, 'steps', 'lines')))
        ratio = [sorted(found[way][what] / found['plain']['cpu'] for found in rounds)[1] for way, what in (
            (recorded, 'cpu'), ('steps', 'cpu'), ('lines', 'cpu'), (recorded, 'read'))]
        last = rounds[-1][recorded]
        mib = last['mib'] / last['steps'] * 1e6
        print('%-10s %8.1fx %8.1fx %8.1fx %8.1fx %8.2f %8.2f %8.0f' % tuple(
            [name] + ratio + [last['p50'], last['p99'], mib]))


if __name__ == '__main__':
    main()
