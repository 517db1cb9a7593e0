"""Whether the results of a pipeline can be trusted, whatever happens to its store.

    python pipeline_trust.py [--python P] [--seed N] [--kills 200] [--runs 300] [--damages 2000]

kill: a run with another parameter is killed (SIGKILL) at a random moment; the next run, with that parameter or with
one of before, must give what it should. share: six processes make plants in one store at the same time, some of
them with a bound that keeps hardly anything. damage: each file of a store is cut, and its bits are flipped, at
random places. Prints how many were wrong (none should be) and the seed; exits with their number.
"""
from __future__ import print_function

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, ROOT)

STEPS = 8
FIRST = 20000       # numbers in the first value


def make_reactors(found):
    """The pipeline: a list that goes through STEPS reactors, a file, a buffer. Results go to the list `found`."""
    import hotload

    def step(number):
        def body(pipe):
            values = yield pipe.receive('v%d' % (number - 1))
            pipe.send('v%d' % number, [value + pipe.read_config('n') for value in values])
        body.__name__ = 'step%d' % number
        return body

    def first(pipe):
        pipe.send('v0', list(range(FIRST)))

    def files(pipe):
        text = ('%06d' % pipe.read_config('n')).encode()
        with open(pipe.allocate('report.txt', hotload.Ingredient.Type.file), 'wb') as stream:
            stream.write(text * 100)
        pipe.allocate('buffer', hotload.Ingredient.Type.buffer, size=5000)[100:106] = text

    def last(pipe):
        values = yield pipe.receive('v%d' % STEPS)
        path = yield pipe.receive('report.txt')
        with open(path, 'rb') as stream:        # before another process shrinks the store
            report = stream.read()
        buffer = yield pipe.receive('buffer')
        found[:] = [sum(values), report, bytes(buffer[100:106]), len(buffer)]
    return [first, files] + [step(number) for number in range(1, STEPS + 1)] + [last]


def expected(n):
    """What `last` finds with the parameter n."""
    text = ('%06d' % n).encode()
    return [sum(range(FIRST)) + FIRST * STEPS * n, text * 100, text, 5000]


def run_once(store, n, max_bytes=None):
    """None, or what was wrong, of a run with the parameter n in this process."""
    import hotload
    found = []
    try:
        with hotload.Plant(store, {'n': n}, max_bytes=max_bytes, function_hash=lambda function: function.__name__) as plant:
            plant.add_reactors(*make_reactors(found))
            plant.run_reactor('last')
    except Exception as error:
        return '%s: %s' % (type(error).__name__, error)
    return None if found == expected(n) else 'n=%d: found %r' % (n, found)[:200]


def child(store, n):
    """A run in a process of its own, which says when it begins."""
    print('begin')
    sys.stdout.flush()
    wrong = run_once(store, int(n))
    print('wrong ' + wrong if wrong else 'right')


def sharer(store, seed, runs):
    """One of several processes in one store; prints what was wrong."""
    import hotload
    rng = random.Random(int(seed))
    for _ in range(int(runs)):
        if rng.random() < 0.3:
            hotload.REMEMBERED.clear()          # as a new process
        wrong = run_once(store, rng.randrange(6), rng.choice([None, None, 200000, 900000]))
        if wrong:
            print(wrong)


def start(args, *words):
    """This script again, as a child."""
    return subprocess.Popen([args.python, os.path.abspath(__file__)] + [str(word) for word in words],
                            stdout=subprocess.PIPE, env=dict(os.environ, PYTHONDONTWRITEBYTECODE=''))


def kill(args, rng, store):
    """(how many were killed in mid-run, [what was wrong])."""
    process, wrong, killed, now = start(args, 'child', store, 0), [], 0, 0
    process.stdout.readline()
    begin = time.time()
    process.communicate()
    span = time.time() - begin
    for n in range(1, args.kills + 1):
        process = start(args, 'child', store, n)
        process.stdout.readline()
        time.sleep(rng.random() * span * 0.8)
        if process.poll() is None:
            process.kill()
            killed += 1
        process.communicate()
        now = rng.choice([now, n])
        said = start(args, 'child', store, now).communicate()[0].decode().split('\n')[1:2]
        if said != ['right']:
            wrong.append('after kill %d: %r' % (n, said))
    return killed, wrong


def share(args, rng, store):
    """(how many runs, [what was wrong])."""
    each = max(1, args.runs // 6)
    processes = [start(args, 'sharer', store, rng.randrange(10 ** 6), each) for _ in range(6)]
    return 6 * each, [line for process in processes for line in process.communicate()[0].decode().splitlines()]


def damage(args, rng, store):
    """(how many damages, [what was wrong])."""
    import hotload
    wrong, kept = [run_once(store, 1)], store + '-kept'
    shutil.copytree(store, kept)
    files = [os.path.join(place, name) for place, _, names in os.walk(store) for name in names]
    for _ in range(args.damages):
        path = rng.choice(files)
        shutil.rmtree(store)
        shutil.copytree(kept, store)
        with open(path, 'rb') as stream:
            data = bytearray(stream.read())
        place = rng.randrange(len(data) or 1)
        if rng.random() < 0.5:
            del data[place:]
        elif data:
            data[place] ^= 1 << rng.randrange(8)
        with open(path, 'wb') as stream:
            stream.write(data)
        hotload.REMEMBERED.clear()
        wrong.append(run_once(store, 1))
    return args.damages, ['%s' % each for each in wrong if each]


def main():
    if sys.argv[1:2] == ['child']:
        return child(*sys.argv[2:])
    if sys.argv[1:2] == ['sharer']:
        return sharer(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--python', default=sys.executable, help='for the children; damage is done in this process')
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--kills', type=int, default=200)
    parser.add_argument('--runs', type=int, default=300)
    parser.add_argument('--damages', type=int, default=2000)
    args = parser.parse_args()
    rng, total = random.Random(args.seed), 0
    for play in kill, share, damage:
        folder = tempfile.mkdtemp(prefix='bench-')
        try:
            count, wrong = play(args, rng, os.path.join(folder, 'store'))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print('%-7s %5d, wrong %d (seed %d)' % (play.__name__, count, len(wrong), args.seed))
        print(''.join('    %s\n' % line for line in wrong[:5]), end='')
        sys.stdout.flush()
        total += len(wrong)
    return min(total, 100)


if __name__ == '__main__':
    sys.exit(main())
