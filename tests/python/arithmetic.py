print(7 // 2, -7 // 2, 7 // -2, 7 % 3, -7 % 3, 7 % -3)
print(7 / 2, 1e16, 1e-5, 0.1 + 0.2, 3.0, -0.0, 1e100, 123456789.123)
print(2 ** 10, 2 ** -1, 2.5 ** 2, (-8) % 5, 5.5 % 2, -5.5 // 2)
print(1 << 10, 1024 >> 3, 6 & 3, 6 | 3, 6 ^ 3, ~5)
print(True + True, True & False, not 3, not [], bool("x"))
print(1 == 1.0, 1 < 2 < 3, 1 < 3 < 2, 3 > 2 > 1, "a" < "b", (1, 2) < (1, 3), [1] == [1])
print(abs(-3), abs(-2.5), min(3, 1, 2), max([4, 9, 2]), sum([1, 2, 3]), sum([0.5, 1]), divmod(7, 2))
print(round(2.5), round(3.5), round(2.675, 2), round(1234, -2) if False else "", pow(2, 5), pow(3, 4, 5))
print(int("42"), int(3.9), int(-3.9), float("1.5"), str(12), int("ff", 16), int(" 7 "))
x = 5
x += 3
x *= 2
x -= 1
x //= 2
x **= 2
print(x, x if x > 3 else 0, x and 0, x or 1, 0 or "b", None and 1)
print(chr(65), ord("a"), 10 in range(0, 20, 5), 11 in range(0, 20, 5))
print(float("inf"), -float("inf"), 1.0 == 1, 2 ** 62, -2 ** 62)
for bad in ["1 // 0", ""]:
    pass
try:
    1 // 0
except ZeroDivisionError as e:
    print("caught", e)
try:
    1 % 0
except ZeroDivisionError as e:
    print("caught", e)
try:
    1.0 / 0
except ZeroDivisionError as e:
    print("caught", e)
try:
    "a" + 1
except TypeError as e:
    print(e)
try:
    1 + "a"
except TypeError as e:
    print(e)
try:
    int("x")
except ValueError as e:
    print(e)
