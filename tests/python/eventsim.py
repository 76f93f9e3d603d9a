import heapq
import random
import sys

class Event:
    _ids = 0
    def __init__(self, time, name, action=None):
        self.time = time
        self.name = name
        self.action = action
        Event._ids += 1
        self.id = Event._ids
    def __lt__(self, other):
        return (self.time, self.id) < (other.time, other.id)
    def __repr__(self):
        return "<Event %s at %.1f>" % (self.name, self.time)

class Simulator:
    def __init__(self):
        self.now = 0.0
        self.heap = []
        self.log = []
    def schedule(self, delay, name, action=None):
        heapq.heappush(self.heap, Event(self.now + delay, name, action))
    def run(self, until=float("inf")):
        while self.heap and self.heap[0].time <= until:
            event = heapq.heappop(self.heap)
            self.now = event.time
            self.log.append(event)
            if event.action:
                event.action(self)
        return len(self.log)

def ticker(n):
    def tick(sim):
        nonlocal n
        n -= 1
        if n > 0:
            sim.schedule(1.5, "tick", tick)
    return tick
sim = Simulator()
sim.schedule(0.5, "tick", ticker(3))
sim.schedule(2, "alarm")
sim.schedule(1, "start", lambda s: s.schedule(0.25, "child"))
print(sim.run())
for e in sim.log:
    print(e, e.id)
h = [5, 1, 8, 3]
heapq.heapify(h)
heapq.heappush(h, 0)
print([heapq.heappop(h) for _ in range(len(h))], heapq.nlargest(2, [4, 9, 1]), heapq.nsmallest(2, [4, 9, 1]))
random.seed(1)
nums = [random.randint(1, 6) for _ in range(50)]
print(all(1 <= n <= 6 for n in nums), len(set(nums)) > 1)
deck = list(range(10))
random.shuffle(deck)
print(sorted(deck) == list(range(10)), len(random.sample(deck, 3)), random.choice("a"))
graph = {"a": {"b": 1, "c": 4}, "b": {"c": 2, "d": 6}, "c": {"d": 3}, "d": {}}
def dijkstra(graph, start):
    dist = {node: float("inf") for node in graph}
    dist[start] = 0
    todo = [(0, start)]
    prev = {}
    while todo:
        d, node = heapq.heappop(todo)
        if d > dist[node]:
            continue
        for other, w in graph[node].items():
            if (nd := d + w) < dist[other]:
                dist[other] = nd
                prev[other] = node
                heapq.heappush(todo, (nd, other))
    return dist, prev
print(*dijkstra(graph, "a"))
print("to stderr", file=sys.stderr)
def bfs(g, start):
    from collections import deque
    seen, q = {start}, deque([start])
    order = []
    while q:
        n = q.popleft()
        order.append(n)
        for m in sorted(g[n]):
            if m not in seen:
                seen.add(m)
                q.append(m)
    return order
print(bfs(graph, "a"))
print(sys.maxsize, sys.version_info >= (3, 8), sys.version_info.major, sys.getrecursionlimit(), len(sys.argv))
sys.stdout.write("written\n")
