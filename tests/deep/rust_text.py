"""Rust source as text: where its functions are, and what in it is no code."""
import bisect
import re

TOKEN = re.compile(
    r"""//[^\n]*
      | r(?P<hashes>\#*)".*?"(?P=hashes)
      | b?"(?:\\.|[^"\\])*"
      | b?'(?:\\(?:u\{[0-9a-fA-F_]+\}|x..|.)|[^'\\\n])'
    """, re.X | re.S)
CLOSING = {"(": ")", "[": "]", "{": "}"}


def masked(text):
    """The same text, of the same length, in which comments, strings and characters are blanks."""
    out, at = [], 0
    while True:
        found = TOKEN.search(text, at)
        block = text.find("/*", at)
        if block >= 0 and (not found or block < found.start()):
            end, depth = block + 2, 1
            while depth and end < len(text):
                step = re.compile(r"/\*|\*/").search(text, end)
                end, depth = step.end(), depth + (1 if step[0] == "/*" else -1)
        elif found:
            block, end = found.span()
        else:
            return "".join(out) + text[at:]
        out += [text[at:block], re.sub(r"[^\n]", " ", text[block:end])]
        at = end


def closing(code, at):
    """Where the bracket is closed that opens at `at`; `code` is masked."""
    depth = 0
    for place in range(at, len(code)):
        if code[place] in "([{":
            depth += 1
        elif code[place] in ")]}":
            depth -= 1
            if depth == 0:
                return place
    raise ValueError(f"nothing closes the bracket at {at}")


def opening(code, at):
    """Where the bracket is opened that closes at `at`."""
    depth = 0
    for place in range(at, -1, -1):
        if code[place] in ")]}":
            depth += 1
        elif code[place] in "([{":
            depth -= 1
            if depth == 0:
                return place
    raise ValueError(f"nothing opens the bracket at {at}")


def functions(code):
    """(name, start, place of the body's brace, place of its end) of each outermost function."""
    found, at = [], 0
    header = re.compile(r"\bfn\s+(\w+)")
    skip = re.compile(r"\bmacro_rules!\s*\w+\s*\{|#\[cfg\((?:all\()?test\b[^\n]*\n(?:\s*#[^\n]*\n)*\s*mod \w+ \{")
    while True:
        head, apart = header.search(code, at), skip.search(code, at)
        if apart and (not head or apart.start() < head.start()):
            at = closing(code, apart.end() - 1)
            continue
        if not head:
            return found
        place = head.end()
        while code[place] not in "{;":
            place = closing(code, place) + 1 if code[place] in "([" else place + 1
        if code[place] == ";":
            at = place
            continue
        end = closing(code, place)
        found.append((head[1], head.start(), place, end))
        at = end


class Lines:
    """Between places in a text, and lines and columns, which both count from one."""

    def __init__(self, text):
        self.starts = [0] + [place + 1 for place, c in enumerate(text) if c == "\n"]

    def place(self, where):
        return self.starts[where["line"] - 1] + where["column"] - 1

    def line(self, place):
        return bisect.bisect_right(self.starts, place)
