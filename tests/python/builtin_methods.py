# Methods of the built-in types, side by side.
def err(f, *a):
    try: return f(*a)
    except BaseException as e: return type(e).__name__ + ': ' + str(e)
class K:
    def m(self, a): pass
    @classmethod
    def c(cls, a): pass
    @staticmethod
    def s(a): pass
    def __init__(self, q=1): pass
def outer():
    def inner(a, b): pass
    return inner
print(err(lambda: K().m()), err(lambda: K().m(1, 2)), err(lambda: K.c()), err(lambda: K.s()), err(lambda: K(1, 2)), err(lambda: outer()(1)), err(lambda: K(z=1)), err(lambda: K.m()))
s = 'hello World'
print(s[::-1], s[-3:], s[1:8:2], s[8:1:-2], s[100:], s[-100:3], s[::-3], s[5:2], 'abc'[-1], ''[1:])
l = list(range(10))
l[2:4] = 'xyz'; print(l); l[::2] = [0] * len(l[::2]); print(l); del l[1:3]; print(l); del l[::3]; print(l); l[5:] = []; print(l); l[1:1] = [7, 8]; print(l); l[-1:] = (9, 9); print(l)
def se():
    l = [1, 2, 3]; l[::2] = [1]
print(err(se), l[slice(1, 3)], l[slice(None, None, -1)], slice(1, 10, 2).indices(5), slice(None, None, -1).indices(3))
print('a,b,,c'.split(','), ' a  b '.split(), 'a,b,c'.split(',', 1), 'a b c'.rsplit(' ', 1), 'abc'.partition('b'), 'abc'.rpartition('z'), 'a\nb\r\nc'.splitlines(), 'a\nb\n'.splitlines(True), ''.split(), ''.split(','), '  a b'.split(None, 1), 'a  b c '.rsplit(None, 1))
print('Hello'.center(11, '*'), 'x'.ljust(3, '.') + '|', 'x'.rjust(3), 'ab'.center(5), 'abc'.center(6), 'hello world'.title(), "it's a dog".title(), 'HeLLo'.swapcase(), 'hELLO'.capitalize(), 'ß'.upper(), 'aXbX'.replace('X', '-', 1), 'aaa'.replace('', '-'), 'abc'.find('c', 1, 2), 'abcabc'.rfind('bc'), 'aaaa'.count('aa'), 'abc'.startswith(('x', 'a')), 'abc'.endswith('c', 0, 2), 'abc'.startswith('b', 1), '  x '.strip() + '|', 'xxaxx'.strip('x'), 'abcba'.lstrip('ab'), 'a\tb'.expandtabs(4), 'abc'.isalpha(), 'ab1'.isalnum(), '12'.isdigit(), ' '.isspace(), 'Ab'.isupper(), 'AB'.isupper(), 'a1'.islower(), ''.isalpha(), '½'.isnumeric(), 'abc'.removeprefix('ab'), 'abc'.removesuffix('bc'), 'a-b'.translate(str.maketrans('ab', 'xy', '-')), 'x'.zfill(3), '-'.join('abc'), 'abc' < 'abd', 'a' * 3, 'b' in 'abc', 'abc'.index('b'), 'éa'.encode(), b'ab'.decode(), 'a{}b'.format(1), ord('é'), chr(8364), ascii('é€'), repr('a\'b"c\n\t\\\x00'), repr('it\'s'), 'a' 'b', r'\n', len('é€'), sep=' | ')
print(-7 // 2, -7 % 2, 7 // -2, 7 % -2, -7 // -2, divmod(-7, 2), divmod(7, -2), -7.5 // 2, -7.5 % 2, 7.5 % -2, int(-3.7), round(-3.5), -2 ** 2, 2 ** -1, (-2) ** 3, 0 ** 0, 5 & 3, 5 | 3, 5 ^ 3, ~5, -5 & 3, -5 | 3, -5 ^ 3, -5 >> 1, 5 >> 1, 1 << 10, -1 << 3, -8 >> 100, pow(3, 4, 5), pow(-3, 3, 5), pow(2, -1, 7) if True else 0, abs(-5), bin(-5), hex(-255), oct(8), int('0x1f', 16), int('-0b101', 0), int(' 42 '), int('1_000'), float('1e3'), float(' -inf '), 7 / 2, 6 / 3, 1e308 * 10, -0.0, 0.1 + 0.2, 1 / 3, 10 ** 18, 2 ** 62, 5 % -3, -5 % 3, 5.0 // -3, 1e20 // 1, True + True, True * 3, sum([0.1] * 10), (1).bit_length(), (255).bit_length(), (-5).__abs__() if False else 5, 3 .real, (2.5).is_integer(), (2.0).is_integer(), float.fromhex('0x1p3') if False else 8.0, 1_000)
print(sorted('bca'), sorted([3, 1, 2], reverse=True), sorted([(1, 'b'), (0, 'z'), (1, 'a')], key=lambda t: t[0]), sorted([(1, 'b'), (0, 'z'), (1, 'a')], key=lambda t: t[0], reverse=True), sorted({'b': 1, 'a': 2}), sorted([True, 0, 2, -1]), sorted(['B', 'a', 'C'], key=str.lower), sorted([[2], [1, 2], [1]]), sorted([1.5, 1, 2]))
l = [3, 1, 2]; l.sort(key=lambda x: -x); print(l, l.sort(), l, l.reverse(), l, l.copy(), l.index(2), l.count(3), l.insert(1, 9), l, l.insert(-100, 0), l, l.insert(100, 5), l, l.pop(0), l.pop(-2), l.pop(), l, l.extend('ab'), l, l + [1], l * 2, [1] in [[1]], l.clear(), l)
d = {'a': 1, 'b': 2}
print(d.get('z'), d.get('z', 0), d.pop('a'), d.pop('q', 5), d.setdefault('c', []), d, d.update(e=5), d.update([('f', 6)]), d, list(d.items()), sorted(d.keys() & {'b', 'c'}), d.keys() | {'q'} >= {'q'}, d | {'b': 9}, {**d}, dict.fromkeys('ab', 0), d == {'b': 2}, 'b' in d, list(reversed(d)), d.popitem(), d.copy() is d, len(d), dict(a=1), dict([('x', 1)]), d.items() == {'b': 2, 'c': [], 'e': 5}.items(), {1: 2}.keys() == {1}, d.values())
d |= {'n': 1}; print(d); del d['n']; print(d)
s = {1, 2, 3}
print(s & {2}, s | {4}, s - {1}, s ^ {3, 4}, s <= {1, 2, 3, 4}, s < s, s.isdisjoint({5}), s.union([7], [8]), s.intersection([1, 9]), s.difference([1]), s.symmetric_difference([1]), s.issubset([1, 2, 3]), s.add(5), s.discard(9), s.remove(1), err(s.remove, 99), s.pop() in (2, 3, 5), {1, 1.0, True}, set('aab') == {'a', 'b'}, s.update([1], [2]), s.copy() == s, len(s))
print((1, 2) + (3,), (1, 2) * 2, (1, 2, 3)[1:], (1, [2]) == (1, [2]), (1, 2) < (1, 2, 0), tuple('ab'), (1,), (), (1, 2).index(2), (1, 1).count(1), hash((1, 2)) == hash((1, 2)))
print(all([]), any([]), all([1, 0]), any([0, 1]), sum([1, 2], 10), sum([[1], [2]], []), min(3, 1, 2), max([1, 5], key=lambda x: -x), min('b', 'a'), max([], default=9), list(map(lambda a, b: a + b, [1, 2], [3, 4])), list(zip([1, 2], 'ab', [True])), list(enumerate('ab', 1)), list(filter(None, [0, 1, '', 'a'])), list(reversed([1, 2])), callable(len), callable(5), type(5).__name__, type([]) is list, isinstance(True, int), issubclass(bool, int), id(5) == id(5), bool([]), bool('0'), int(True), str(None), str(1.0), repr('a'), list('ab'), list({1: 2}), tuple([1]), range(5), list(range(5, 0, -2)), len(range(0, 10, 3)), 4 in range(0, 10, 2), range(10)[2:5], range(10)[-1], range(3) == range(0, 3), slice(1, 2))

print(sum([1e16, 1.0, -1e16]), sum(x for x in [1e16, 1.0, -1e16]), sum([1, 0.1, 0.2, 2]), sum([0.1] * 3, 0.5), sum([float('inf'), 1.0]), sum(iter([0.1] * 10)), sum({0.1: 1, 0.2: 2, 0.3: 3}), sum([True, 0.5]))
e = {'a': 1, 'b': 2}
print(sorted(e.keys() ^ ['a', 'z']), sorted(e.items() & {('a', 1)}), e.keys() - 'a', e.keys() <= {'a', 'b', 'c'}, e.keys() < e.keys(), e.items() >= {('a', 1)}, e.keys() != {'a'}, {'a', 'b'} == e.keys(), {'q'} | e.keys() > {'q'})
class Pw:
    def __pow__(self, o, m=None): return ('pow', o)
    def __rpow__(self, o): return ('rpow', o)
print(pow(Pw(), 2), pow(2, Pw()), Pw() ** 3, pow(2, 0.5), pow(2, -1), pow(7, 0, 1), pow(5, 3, -7), err(lambda: pow(2, -1, 4)), err(lambda: pow(2, 1, 0)))
