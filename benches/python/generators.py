def count(size):
    i = 0
    while i < size:
        yield i
        i += 1


def evens(items):
    for item in items:
        if item % 2 == 0:
            yield item


assert sum(item * 2 for item in evens(count(60000))) == 1799940000
