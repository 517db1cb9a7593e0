"""Makes the figures of docs/page.md again: how large a page is, how soon it opens, how long a step takes in Chromium.

    python3 docs/benchmarks/page.py [STEPS]        (default: 100000)

Chromium is looked for as the tests do (HOTLOAD_BROWSER names another). A step is timed in the page, from the call to
the layout that follows it: 200 steps forward and back, and 100 jumps to anywhere. Opening is timed by the browser, from
the begin of the navigation to the end of the load event, in which the first step is shown; the median of three.
"""
from __future__ import print_function
import json
import os
import random
import shutil
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
import hotload                                                                   # noqa: E402
import test_hotload                                                              # noqa: E402

PROGRAMS = {
    'sort': 'import random\nrandom.seed(1)\nx = [random.randrange(10 ** 6) for _ in range(2000)]\nfor end in range(len(x) - 1, 0, -1):\n'
            '    for i in range(end):\n        if x[i] > x[i + 1]:\n            x[i], x[i + 1] = x[i + 1], x[i]\n',
    'words': 'seen, v, words = {}, 7, []\nwhile True:\n    v = (v * 1103515245 + 12345) % 2147483648\n    word = "word%d" % (v % 997)\n'
             '    words.append(word.upper() + word[:3])\n    if word in seen:\n        seen[word] += 1\n    else:\n        seen[word] = 1\n'
             '    if v % 50 == 0:\n        print(word, seen[word])\n',
    'objects': 'class Node(object):\n    def __init__(self, key):\n        self.key, self.left, self.right = key, None, None\n'
               'def add(node, key):\n    if key < node.key:\n        if node.left is None:\n            node.left = Node(key)\n'
               '        else:\n            add(node.left, key)\n    elif node.right is None:\n        node.right = Node(key)\n'
               '    else:\n        add(node.right, key)\nroot, v = Node(2 ** 30), 7\nwhile True:\n'
               '    v = (v * 1103515245 + 12345) % 2147483648\n    add(root, v)\n',
    'calls': 'def fib(n):\n    if n < 2:\n        return n\n    a = fib(n - 1)\n    b = fib(n - 2)\n    return a + b\nfib(40)\n',
}
TIMED = '''(() => {
    const begin = performance.now();
    go(%d);
    document.body.offsetWidth;
    return performance.now() - begin;
})()'''


def main():
    most = int(sys.argv[1]) if sys.argv[1:] else 100000
    folder = tempfile.mkdtemp()
    browser = test_hotload.Browser(test_hotload.find_browser(), folder)
    browser.look(1000, 800)
    print('%-9s %8s %8s %7s %8s %8s %8s %8s %8s %8s' % ('program', 'steps', 'write s', 'MB', 'open ms', 'step p50', 'p99',
                                                     'max', 'jump p50', 'max'))
    try:
        for name, text in sorted(PROGRAMS.items()):
            stdout, sys.stdout = sys.stdout, open(os.devnull, 'w')
            recording = hotload.record(text, max_steps=most)
            sys.stdout = stdout
            begin = time.time()
            path = os.path.join(folder, name + '.html')
            first, last = recording.to_html(path)
            write = time.time() - begin
            opened = []
            for _ in range(3):
                browser.open(path)
                opened.append(browser.run('performance.getEntriesByType("navigation")[0].loadEventEnd'))
            chosen = random.Random(1)
            start = chosen.randrange(last - first - 300)
            steps = [browser.run(TIMED % n) for n in list(range(start, start + 100)) + list(range(start + 100, start, -1))]
            jumps = sorted(browser.run(TIMED % chosen.randrange(last - first)) for _ in range(100))
            steps.sort()
            print('%-9s %8d %8.1f %7.1f %8.0f %8.1f %8.1f %8.1f %8.1f %8.1f' % (
                name, last - first + 1, write, os.path.getsize(path) / 1e6, sorted(opened)[1], steps[100], steps[198],
                steps[199], jumps[50], jumps[99]))
            if browser.complaints():
                print(json.dumps(browser.complaints())[:2000])
    finally:
        browser.close()
        shutil.rmtree(folder, True)


if __name__ == '__main__':
    main()
