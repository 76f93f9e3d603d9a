print(7 // 2, -7 // 2, 7 // -2, -7 % 3, 7 % -3, -7 % -3, divmod(-7, 2), divmod(7.5, 2), 7.5 // 2, -7.5 % 2)
print(2 ** 10, 2 ** -1, 2 ** 0.5, (-2) ** 3, -2 ** 2, 10 / 4, 10 / 5, 1e3, 1e16, 1e15, 1.5e-7, 123456789.123, 0.1 + 0.2, 1 / 3)
print(round(2.5), round(3.5), round(-2.5), round(2.675, 2), round(1234.5678, -2), round(1234, -2), round(5), round(1.005, 2), round(0.5), round(1e20) if False else 0)
print(int("42"), int("-7"), int("ff", 16), int("0x1f", 16), int("0b101", 2), int("101", 2), int("z", 36), int(3.9), int(-3.9), int("  5 "), int("1_000"), int(True))
print(float("3.5"), float("1e3"), float("inf"), float("-inf"), float("nan"), float(" 2 "), float(7), abs(-3), abs(-2.5), pow(2, 10), pow(3, 4, 5), pow(2, -1))
print(bin(10), hex(255), oct(8), bin(-5), hex(-16), int(bin(10), 2), f"{10:b} {255:x} {255:X} {8:o} {255:#x} {5:08b} {1234567:,} {1234567:_} {0.5:%} {0.1234:.1%}")
print(f"{3.14159:.2f} {3.14159:8.3f}| {3.14159:<8.2f}| {3.14159:^9.1f}| {42:5d}| {42:<5}| {42:^5}| {42:+d} {-42:05d} {42:>+6} {'s':*^7} {'abc':.2} {1e10:g} {1e-5:g} {123456789:e} {1.0:g} {100000:g} {1000000.0:g}")
print(f"{1234.5:,.2f} {-1234.5:,.1f} {0:d} {1e100:.3g} {True} {True:d} {None} {[1, 'a']} {'q'!r:>5} {3 + 4 = }")
width, prec = 10, 3
print(f"{3.14159:{width}.{prec}f}| {'x':>{width}}| {{literal}} {'nested ' + f'{1 + 1}'}")
print(True + True, True * 3, sum([True, False, True]), True == 1, True is True, isinstance(True, int), False or "x", 0 and 1, not 0, bool([]), bool(" "), 1 < 2 < 3, 1 < 3 < 2, 1 == 1.0, 3 > 2 == 2)
print(5 & 3, 5 | 3, 5 ^ 3, ~5, 1 << 4, 256 >> 2, -1 >> 1, -8 >> 1, 0b1010, 0o17, 0xff, 1_000_000)
import math
print(math.sqrt(16), math.floor(-2.5), math.ceil(2.1), math.gcd(12, 18), math.factorial(10), math.pi, math.e, math.hypot(3, 4), math.log(math.e), math.log2(8), math.log10(1000), math.log(8, 2))
print(math.isnan(float("nan")), math.isinf(math.inf), math.trunc(-3.7), math.fabs(-2), math.pow(2, 3), round(math.sin(1), 6), round(math.cos(1), 6), round(math.tan(1), 6), math.degrees(math.pi), round(math.radians(180), 5), math.comb(5, 2), math.prod([1, 2, 3, 4]), math.isqrt(17), math.copysign(1, -0.0), math.exp(0), math.lcm(4, 6), math.atan2(1, 1), math.fmod(-7, 3))
def gcd(a, b):
    while b:
        a, b = b, a % b
    return a
def is_prime(n):
    if n < 2: return False
    i = 2
    while i * i <= n:
        if n % i == 0: return False
        i += 1
    else:
        return True
print(gcd(48, 36), [n for n in range(30) if is_prime(n)])
def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps
print([collatz(n) for n in range(1, 10)], max(range(1, 30), key=collatz))
def to_base(n, base):
    digits = "0123456789abcdef"
    out = ""
    while n:
        n, r = divmod(n, base)
        out = digits[r] + out
    return out or "0"
print(to_base(255, 16), to_base(10, 2), to_base(0, 7))
def roman(n):
    out = []
    for value, sign in [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]:
        count, n = divmod(n, value)
        out.append(sign * count)
    return "".join(out)
print(roman(1994), roman(2024))
print(sum(int(d) for d in str(12345)), "".join(reversed(str(123))), int(str(123)[::-1]), [int(c) for c in "0479"], 10 ** 18, 2 ** 62)
print(1.0, 1.10, -0.0, 1e22, 1e-10, 100.0, 3.0e8, 12345678901234567.0, 1.7976931348623157e308, 5e-324, float(10**15), 2.5e-5, str(0.1), repr(1e5))
print((0.1).is_integer(), (2.0).is_integer(), (5).bit_length(), (255).bit_count(), float.__name__, (3.7).__class__.__name__, 3 .real)
print(min(3, 1.5, 2), max(1, True), sum([1, 2.5]), sum([[1], [2]], []), sum((1, 2, 3), 10), 1 if 2 > 1 else 0, (1, 2) + (3,), 5 // 0.3, 1e308 * 10, -1e308 * 10)
for expr in ["1 / 0", "1 // 0", "1 % 0", "1.0 / 0", "0 ** -1", "int('a')", "float('b')", "1 + 'a'", "'a' * 1.5", "[1] + (2,)", "-'a'", "abs('x')", "int(None)", "len(5)", "1 < 'a'", "None + 1", "ord('ab')", "chr(-1)", "round('x')", "sum(['a'])", "int('9', 8)", "float('nan') == float('nan')", "math.sqrt(-1)", "math.log(0)", "'%d' % 'x'", "'abc'[10]", "[1, 2]['a']", "{}.x", "(1).foo", "divmod(1, 0)", "max([])", "min()", "range(0, 1, 0)", "[].index(1)", "int('1.5')", "'a'.join([1])", "'x'.index('y')", "bool(1, 2)", "1 << -1", "set([[]])", "next(5)", "iter(5)", "for_ever"]:
    pass
cases = [lambda: 1 / 0, lambda: 1 // 0, lambda: 1 % 0, lambda: 1.0 / 0, lambda: 0 ** -1, lambda: int('a'), lambda: float('b'), lambda: 1 + 'a', lambda: 'a' * 1.5, lambda: [1] + (2,), lambda: -'a', lambda: abs('x'), lambda: int(None), lambda: len(5), lambda: 1 < 'a', lambda: None + 1, lambda: ord('ab'), lambda: sum(['a']), lambda: int('9', 8), lambda: math.sqrt(-1), lambda: math.log(0), lambda: '%d' % 'x', lambda: 'abc'[10], lambda: [1, 2]['a'], lambda: {}.x, lambda: (1).foo, lambda: divmod(1, 0), lambda: max([]), lambda: range(0, 1, 0), lambda: [].index(1), lambda: int('1.5'), lambda: 'a'.join([1]), lambda: 'x'.index('y'), lambda: 1 << -1, lambda: set([[]]), lambda: next(5), lambda: iter(5), lambda: 5(), lambda: 5[0], lambda: "a" > 1, lambda: [] < (), lambda: {} < {}, lambda: {1} + {2}, lambda: 1 in 5, lambda: 'a' % 1, lambda: '%s %s' % 1, lambda: "{} {}".format(1), lambda: "{a}".format(b=1), lambda: [].remove(1), lambda: {}.pop(1), lambda: set().remove(1), lambda: set().pop(), lambda: {}.popitem(), lambda: tuple(5), lambda: dict([1]), lambda: "".join(5), lambda: chr("a"), lambda: isinstance(1, 1), lambda: math.floor("x"), lambda: float([]), lambda: "x" + None, lambda: [1, 2, 3][1.0], lambda: (1, 2)[5], lambda: "abc".split(""), lambda: 2.5 & 1, lambda: [] * [], lambda: range("a"), lambda: zip(5), lambda: enumerate(5), lambda: min(1, "a"), lambda: f"{1:s}", lambda: f"{'a':d}", lambda: int("10", 99), lambda: print(foo=1)]
for n, case in enumerate(cases):
    try:
        print(n, case())
    except Exception as e:
        print(n, type(e).__name__, e)
