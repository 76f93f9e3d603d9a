import time
class Statistics:
    def __init__(self, data):
        self._data = sorted(data)
        if not self._data:
            raise ValueError("no data")
    def mean(self):
        return sum(self._data) / len(self._data)
    def median(self):
        n = len(self._data)
        mid = n // 2
        if n % 2 == 0:
            return (self._data[mid - 1] + self._data[mid]) / 2
        return self._data[mid]
    def mode(self):
        counts = {}
        for x in self._data:
            counts[x] = counts.get(x, 0) + 1
        best = max(counts.values())
        return [k for k, v in counts.items() if v == best]
    def variance(self):
        m = self.mean()
        return sum((x - m) ** 2 for x in self._data) / len(self._data)
    def stdev(self):
        return self.variance() ** 0.5
    def histogram(self, bins=4):
        lo, hi = self._data[0], self._data[-1]
        step = (hi - lo) / bins or 1
        out = [0] * bins
        for x in self._data:
            out[min(int((x - lo) / step), bins - 1)] += 1
        return out
s = Statistics([2, 4, 4, 4, 5, 5, 7, 9])
print(s.mean(), s.median(), s.mode(), s.variance(), s.stdev(), s.histogram())
for label, value in [("mean", s.mean()), ("median", s.median()), ("stdev", s.stdev())]:
    print(f"{label:<10}|{value:>8.3f}|")
print("-" * 20)
for i, n in enumerate(s.histogram()):
    print(f"{i}: {'#' * n:<6}| {n / 8:6.1%}")
try:
    Statistics([])
except ValueError as e:
    print("Error:", e)
start = time.perf_counter()
total = 0
for i in range(1000):
    total += i
elapsed = time.perf_counter() - start
print(total, elapsed >= 0, isinstance(elapsed, float))
def bubble(a):
    a = a[:]
    for i in range(len(a)):
        swapped = False
        for j in range(len(a) - 1 - i):
            if a[j] > a[j + 1]:
                a[j], a[j + 1] = a[j + 1], a[j]
                swapped = True
        if not swapped:
            break
    return a
def quick(a):
    if len(a) <= 1: return a
    p, *rest = a
    return quick([x for x in rest if x < p]) + [p] + quick([x for x in rest if x >= p])
def merge_sort(a):
    if len(a) < 2: return a
    mid = len(a) // 2
    l, r = merge_sort(a[:mid]), merge_sort(a[mid:])
    out = []
    while l and r:
        out.append(l.pop(0) if l[0] <= r[0] else r.pop(0))
    return out + l + r
def binary(a, x):
    lo, hi = 0, len(a) - 1
    while lo <= hi:
        mid = (lo + hi) // 2
        if a[mid] == x: return mid
        elif a[mid] < x: lo = mid + 1
        else: hi = mid - 1
    return -1
data = [5, 2, 9, 1, 5, 6]
print(bubble(data), quick(data), merge_sort(data), data, binary(sorted(data), 6), binary(data, 100))
def perms(xs):
    if not xs: return [[]]
    return [[x] + p for i, x in enumerate(xs) for p in perms(xs[:i] + xs[i + 1:])]
print(len(perms([1, 2, 3, 4])), perms("ab"))
def hanoi(n, a="A", b="B", c="C"):
    return 0 if n == 0 else hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a)
print(hanoi(6))
def ackermann(m, n):
    if m == 0: return n + 1
    if n == 0: return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))
print(ackermann(2, 3))
def queens(n, row=0, cols=()):
    if row == n: return 1
    return sum(queens(n, row + 1, cols + (c,)) for c in range(n) if all(c != x and abs(c - x) != row - r for r, x in enumerate(cols)))
print(queens(5))
def knap(items, cap):
    best = [0] * (cap + 1)
    for w, v in items:
        for c in range(cap, w - 1, -1):
            best[c] = max(best[c], best[c - w] + v)
    return best[cap]
print(knap([(1, 1), (3, 4), (4, 5), (5, 7)], 7))
def lcs(a, b):
    dp = [[""] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            dp[i + 1][j + 1] = dp[i][j] + x if x == y else max(dp[i][j + 1], dp[i + 1][j], key=len)
    return dp[-1][-1]
print(lcs("AGGTAB", "GXTXAYB"))
