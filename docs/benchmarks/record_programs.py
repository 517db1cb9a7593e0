"""engine="rewrite" on ten programs that were not used to tune it: is it exact, and what does it cost?

    pip download --no-deps --no-binary :all: pyperformance        (1.14.0 was used; unpack it)
    python record_programs.py FOLDER_OF_BENCHMARKS [PROGRAM...]

FOLDER_OF_BENCHMARKS is pyperformance/data-files/benchmarks in it. Exact: the first 20,000 steps are those of
engine="trace", and so are the states at 200 of them. Cost: CPU time of record() as a ratio to exec() of the same code,
the median of three pairs in one process.
"""
from __future__ import print_function
import io
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
import hotload                                                                    # noqa: E402

RUNNER = """
class Runner(object):
    metadata = {}
    def bench_func(self, name, function, *args):
        return function(*args)
class Args(object):
    thickness, width, height, iterations, filename, rng_seed = 0.25, 32, 32, 300, None, 1234
"""
# {name of a benchmark: what is run instead of its main part}
PROGRAMS = {
    'chaos': RUNNER + 'main(Runner(), Args())\n',
    'deltablue': 'delta_blue(300)\n',
    'fannkuch': 'fannkuch(7)\n',
    'float': 'benchmark(3000)\n',
    'go': 'GAMES = 2\nversus_cpu()\n',
    'hexiom': 'main(1, 10)\n',
    'nbody': 'bench_nbody(1, "sun", 500)\n',
    'nqueens': 'bench_n_queens(6)\n',
    'richards': 'Richards().run(1)\n',
    'spectral_norm': 'DEFAULT_N = 16\nbench_spectral_norm(1)\n',
}
cpu_s = getattr(time, 'process_time', None) or time.clock


def program(folder, name):
    """The text of a program."""
    with io.open(os.path.join(folder, 'bm_' + name, 'run_benchmark.py'), encoding='utf-8') as stream:
        text = stream.read()
    head = text.partition("\nif __name__ == '__main__'" if "\nif __name__ == '__main__'" in text else
                          '\nif __name__ == "__main__"')[0]
    text = head.replace('import pyperf\n', '\n').replace('pyperf.perf_counter()', '0.0')
    return str(text + '\n' + PROGRAMS[name])


def names_at(recording, n):
    """Texts of the names at a step."""
    return [sorted((name, hotload.show_value(value, 300).partition(' at 0x')[0]) for name, value in part.items()
                   if not name.startswith('__')) for part in recording.dicts(n)]


def difference(text):
    """What tells the recordings of the two engines apart, or None."""
    trace = hotload.record(text, max_steps=20000, engine='trace')
    found = hotload.record(text, max_steps=20000, engine='rewrite')
    if found.engine != 'rewrite':
        return 'left to trace'
    if found.approximate:
        return 'approximate: %r' % (found.approximate,)
    places, at, line, chosen = [], 0, {}, random.Random(1)
    for n in range(trace.steps()):
        step = trace.event(n), trace.line(n), trace._steps[n].frame
        there = at < found.steps() and (found.event(at), found.line(at), found._steps[at].frame)
        if step != there and step[0] == 'line' and line.get(step[2]) == step[1]:
            continue                            # Python told of the line twice
        line[step[2]] = step[1]
        if at >= found.steps():
            break
        if step != there:
            return 'step %d: %r, expected %r' % (n, there, step)
        places.append((n, at))
        at += 1
    for n, at in sorted(chosen.sample(places, min(200, len(places)))):
        if names_at(trace, n) != names_at(found, at):
            return 'the state at step %d' % n


def ratio(text):
    """(the CPU time of a recording as a ratio to that of exec, steps)."""
    ratios = []
    for _ in range(3):
        begin = cpu_s()
        hotload.execute(compile(text, '<recorded>', 'exec', 0, True), {'__name__': '__main__'})
        middle = cpu_s()
        recording = hotload.record(text, engine='rewrite')
        ratios.append((cpu_s() - middle) / (middle - begin))
    return sorted(ratios)[1], recording.steps(), recording.approximate


def main():
    folder = sys.argv[1]
    for name in sys.argv[2:] or sorted(PROGRAMS):
        text = program(folder, name)
        wrong = difference(text)
        cost, steps, approximate = ratio(text)
        print('%s %-14s %s; %.1f times exec, %d steps%s' % (
            sys.version.split()[0], name, 'exact' if wrong is None else wrong, cost, steps, approximate or ''))
        sys.stdout.flush()


if __name__ == '__main__':
    main()
