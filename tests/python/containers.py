l = [3, 1, 2]
l.append(5)
l.extend([7, 8])
l.insert(1, 99)
print(l, len(l), l[0], l[-1], l[1:3], l[::-1], l[:2], l[4:], l[::2])
l.sort()
print(l, l.pop(), l.pop(0), l, l.index(5), l.count(5), 5 in l, 6 not in l)
l.remove(5)
l.reverse()
print(l, sorted([3, 1, 2], reverse=True), list(reversed([1, 2, 3])))
l[1:2] = ["x", "y"]
l[0] = None
del l[-1]
print(l, l * 2, [0] * 3, l + [1])
l += (1, 2)
print(l)
a, (b, c), d = 1, [2, 3], "z"
print(a, b, c, d)
d = {"a": 1, "b": 2}
d["c"] = 3
d["a"] += 10
del d["b"]
print(d, d.get("z"), d.get("z", 0), "a" in d, list(d), d.pop("a"), d, len(d))
d.update({"q": 1}, r=2)
print(d, d.setdefault("s", []), d.setdefault("q", 9))
for k, v in d.items():
    print(k, v, end="; ")
print()
print(list(d.keys()), list(d.values()), sorted(d), d == {"c": 3}, {1: "a", 1.0: "b", True: "c"})
s = {3, 1, 2, 3}
s.add(4)
s.discard(9)
print(s, len(s), 3 in s, s | {9}, s & {1, 2}, s - {1}, s ^ {1, 7}, {1} < {1, 2}, set())
t = (1,)
print(t, (), t + (2, 3), t * 2, (1, "a", None, 2.5))
print([[1, 2], {"k": (1, [2])}], "it's", 'q"q', "a\nb\t\\", "é")
print(tuple([1, 2]), list("abc"), set([1]), dict([("a", 1)]), dict(a=1, b=2), list(range(5)), list(range(10, 0, -3)))
print(list(zip([1, 2, 3], "ab")), list(enumerate("ab", 1)), list(map(str, [1, 2])), list(filter(None, [0, 1, 2])))
print(any([0, 1]), all([1, 0]), all([]), any(x > 2 for x in [1, 2, 3]), sum(x * x for x in range(4)))
print(sorted(["bb", "a", "ccc"], key=len), sorted([("b", 1), ("a", 2)]), max(["a", "bbb"], key=len), min([], default=7))
x = [1, 2]
x.append(x)
print(x)
try:
    [][1]
except IndexError as e:
    print(e)
try:
    {}["k"]
except KeyError as e:
    print("KeyError", e)
try:
    a, b = [1]
except ValueError as e:
    print(e)
try:
    {[]: 1}
except TypeError as e:
    print(e)
m = [[0] * 2 for _ in range(2)]
m[0][1] = 5
print(m, {x: x * x for x in range(3)}, {x % 2 for x in range(5)}, [y for x in m for y in x if y], (lambda a, b=2: a + b)(1))
del m[0]
print(m)
