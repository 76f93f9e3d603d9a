# `break` and `continue` in a `finally` that a `return` passes through; with managers in between.
def goes_on():
    for i in range(3):
        try:
            return i
        finally:
            continue
    return 'end'

def breaks_two():
    for i in range(2):
        for j in range(2):
            try:
                return (i, j)
            finally:
                break
    return 'both'

class Manager:
    def __enter__(self):
        return self
    def __exit__(self, *args):
        print('leaves', args[0])

def through_managers():
    while True:
        try:
            with Manager():
                return 'lost'
        finally:
            break
    return 'after the loop'

def returns_again():
    for i in range(3):
        try:
            return 'first'
        finally:
            return 'second'

def inner_loop():
    try:
        return 'kept'
    finally:
        for i in range(3):
            if i == 1:
                break

print(goes_on(), breaks_two(), through_managers(), returns_again(), inner_loop())

# What a class binds is not what its methods take from the function around it.
def make(name, a):
    class Thing:
        name = 'class'
        a = [name for _ in range(2)]
        for i in range(2):
            def get(self, more=a):
                return name, more
        names = [name + str(i) for i in range(2)]
    return Thing

thing = make('function', 1)()
print(thing.get(), thing.name, thing.a, thing.names)

# Equality within containers: a class's own, whatever the other side is; identity first.
class Equal:
    def __eq__(self, other):
        return True

class Never:
    def __eq__(self, other):
        return False

nan = float('nan')
never = Never()
print([Equal()] == [1], (1, Equal()) == (1, 2), {'k': Equal()} == {'k': 1}, [1] == [Equal()])
print([nan] == [nan], (never,) == (never,), {'k': never} == {'k': never}, never in [never], [Never()] == [1])
print([Equal()] != [1], Equal() in [3], 3 in [Equal()])

from dataclasses import dataclass

@dataclass(frozen=True)
class Point:
    x: int

try:
    Point(1).x = 2
except AttributeError as error:
    print(type(error).__name__, error)

from collections import deque
print(deque([1, Equal(), 2]).count(7), deque([1, Equal(), 2]).index(7))
