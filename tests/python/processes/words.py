"""Counts words with a pool of processes."""
from collections import Counter
from multiprocessing import Pool

TEXT = """
It was the best of times, it was the worst of times, it was the age of wisdom,
it was the age of foolishness, it was the epoch of belief, it was the epoch of
incredulity, it was the season of Light, it was the season of Darkness, it was
the spring of hope, it was the winter of despair, we had everything before us,
we had nothing before us, we were all going direct to Heaven, we were all going
direct the other way.
"""

STOP = {"the", "of", "it", "was", "we", "us", "to", "all"}


class Page:
    def __init__(self, number, lines):
        self.number = number
        self.lines = lines

    def words(self):
        out = []
        for line in self.lines:
            for word in line.split():
                word = word.strip(",.").lower()
                if word:
                    out.append(word)
        return out

    def __repr__(self):
        return f"Page({self.number}, {len(self.lines)} lines)"


def pages(text, size):
    lines = text.strip().split("\n")
    for start in range(0, len(lines), size):
        yield Page(start // size + 1, lines[start:start + size])


def count(page):
    counts = Counter()
    for word in page.words():
        if word not in STOP:
            counts[word] += 1
    return counts


def longest(page):
    return max(page.words(), key=len)


def merge(parts):
    total = {}
    for part in parts:
        for word, n in part.items():
            total[word] = total.get(word, 0) + n
    return total


def label(number, word):
    return f"{number}: {word}"


def refuse(page):
    if page.number == 2:
        raise ValueError(f"no words on {page}")
    return page.number


def main():
    book = list(pages(TEXT, 2))
    print(book)
    with Pool(processes=2) as pool:
        parts = pool.map(count, book)
        total = merge(parts)
        ranked = sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))
        for word, n in ranked[:8]:
            print(f"{word:<12}{n:>3}")
        print(len(ranked), "words on", len(parts), "pages")
        for line in pool.starmap(label, [(p.number, longest(p)) for p in book]):
            print(line)
        print(list(pool.imap(longest, book)))
        print(sorted(pool.imap_unordered(longest, book, chunksize=2)))
        print(pool.apply(label, (0, "none")), pool.apply(label, args=(1,), kwds={"word": "w"}))
        result = pool.apply_async(longest, (book[0],))
        print(result.get(timeout=30), result.ready(), result.successful())
        later = pool.map_async(len, ["a", "bb", "ccc"], callback=lambda r: print("callback", r))
        later.wait()
        print(later.get())
        try:
            pool.map(refuse, book)
        except ValueError as error:
            print("failed:", error)
        try:
            pool.map(lambda page: page, book)
        except Exception as error:
            print(type(error).__name__)
        print(pool.map(count, []))


if __name__ == "__main__":
    main()
