def fill(size):
    items = []
    for i in range(size):
        items.append(i * 3)
    return items


def total(items):
    sum_of = 0
    for item in items:
        sum_of += item
    return sum_of


def turn(items):
    i = 0
    j = len(items) - 1
    while i < j:
        items[i], items[j] = items[j], items[i]
        i += 1
        j -= 1


def sieve(size):
    marks = [True] * (size + 1)
    primes = []
    for number in range(2, size + 1):
        if marks[number]:
            primes.append(number)
            for multiple in range(number * number, size + 1, number):
                marks[multiple] = False
    return primes


for turns in range(3):
    numbers = fill(40000)
    turn(numbers)
    assert total(numbers) == 2399940000
    assert len([number for number in numbers if number % 2 == 0]) == 20000
    assert len(sieve(40000)) == 4203
