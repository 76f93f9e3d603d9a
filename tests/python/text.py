name, n, x = "bob", 42, 3.14159
print(f"{name} {n:5d}|{n:<5}|{n:^5}|{n:>5}|{n:05d}|{n:+d}|{n:x}|{n:b}|{n:,}")
print(f"{x:.2f} {x:8.3f} {x:e} {x:g} {x:.1%} {x!r} {name!r:>10} {name:*^9} {1234567.891:,.2f}")
print(f"{{}} {n}" "joined")
w = 8
print(f"{name:>{w}} {x:.{2}f}")
print("%s is %d years, %5.2f %r %x %%" % (name, n, x, name, 255), "%s" % n, "%05d|%-5d|%5s" % (3, 4, "a"))
print("{} {1} {0}".format(1, 2) if False else "{} {}".format(1, 2), "{0} {1} {0}".format("a", "b"), "{x:.1f} {y!r}".format(x=1.25, y="s"))
s = "Hello, World"
print(s.upper(), s.lower(), s.split(", "), s.replace("l", "L"), s.find("World"), s.find("z"), s.count("l"), s[1:4], s[::-1])
print("  x ".strip() + "|", "a,b,,c".split(","), " a  b ".split(), "-".join(["a", "b"]), "x".join([]), "abc".startswith("ab"), "abc".endswith("c"))
print("5".isdigit(), "a".isalpha(), "ab".zfill(5), "-7".zfill(4), "a".ljust(3) + "|", "a".rjust(3), "a".center(5, "*"), "hello world".title(), "hello".capitalize())
print("a" in "abc", "abc" * 2, "a" < "b", len("héllo"), "é".upper(), "line1\nline2".splitlines(), "a b c".split(" ", 1), "abc".index("c"))
print("a\tb\\n", 'single "double"', repr("it's"), repr('both \' and "'), "\x41\u00e9")
print(str(None), str(True), str([1, "a"]), str((1,)), str({"a": 1.0}))
print(1.0, 100000000000000000.0, 1e-7, 1.5e300, 0.1, 1/3, 2.0**70, 123456.0, 1e15, 1e16)
print("a", "b", sep="-", end="!\n")
print()
print("x", 1, None, [1], sep="")
