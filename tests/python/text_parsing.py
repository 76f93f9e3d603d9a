import string
from collections import Counter, defaultdict

TEXT = """It was the best of times, it was the worst of times,
it was the age of wisdom, it was the age of foolishness..."""

def tokenize(text):
    word = []
    for ch in text:
        if ch.isalpha():
            word.append(ch.lower())
        elif word:
            yield "".join(word)
            word = []
    if word:
        yield "".join(word)

words = list(tokenize(TEXT))
print(len(words), words[:5])
freq = Counter(words)
for word, n in freq.most_common(4):
    print("%-10s %3d %s" % (word, n, "*" * n))
by_len = defaultdict(set)
for w in words:
    by_len[len(w)].add(w)
for n in sorted(by_len):
    print(n, sorted(by_len[n]))
lines = TEXT.splitlines()
print([len(l) for l in lines], TEXT.count("it"), TEXT.find("worst"), TEXT.index("age"))
table = str.maketrans("abc", "xyz")
print("aabbcc".translate(table))
print(TEXT.translate(str.maketrans("", "", string.punctuation))[:30])
csv = "name,age,city\nann,30,berlin\nbob,,paris\n  carl , 41 , rome "
header, *rows = [line.split(",") for line in csv.split("\n")]
records = [dict(zip(header, [cell.strip() for cell in row])) for row in rows]
for r in records:
    print(r, r["age"] or "unknown")
print("{name} is {age} years".format(**records[0]), "{0[name]}/{0[city]}".format(records[1]))
def caesar(s, k):
    out = ""
    for c in s:
        if c in string.ascii_lowercase:
            out += chr((ord(c) - ord("a") + k) % 26 + ord("a"))
        elif c.isupper():
            out += chr((ord(c) - 65 + k) % 26 + 65)
        else:
            out += c
    return out
print(caesar("Hello, World!", 3), caesar(caesar("Hello, World!", 3), -3))
print("a,b,,c".split(","), "a b  c ".split(), "a b c d".split(" ", 2), "a-b-c".rsplit("-", 1), "k=v=w".partition("="), "k=v=w".rpartition("="))
print("abc".rfind("c"), "hello world".title(), "Hello".swapcase(), "x".join("abc"), "abcabc".replace("b", "Z", 1))
print("tab\there".expandtabs(4), "hello"[::-1], "hello"[1:4], "hello"[-3:], "abc" * 2, "ab" "cd")
print("3".isdigit(), "3a".isalnum(), "".isdigit(), " ".isspace(), "abc".islower(), "ABC1".isupper(), "_a1".isidentifier(), "12".isnumeric(), "12".isdecimal())
print("hello".center(11, "*"), "hi".ljust(5, ".") + "|", "hi".rjust(5) + "|", "7".zfill(3), "-7".zfill(4))
print("prefix_name".removeprefix("prefix_"), "name.txt".removesuffix(".txt"), "abc".startswith(("x", "a")), "abc".endswith("bc"))
print(max(words, key=len), min(words), sorted(set(words), key=lambda w: (-len(w), w))[:3])
palin = lambda s: (t := "".join(c for c in s.lower() if c.isalnum())) == t[::-1]
print(palin("A man, a plan, a canal: Panama"), palin("nope"))
print(repr("it's"), repr('say "hi"'), repr("both ' and \""), "\u00e9\u4e2d", ascii("é"), "straße".upper(), "ÀÉ".lower(), len("日本"))
print("one\ntwo\r\nthree".splitlines(), "one\ntwo\n".splitlines(True), "%s %r %d%% %5.2f %-5s| %05d %x %o %e %c" % ("s", "r", 50, 3.14159, "ab", 42, 255, 8, 12345.678, "z"))
print("%(a)s and %(b)03d" % {"a": "x", "b": 7}, "abc" < "abd", "Z" < "a", "casefold".casefold(), "a" in "cat", "" in "")
