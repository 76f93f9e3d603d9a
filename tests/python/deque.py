from collections import deque, Counter, defaultdict, OrderedDict
d = deque("abcde")
d.rotate(2); print(d)
d.rotate(-1); print(list(d), d[0], d[-1], len(d), "c" in d)
d.appendleft("z"); d.extendleft("xy"); d.append("q"); print(d)
d.remove("c"); d.reverse(); print("".join(d), d.index("a"), d.count("a"), d.maxlen)
window = deque(maxlen=3)
for i in range(6):
    window.append(i)
    print(list(window), end=" ")
print(window, sum(window) / len(window))
d.clear(); print(d, bool(d), deque([1]) == deque([1]), deque([1, 2]) + deque([3]))
d.extend([1, 2, 3]); d.insert(1, 99); del d[0]; d[0] = 5; print(d, d.copy(), list(reversed(d)))
c = Counter("abracadabra")
print(c, c.most_common(2), c["z"], sorted(c.elements())[:4], c.total(), len(c))
c2 = Counter(a=1, b=5)
print(c + c2, c - c2, c & c2, c | c2)
c.update("aaa"); c.subtract("b"); c["q"] += 1; del c["c"]
print(c, sum(c.values()), c.most_common()[-1], dict(c), "q" in c, Counter([1, 1, 2]) == {1: 2, 2: 1})
dd = defaultdict(list)
for k, v in [("x", 1), ("y", 2), ("x", 3)]: dd[k].append(v)
print(dd, dd["new"], sorted(dd), dd.get("zzz"), dd.default_factory)
nested = defaultdict(lambda: defaultdict(int))
nested["a"]["b"] += 1; nested["a"]["c"] += 2
print({k: dict(v) for k, v in nested.items()})
od = OrderedDict([("b", 1), ("a", 2)]); od["c"] = 3; od.move_to_end("b"); od.move_to_end("c", last=False)
print(list(od), od.popitem(), od.popitem(last=False), od, od == {"a": 2})
graph = defaultdict(set)
for a, b in [(1, 2), (2, 3), (1, 3)]:
    graph[a].add(b); graph[b].add(a)
print(dict(graph))
groups = {}
for w in ["apple", "avocado", "banana", "blueberry", "cherry"]:
    groups.setdefault(w[0], []).append(w)
print(groups, [len(v) for v in groups.values()], {k: max(v, key=len) for k, v in groups.items()})
try: deque().popleft()
except IndexError as e: print(e)
try: deque().pop()
except IndexError as e: print(e)
