def make(step):
    total = 0

    def add(value):
        nonlocal total
        total += value * step
        return total

    return add


add = make(2)
for i in range(60000):
    add(i)
assert add(0) == 3599940000
