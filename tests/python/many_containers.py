nums = [5, 3, 8, 1, 9, 2]
print(nums[1:4], nums[::-1], nums[::2], nums[-2:], nums[5:1:-2], nums[10:], nums[:-10])
nums[1:3] = [30, 80, 81]
print(nums)
del nums[0], nums[-1]
nums[::2] = [0] * len(nums[::2])
print(nums, nums.count(0))
del nums[1:3]
nums.insert(1, 7); nums.extend((4, 4)); nums.remove(4); nums += "ab"
print(nums, nums.pop(), nums.pop(0), len(nums))
nums = sorted([3, 1, 2])
a, b, *c = [1, 2, 3, 4]
*d, e = "xyz"
(f, g), h = (1, 2), 3
print(a, b, c, d, e, f, g, h)
first, (second, *third), last = 1, [2, 3, 4], 5
print(first, second, third, last)
a, b = b, a
i = j = k = 0
print(a, b, i, j, k)
s = {1, 2, 3} | {3, 4}
print(s & {2, 3}, s - {1}, s ^ {1, 9}, s >= {1}, {1} < s, s.isdisjoint({7}), s.union([7], [8]), s.intersection([1, 2]), s.issuperset({1}), s.symmetric_difference({1}))
s.add(10); s.discard(99); s |= {20}; s -= {1}
print(sorted(s), len(s))
d = {"a": 1, "b": 2, **{"c": 3}}
d.update(d=4, e=5); d.setdefault("f", []).append(6)
print(d, d.get("z", 0), d.pop("a"), list(d), list(d.values()), ("b", 2) in d.items())
print({v: k for k, v in [("x", 1), ("y", 2)]}, dict([("p", 1)], q=2), dict.fromkeys("ab", 0), {**d, "b": 99}["b"], d | {"z": 26})
for key, value in sorted(d.items(), key=lambda kv: str(kv[1]), reverse=True):
    print(key, value, sep="=", end=" ")
print()
nested = {"users": [{"name": "ann", "tags": {"x", "y"}}, {"name": "bob", "tags": set()}]}
print(nested["users"][0]["name"], [u["name"] for u in nested["users"] if not u["tags"]])
print([*range(3), *"ab"], (*[1], 2), {*[1, 1], 2}, [(x, y) for x in range(3) for y in "ab" if x != 1])
matrix = [[1, 2, 3], [4, 5, 6]]
print([[row[i] for row in matrix] for i in range(3)], list(zip(*matrix)), [max(r) for r in matrix])
t = (1, "a", 2.5)
print(t + (None,), t * 2, t[1:], t.index("a"), len(t), (1,) < (1, 0), (2,) > (1, 9), ("a", 1) == ("a", 1))
print(list(enumerate("ab", 1)), list(reversed([1, 2])), any([0, ""]), all([]), sum([0.1] * 3), min("b", "a"), max([], default=-1))
print(sorted("bca", reverse=True), sorted([(1, "b"), (1, "a"), (0, "z")]), sorted(["B", "a"], key=str.lower), sorted([True, False, 2]))
people = [("ann", 30), ("bob", 25), ("cid", 30)]
people.sort(key=lambda p: p[1]); print(people)
people.sort(key=lambda p: (-p[1], p[0])); print(people)
stack = []; stack.append(1); stack.append(2); print(stack.pop(), stack, not stack)
print(list(range(10, 0, -3)), range(5)[2], 3 in range(5), len(range(0, 10, 3)), list(range(-3)), range(1, 10)[2:5])
copy = [row[:] for row in matrix]; copy[0][0] = 99; alias = matrix; alias[1][1] = 55
print(matrix, copy, matrix is alias, copy is matrix, copy == matrix)
words = "the quick brown the lazy the end".split()
counts = {}
for w in words: counts[w] = counts.get(w, 0) + 1
print(counts, max(counts, key=counts.get), sorted(counts, key=lambda w: (-counts[w], w)))
print([1, 2] == [1, 2.0], [1] < [1, 2], [] == (), {1: "a"} == {1.0: "a"}, None is None, [None] * 2)
items = list("abcdef")
for i, x in enumerate(items[:]):
    if i % 2: items.remove(x)
print(items, "".join(items), list(filter(None, [0, 1, "", "x"])), list(map(str, [1, 2])))
try:
    {}[[]] = 1
except TypeError as e: print(e)
try:
    a, b = [1, 2, 3]
except ValueError as e: print(e)
try:
    a, b, *c = [1]
except ValueError as e: print(e)
try: [].pop()
except IndexError as e: print(e)
try: (1,)[0] = 2
except TypeError as e: print(e)
try: sorted([1, "a"])
except TypeError as e: print(e)
x = [1, 2, 3]; y = x; y += [4]; print(x); y = y + [5]; print(x, y)
big = {i: i * i for i in range(100)}
print(len(big), sum(big.values()), big[99], list(big)[:3], {i % 3 for i in range(10)})
for k in list(big):
    if k % 10: del big[k]
print(big)
from copy import copy, deepcopy
o = [[1], {"a": [2]}]; p = copy(o); q = deepcopy(o); o[0].append(9); print(p, q)
print(list({"b": 1, "a": 2}.items()), [k for k in sorted({"b": 1, "a": 2})], dict(sorted({"b": 1, "a": 2}.items())), list(reversed({"x": 1, "y": 2})))
