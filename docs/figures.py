"""Draws the figures of cache.md, pipeline.md and record.md: docs/cache.svg, docs/pipeline.svg, docs/record.svg.

    python3 docs/figures.py

What they show is written down here, as boxes at places and arrows between them; the colours follow the reader's theme.
"""
import os
from xml.sax.saxutils import escape

DOCS = os.path.dirname(os.path.abspath(__file__))
STYLE = ("text{font:12px sans-serif;fill:#1f2328}.code{font-family:ui-monospace,Menlo,Consolas,monospace}.soft{fill:#59636e}"
         "rect{fill:#f6f8fa;stroke:#8c959f}.kept{fill:#dafbe1;stroke:#1a7f37}.ran{fill:#fff1b8;stroke:#9a6700}"
         ".file{stroke-dasharray:4 3}path{fill:none;stroke:#59636e}.head{fill:#59636e;stroke:none}"
         "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.soft{fill:#9198a1}rect{fill:#161b22;stroke:#6e7681}"
         ".kept{fill:#12361f;stroke:#3fb950}.ran{fill:#4b3a08;stroke:#d29922}path{stroke:#9198a1}.head{fill:#9198a1}}")
ROW = 24                                         # the height of a box


class Drawing(object):
    def __init__(self, width, height):
        self.parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d"><style>%s</style>' % (
            width, height, STYLE)]

    def text(self, x, y, words, kind="", anchor="start"):
        self.parts.append('<text x="%d" y="%d" class="%s" text-anchor="%s">%s</text>' % (x, y, kind, anchor, escape(words)))

    def box(self, x, y, width, words, kind=""):
        """A box with words of code in it; its sides, for arrows: (left, right, middle of the height)."""
        self.parts.append('<rect x="%d" y="%d" width="%d" height="%d" rx="4" class="%s"/>' % (x, y, width, ROW, kind))
        self.text(x + 10, y + 16, words, "code")
        return x, x + width, y + ROW // 2

    def arrow(self, start, end, bend=None):
        """From (x, y) to (x, y); bend: out to this x first, for an arrow between boxes that stand in a column."""
        (x, y), (to_x, to_y) = start, end
        sign = 1 if to_x > x or bend is not None and bend < x else -1
        middle = (x + to_x) // 2 if bend is None else bend
        self.parts.append('<path d="M%d %dC%d %d %d %d %d %d"/>' % (x, y, middle, y, middle, to_y, to_x - 5 * sign, to_y))
        self.parts.append('<path class="head" d="M%d %dl%d -4v8z"/>' % (to_x, to_y, -7 * sign))

    def save(self, name):
        with open(os.path.join(DOCS, name), "w", encoding="utf-8") as f:
            f.write("\n".join(self.parts + ["</svg>", ""]))


def cache():
    """Statements in a column; at the right their versions, at the left who reads whom."""
    rows = [("def load(): ...", "kept", "load = a1"), ("def mean(data): ...", "ran", "mean = b2, was b1: you edited it"),
            ("data = load()", "kept", "data = hash(text, a1) = c1: the same as before, so its value stays"),
            ("m = mean(data)", "ran", "m = hash(text, b2, c1) = d2: not known yet, so it runs"),
            ("n = len(data)", "kept", "n = hash(text, c1) = e1")]
    drawing, places = Drawing(720, 215), []
    drawing.text(90, 16, "statement", "soft")
    drawing.text(290, 16, "version of the name that it binds", "soft")
    for at, (words, kind, version) in enumerate(rows):
        places.append(drawing.box(90, 26 + 32 * at, 180, words, kind))
        drawing.text(290, 42 + 32 * at, version)
    for reader, read, bend in ((2, 0, 40), (3, 1, 62), (3, 2, 76), (4, 2, 30)):
        drawing.arrow((90, places[read][2]), (90, places[reader][2]), bend)
    drawing.text(90, 206, "green: kept.  yellow: runs.  An arrow: is read by", "soft")
    drawing.save("cache.svg")


def pipeline():
    """The reactors of the tutorial, after an edit of best_period."""
    drawing = Drawing(720, 190)
    drawing.text(10, 16, "read by the code", "soft")
    drawing.text(210, 16, "reactor", "soft")
    drawing.text(420, 16, "what it sent, in the store", "soft")
    table = drawing.box(10, 26, 120, "star.csv", "file")
    helper = drawing.box(10, 82, 120, "best_period()", "ran")
    load, search, report = [drawing.box(210, y, 100, name, kind) for y, name, kind in (
        (26, "load", "kept"), (82, "search", "ran"), (138, "report", "ran"))]
    rows, period = drawing.box(420, 26, 220, "rows    checksum 5f..", "kept"), drawing.box(
        420, 82, 220, "period  checksum 91..", "ran")
    for one, other in ((table, load), (helper, search), (load, rows), (search, period)):
        drawing.arrow((one[1], one[2]), (other[0], other[2]))
    drawing.arrow((rows[0], rows[2] + 6), (search[1], search[2] - 6))
    drawing.arrow((rows[0], rows[2] + 10), (report[1], report[2] - 6))
    drawing.arrow((period[0], period[2] + 6), (report[1], report[2] + 2))
    drawing.text(10, 184, "best_period was edited.  green: kept.  yellow: made again, or asked for", "soft")
    drawing.save("pipeline.svg")


def record():
    """The log as a line of time, and where state(n) comes from."""
    drawing = Drawing(720, 150)
    drawing.text(10, 16, "the log: steps (short strokes), changes (yellow), keyframes (green)", "soft")
    drawing.parts.append('<path d="M10 70H710"/>')
    for step in range(70):
        drawing.parts.append('<path d="M%d 64v12"/>' % (14 + 10 * step))
        if step % 7 in (1, 2, 5) and step % 30:
            drawing.parts.append('<rect class="ran" x="%d" y="50" width="6" height="10"/>' % (11 + 10 * step))
    for at in (0, 30, 60):
        drawing.parts.append('<rect class="kept" x="%d" y="32" width="10" height="28"/>' % (9 + 10 * at))
    drawing.parts.append('<path d="M314 84v10H495v-10"/>')
    drawing.text(404, 112, "state(n): the keyframe before n, and the changes from there to n", "", "middle")
    drawing.text(499, 92, "n", "code")
    drawing.text(404, 136, "new objects, built from that; no code of the program runs", "soft", "middle")
    drawing.save("record.svg")


if __name__ == "__main__":
    cache()
    pipeline()
    record()
