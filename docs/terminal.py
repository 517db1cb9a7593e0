"""Makes docs/terminal.svg: the tutorial's script under `hotload --cache` on a terminal, before and after a save.

    python3 docs/terminal.py

What the picture shows is what the program wrote to a pseudo-terminal, with its colours (SGR codes). The command that
is typed and the note of the save are put in between.
"""
import argparse
import os
import re
import shutil
import sys
import tempfile
from xml.sax.saxutils import escape

DOCS = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(DOCS, "benchmarks"))
import common                                                                    # noqa: E402
import saves                                                                     # noqa: E402

COLUMNS, CHARACTER, LINE = 108, 7.25, 17
COLOURS = {"1": "bold", "2": "dim", "31": "red", "32": "green", "33": "yellow", "36": "cyan"}
STYLE = ("text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre;fill:#d1d7e0}"
         ".dim{fill:#8b949e}.red{fill:#ff7b72}.yellow{fill:#e3b341}.green{fill:#7ee787}.cyan{fill:#76e3ea}"
         ".bold{font-weight:bold}.note{fill:#79c0ff}")


def spans(line):
    """[(class, text)] of a line with SGR codes."""
    found, now = [], ""
    for code, text in re.findall("(?:\x1b\\[([0-9;]*)m)?([^\x1b]*)", line):
        if code:
            now = " ".join(filter(None, (COLOURS.get(part) for part in code.split(";"))))
        if text:
            found.append((now, text))
    return found


def cut(parts):
    """The same, as wide as the terminal at most."""
    left, found = COLUMNS, []
    for name, text in parts:
        if len(text) > left:
            text = text[:max(left - 1, 0)] + "\u2026"
        found.append((name, text))
        left -= len(text)
        if left <= 0:
            break
    return found


def picture(lines):
    """SVG of lines, each [(class, text)]."""
    width, height = int(COLUMNS * CHARACTER) + 32, LINE * len(lines) + 44
    size = 'width="%d" height="%d"' % (width, height)
    drawn = ['<svg xmlns="http://www.w3.org/2000/svg" %s><style>%s</style>' % (size, STYLE),
             '<rect %s rx="8" fill="#161b22"/>' % size]
    drawn += ['<circle cx="%d" cy="14" r="5" fill="%s"/>' % (18 + 16 * at, colour)
              for at, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))]
    for at, parts in enumerate(lines):
        inner = "".join('<tspan class="%s">%s</tspan>' % (name, escape(text)) if name else escape(text)
                        for name, text in cut(parts))
        if inner:
            drawn.append('<text x="16" y="%d">%s</text>' % (44 + LINE * at, inner))
    return "\n".join(drawn + ["</svg>", ""])


def screen(text):
    """The lines of a text, behind the last clearing of the screen."""
    return [spans(line) for line in re.split("\x1b\\[H", text)[-1].replace("\x1b[0m", "\x1b[39m").split("\n")]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--python", default=sys.executable, help="the interpreter that runs it")
    args = p.parse_args()
    texts = list(saves.states())
    [at] = [at for at, text in enumerate(texts) if "the brightest" in text and "the brightest" not in texts[at - 1]]
    folder = os.path.realpath(tempfile.mkdtemp(prefix="star-"))
    try:
        script = os.path.join(folder, "star.py")
        common.save(script, texts[at - 1], "inplace")
        common.run_ms([args.python, os.path.join(saves.EXAMPLE, "measure.py")], folder)
        with common.Tool([args.python, common.HOTLOAD, "--cache", "star.py"], folder) as tool:
            lines = [[("green", "$ "), ("bold", "hotload --cache star.py")]]
            lines += screen(tool.text_until(b"run 1 ok in", 60))
            tool.rest(1)
            common.save(script, texts[at], "atomic")
            lines += [[], [("note", "    (a line is added at the end of star.py, and saved)")], []]
            lines += screen(tool.text_until(b"run 2 ok in", 60))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    with open(os.path.join(DOCS, "terminal.svg"), "w", encoding="utf-8") as f:
        f.write(picture(lines))


if __name__ == "__main__":
    main()
