"""Makes the figures of docs/record.md again: record() against plain exec, CPU time, medians of pairs.

    python record.py [FOLDER OF PROGRAMS]      (default: the programs below)

Runs on every Python that hotload runs on; hotload.py must be on the path.
"""
from __future__ import print_function
import glob
import os
import random
import sys
import time

import hotload

PROGRAMS = {
    'loops': 'x = list(range(300, 0, -1))\ndone = False\nwhile not done:\n    done = True\n    for i in range(len(x) - 1):\n'
             '        a, b = x[i], x[i + 1]\n        if a > b:\n            done = False\n            x[i], x[i + 1] = b, a\n',
    'dicts': 'seen, v = {}, 7\nfor i in range(40000):\n    v = (v * 1103515245 + 12345) % 2147483648\n    k = v % 997\n'
             '    if k in seen:\n        seen[k] += 1\n    else:\n        seen[k] = 1\n',
    'calls': 'def fib(n):\n    if n < 2:\n        return n\n    a = fib(n - 1)\n    b = fib(n - 2)\n    return a + b\nfib(21)\n',
}
cpu = getattr(time, 'process_time', None) or time.clock


def plain_s(code):
    """CPU seconds of plain exec."""
    begin = cpu()
    exec(code, {'__name__': '__main__'})
    return cpu() - begin


def main():
    programs = dict(PROGRAMS)
    for path in glob.glob(os.path.join(sys.argv[1], '*.py')) if sys.argv[1:] else ():
        with open(path) as stream:
            programs[os.path.basename(path)[:-3]] = stream.read()
    print('%-10s %9s %9s %9s %8s %8s' % ('program', 'recorded', 'steps', 'only', 'p50 ms', 'p99 ms'))
    for name, text in sorted(programs.items()):
        code, ratios, thin = compile(text, '<plain>', 'exec'), [], []
        for _ in range(3):
            plain = plain_s(code)
            begin = cpu()
            recording = hotload.record(text)
            ratios.append((cpu() - begin) / plain)
            begin = cpu()
            hotload.record(text, record_state=False, raw=True)
            thin.append((cpu() - begin) / plain)
        times = []
        recording.state(0)
        for n in random.Random(1).sample(range(recording.steps()), 100):
            begin = time.time()
            recording.state(n)
            times.append(1000 * (time.time() - begin))
        times.sort()
        print('%-10s %8.1fx %9d %8.1fx %8.2f %8.2f' % (
            name, sorted(ratios)[1], recording.steps(), sorted(thin)[1], times[50], times[98]))


if __name__ == '__main__':
    main()
