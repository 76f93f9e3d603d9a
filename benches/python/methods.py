class Counter:
    def __init__(self, step):
        self.step = step
        self.value = 0

    def add(self, times):
        self.value += self.step * times
        return self

    def get(self):
        return self.value


class Loud(Counter):
    def loud(self):
        return self.get() + 1


def work(turns):
    counter = Loud(2)
    for i in range(turns):
        counter.add(i)
        counter.loud()
    return counter.get()


def points(turns):
    sum_of = 0
    for i in range(turns):
        sum_of += Counter(i).get()
    return sum_of


assert work(100000) == 9999900000
assert points(50000) == 0
