def f(a, b=2, *, c=3):
    return a + b + c
print(f(1), f(1, 5), f(1, c=10), f(b=1, a=2), f.__name__)
def outer():
    n = 0
    def inc():
        nonlocal n
        n += 1
        return n
    return inc
i = outer()
print(i(), i(), outer()())
total = 0
def add(x):
    global total
    total += x
add(3)
add(4)
print(total)
fs = [lambda x, k=k: x + k for k in range(3)]
print([g(10) for g in fs])
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
print(fib(15))
def gen(n):
    i = 0
    while i < n:
        yield i
        i += 1
    return "end"
print(list(gen(4)), sum(gen(5)), [x for x in gen(3)], ",".join(str(x) for x in gen(3)))
g = gen(2)
print(next(g), next(g), next(g, "done"))
try:
    next(g)
except StopIteration:
    print("stop")
def gen2():
    try:
        yield 1
        yield 2
    except ValueError:
        print("no")
    print("fin")
for x in gen2():
    print(x)
a, b = gen(2)
print(a, b)
try:
    f()
except TypeError as e:
    print(e)
try:
    f(1, 2, 3)
except TypeError as e:
    print(e)
try:
    f(1, z=2)
except TypeError as e:
    print(e)
def local_error():
    print(undefined_local)
    undefined_local = 1
try:
    local_error()
except UnboundLocalError as e:
    print(e)
try:
    print(nope)
except NameError as e:
    print(e)
def rec(n):
    return rec(n + 1)
try:
    rec(0)
except RecursionError as e:
    print("recursion")
def defaults(x, acc=[]):
    acc.append(x)
    return acc
print(defaults(1), defaults(2))
print((lambda: 5)(), [f2() for f2 in [lambda: 1, lambda: 2]])
if (n := 10) > 5:
    print(n)
def countdown(n):
    while n:
        n -= 1
        if n == 5:
            continue
        if n == 2:
            break
    else:
        print("never")
    return n
print(countdown(8))
for i in range(3):
    pass
else:
    print("else", i)
