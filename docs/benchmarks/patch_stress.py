"""Do threads that call functions get on while 500 saves change these?

    python docs/benchmarks/patch_stress.py [--saves 500] [--threads 2] [--functions 20] [--seed N]

Threads call pairs of functions, one after the other; each save gives both of a pair a new result, and moves lines. A
pair of calls during which no apply began, went on or ended must agree. Printed are the pairs that were called, those
that could be judged, those that disagreed, and how long a thread stood still at most between two calls:

    wall    as the clock has it; a busy machine makes this long, too
    held    of that, what this process used of the processor: how long we kept the thread from running

The same is measured first without saves (control): what the threads do to each other. It fails when a pair disagrees, a
thread raises, or one was held for more than 50 ms. Runs on 2.7 and 3.x, on POSIX.
"""
from __future__ import absolute_import, division, print_function

import argparse
import io
import os
import random
import resource
import shutil
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, os.environ.get('HOTLOAD_UNDER_TEST')
                or os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
import hotload                                                                   # noqa: E402

LIMIT_S = 0.05
clock = getattr(time, 'perf_counter', time.time)


def cpu_s():
    """Seconds of the processor that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def module_text(number, functions):
    """The module's text in save `number`: pairs of functions that return it, on other lines each time."""
    return u''.join(u'#\n' * ((number + at) % 3) + u'def %s%d(x=%d):\n    return x, %d\n\n' % (name, at, number, number)
                    for at in range(functions // 2) for name in ('one', 'two'))


class Stress(object):
    """What the threads share.

    phase: odd while an apply goes on.      judged, all: pairs called.      wrong: (one, other) that disagreed.
    gaps: longest (wall, held) of each thread.      errors: tracebacks.
    """

    def __init__(self, functions):
        self.functions, self.phase, self.ending = functions, 0, False
        self.all, self.judged, self.wrong, self.gaps, self.errors = 0, 0, [], [], []
        self.ready = threading.Semaphore(0)

    def call_pairs(self, module, seed):
        """Call pairs until the end; the body of a thread."""
        rng, longest, held, count, judged = random.Random(seed), 0.0, 0.0, 0, 0
        pairs = [(getattr(module, 'one%d' % at), getattr(module, 'two%d' % at)) for at in range(self.functions // 2)]
        self.ready.release()
        try:
            last, last_cpu = clock(), cpu_s()
            while not self.ending:
                one, two = rng.choice(pairs)
                before = self.phase
                first, second = one(), two()
                after = self.phase
                count += 1
                if before == after and not before % 2:
                    judged += 1
                    if first != second or first[0] != first[1]:
                        self.wrong.append((first, second))
                now = clock()
                if now - last > 0.01:           # the processor's time is dear to ask for
                    cpu = cpu_s()
                    longest, held = max(longest, now - last), max(held, min(now - last, cpu - last_cpu))
                    last_cpu, now = cpu, clock()
                elif count % 50 == 0:
                    last_cpu = cpu_s()
                    now = clock()
                last = now
        except BaseException:
            self.errors.append(traceback.format_exc())
        self.gaps.append((longest, held))
        self.all += count
        self.judged += judged

    def play(self, module, threads, turns, turn, seed):
        """Call turn(number) `turns` times, 2 ms apart, while threads call pairs."""
        workers = [threading.Thread(target=self.call_pairs, args=(module, seed + at)) for at in range(threads)]
        for worker in workers:
            worker.start()
        for _ in workers:
            self.ready.acquire()
        try:
            for number in range(1, turns + 1):
                turn(number)
                time.sleep(0.002)
        finally:
            self.ending = True
            for worker in workers:
                worker.join()

    def say(self, title):
        print('%-8s pairs %d, judged %d, disagreed %d, errors %d; longest standstill: wall %.1f ms, held %.1f ms' % (
            title, self.all, self.judged, len(self.wrong), len(self.errors),
            1000 * max(wall for wall, _ in self.gaps), 1000 * max(held for _, held in self.gaps)))
        for error in self.errors[:3]:
            print(error)
        print(*['disagreed: %s %s' % pair for pair in self.wrong[:3]], sep='\n', end='')
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    for name, default in (('saves', 500), ('threads', 2), ('functions', 20), ('seed', 1)):
        parser.add_argument('--' + name, type=int, default=default)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix='hotload-stress-')
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    path = os.path.join(folder, 'stressed.py')

    def save(number):
        with io.open(path + '~', 'w', encoding='utf-8') as stream:
            stream.write(module_text(number, options.functions))
        os.rename(path + '~', path)
    try:
        save(0)
        patch = hotload.LivePatch(folder)
        import stressed
        control, stress, took = Stress(options.functions), Stress(options.functions), []

        def turn(number):
            save(number)
            begin = clock()
            stress.phase += 1
            changes = patch.apply(path)
            stress.phase += 1
            took.append(clock() - begin)
            assert len(changes) == options.functions, changes[:3]
        print('Python %s, seed %d' % (sys.version.split()[0], options.seed))
        control.play(stressed, options.threads, options.saves, lambda number: None, options.seed)
        control.say('control')
        stress.play(stressed, options.threads, options.saves, turn, options.seed)
        stress.say('saves')
        assert stressed.one0() == stressed.two0() == (options.saves, options.saves)
        took.sort()
        print('%d saves of %d functions, applied in %.1f ms (median), %.1f ms at most' % (
            options.saves, options.functions, 1000 * took[len(took) // 2], 1000 * took[-1]))
        held = max(held for _, held in stress.gaps)
        return 1 if stress.wrong or stress.errors or held > LIMIT_S else 0
    finally:
        shutil.rmtree(folder)


if __name__ == '__main__':
    sys.exit(main())
