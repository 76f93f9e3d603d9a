# `heapq`.
def heappush(heap, item):
    heap.append(item)
    _siftdown(heap, 0, len(heap) - 1)

def heappop(heap):
    last = heap.pop()
    if heap:
        first = heap[0]
        heap[0] = last
        _siftup(heap, 0)
        return first
    return last

def heapreplace(heap, item):
    first = heap[0]
    heap[0] = item
    _siftup(heap, 0)
    return first

def heappushpop(heap, item):
    if heap and heap[0] < item:
        item, heap[0] = heap[0], item
        _siftup(heap, 0)
    return item

def heapify(heap):
    for at in range(len(heap) // 2 - 1, -1, -1):
        _siftup(heap, at)

def _siftdown(heap, start, at):
    new = heap[at]
    while at > start:
        up = (at - 1) // 2
        if not new < heap[up]:
            break
        heap[at] = heap[up]
        at = up
    heap[at] = new

def _siftup(heap, at):
    end = len(heap)
    start = at
    new = heap[at]
    child = 2 * at + 1
    while child < end:
        if child + 1 < end and not heap[child] < heap[child + 1]:
            child += 1
        heap[at] = heap[child]
        at = child
        child = 2 * at + 1
    heap[at] = new
    _siftdown(heap, start, at)

def nsmallest(n, it, key=None):
    return sorted(it, key=key)[:max(n, 0)]

def nlargest(n, it, key=None):
    return sorted(it, key=key, reverse=True)[:max(n, 0)]

def merge(*its, key=None, reverse=False):
    items = []
    for it in its:
        items.extend(it)
    return iter(sorted(items, key=key, reverse=reverse))
