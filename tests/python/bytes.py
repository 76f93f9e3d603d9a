# bytes: literals, methods, decoding.
b = b'GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n'
print(b, len(b), b[0], b[-1], b[4:9], type(b).__name__)
print(b.split(b' '), b.split(b'\r\n'), b.decode().splitlines())
print(b'a' + b'b', b'ab' * 3, b'a' == b'a', b'a' == 'a', b'a' < b'b', b'' or 'empty')
print(list(b'abc'), b'b' in b'abc', b.startswith(b'GET'), b.endswith(b'\n'))
print(b'  x y\n'.strip(), b'x,y'.replace(b',', b';'), b'-'.join([b'1', b'2']), b'abc'.find(b'c'))
print('héllo €'.encode(), 'héllo €'.encode().decode('utf-8') == 'héllo €', b'\xff\x00\x7f"\'')
print('é'.encode('latin-1'), b'\xe9'.decode('latin-1'), bytes(3), bytes([65, 66]), b'ab'.hex())
print({b'k': 1, 'k': 2}, f'{b"x"}', str(b'y'), 'Upper'.encode().upper(), repr(b"it's"))
try:
    b'\xff'.decode()
except ValueError as e:
    print('ValueError', str(e)[:46])
try:
    b'a' + 'b'
except TypeError as e:
    print('TypeError')
try:
    b'a,b'.split(',')
except TypeError as e:
    print(e)
print(isinstance(b, bytes), isinstance('x', bytes), b'12'.isdigit(), int(b'12'.decode()) + 1)
