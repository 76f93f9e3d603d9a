# numbers as bytes, ratios and hexadecimal digits; places in a range
def tried(f):
    try: return f()
    except Exception as e: return type(e).__name__ + ': ' + str(e)
values = [0, 1, -1, 127, 128, -128, -129, 255, 256, 65535, 65536, -32768, 2 ** 31, 2 ** 62, 9223372036854775807, -2 ** 62]
for n in values:
    for length in (0, 1, 2, 4, 8, 9, 12):
        for order in ('big', 'little'):
            for signed in (False, True):
                b = tried(lambda: n.to_bytes(length, order, signed=signed))
                back = tried(lambda: int.from_bytes(b, order, signed=signed)) if isinstance(b, bytes) else None
                print(n, length, order, signed, b, back)
print((1).to_bytes(), True.to_bytes(2), (5).to_bytes(length=2, byteorder='little'))
print(int.from_bytes(b''), int.from_bytes([1, 2]), int.from_bytes((255,), signed=True), int.from_bytes(b'\x00' * 20 + b'\x01'), int.from_bytes(b'\xff' * 20, signed=True))
print(tried(lambda: (1).to_bytes(-1)), tried(lambda: (1).to_bytes(2, 'middle')), tried(lambda: int.from_bytes(b'a', 'x')), tried(lambda: int.from_bytes([256])), tried(lambda: int.from_bytes('a')))
for x in (0.0, 0.5, -0.25, 3.0, 1e10, 0.1, -7.75, 2.0 ** 60, 7, -3, True, float('inf'), float('nan')):
    print(x, tried(lambda: x.as_integer_ratio()))
print(bytes.fromhex('0a0B ff\n00'), bytes.fromhex(''), tried(lambda: bytes.fromhex('0a b')), tried(lambda: bytes.fromhex('zz')), tried(lambda: bytes.fromhex('a')), b'\x0a\xff'.hex())
for r in (range(10), range(0, 10, 3), range(10, 0, -2), range(0), range(5, 5)):
    print(r, [tried(lambda: r.index(x)) for x in (0, 4, 3, 9, 10, -1, 4.0, True, 2.5, 'a')], [r.count(x) for x in (0, 4, 9.0, 10, 'a')])
print({1: 2}.keys().isdisjoint([2]), {1: 2}.keys().isdisjoint([1]), {1: 2}.items().isdisjoint([(1, 2)]), {1: 2}.values() is None)
print(tried(lambda: bytes(-1)), bytes(3), bytes([1, 255]), tried(lambda: bytes([256])))
