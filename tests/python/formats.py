# Format specifications and fields: of `format`, of f-strings and of `%`.
class O:
    def __init__(self): self.v = 3; self.name = 'n'; self.inner = self
    def __repr__(self): return 'O()'
    def __getitem__(self, k): return k
class F:
    def __format__(self, spec): return f'<{spec}>'
    def __str__(self): return 'F!'
class G:
    def __str__(self): return 'G!'
class Bare: pass
o = O()
def show(_f, *a, **k):
    try: r = _f.format(*a, **k)
    except Exception as e: r = type(e).__name__ + ': ' + str(e)
    print(repr(_f), '->', repr(r))
show('{0!r:>6}|{0!s:<6}|{1!a}', o, 'é')
show('{:>{w}}|{:{f}>{w}.{p}}', 1, 2.34567, w=5, f='*', p=2)
show('{{}} {{{}}} }}{{', 1)
show('{'); show('}'); show('{0'); show('{!x}', 1); show('{!}', 1); show('{0!r', 1); show('{} {0}', 1); show('{0} {}', 1); show('{1}', 1); show('{a}'); show('{} {}', 1); show('{0.nope}', o); show('{0[nope]}', {}); show('{0[5]}', [1]); show('{0.inner.inner.v} {o.inner[x]} {o[1]}', o, o=o); show('{:d}', 'x'); show('{:s}', 1); show('{0.}', o); show('{0[]}', o); show('{.v} {[k]}', o, {'k': 1}); show('{a.v:>{b}}', a=o, b=4)
show('{:abc} {!s:>5}', F(), F()); show('{}', G()); show('{:>5}', G()); show('{:>5}', Bare) if False else None
try: format(G(), '>5')
except TypeError as e: print(e)
try: f'{G():>5}'
except TypeError as e: print(e)
try: format([1], '>5')
except TypeError as e: print(e)
try: format(None, '5')
except TypeError as e: print(e)
show('{:{}{}}', 5, '>', 4); show('{0:{1}{2}}', 5, '>', 4); show('{0:{1}}', F(), 'zz'); show('{:{}}', o.name, 4); show('{0:{0}}', 3); show('{:{w}} {}', 1, 2, w=3)
print('{a[0]} {a[1]}'.format_map({'a': [1, 2]}), f'{o!r:>5}', f'{1.5:{8}.{3}f}', f'{"a":{"*"}^{5}}', f'{o.v=}', f'{3 + 4 = }', f'{o.name!r:>6}', f'{1e3:,}', f'{True:5}', f'{True}', f'{None}', f'{1:05}', f'{-1:05}', f'{"x":05}')
print(f'{10:#b} {255:#06x} {1234.5:_.2f} {0.25:.0%} {12345678:,d} {1e-10} {1.0} {123456789.123:g} {0.1+0.2} {1/3:.3} {-0.0:.1f} {-0.01:z.1f} {5:+} {2.5:.0f} {3.5:.0f} {1e22} {1e23} {float("nan"):5} {-float("inf"):+}')
print('%s %r' % (o, o), '%(a)s %(a)r' % {'a': o}, '%5s|%-5s|' % (G(), G()), '%s' % G(), '%d' % True, '%s %s' % ('a', (1,)), '%%' % (), '100%%')
class I:
    def __index__(self): return 5
    def __int__(self): return 6
    def __float__(self): return 7.5
print('%d %f' % (I(), I()))
for bad in ('%s %s', '%z', '%', '%(a)s'):
    try: print(bad % G())
    except (TypeError, ValueError) as e: print(type(e).__name__, e)
print('%-*s|%+.*f|' % (6, 'ab', 2, 3.14159), '%c%c' % ('a', 98), '%.3s|' % 'abcdef', '%5.1s|' % 'xyz', '%#o %#x' % (8, 255), '%e' % 12345.678, '%g' % 1e-5, '%i' % 3.9)
print(str(1e16), 1e15, 123456789012345678.0, 1e-4, 1e-5, 5e-324, 1.7976931348623157e308, -1.5e-7, 100000.0, 2.0**60, 0.1 + 0.7, 1e100)
print(round(2.5), round(3.5), round(-2.5), round(2.675, 2), round(1234, -2), round(1250, -2), round(1350, -2), round(-1250, -2), round(0.5), round(1e20, -19) if False else '', round(5, 1), round(1.0), round(1.5, None), round(12.5, 0), round(15.0, -1), round(25.0, -1))
class O2:
    def __init__(self): self.v = 3; self.d = {'k': [1, 2]}; self.s = 'text'
    def __str__(self): return 'O!'
class P:
    def __init__(self): self.v = 3; self.d = {'k': [1, 2]}
    def __repr__(self): return 'P()'
    def __getitem__(self, k): return ('item', k)
class Q: 
    v = 1.5
    def __format__(self, s): return 'Q<' + s + '>'
print('{0.v} {0.d[k]} {0.d[k][1]} {0.s!r} {0}'.format(O2()))
print('{0.v} {0.d[k]} {0} {0!r} {0[0]} {0[a]}'.format(P()))
print('{0.v:.3f} {0:abc} {x.v:>8}'.format(Q(), x=Q()))
print('{0[k]} {0[3]} {1[0]} {1[1]}'.format({'k': 'v', 3: 'three'}, ['a', 'b']))
print('{:{}} {:{}.{}} {:{w}} {a:{w}}|'.format(1, 5, 2.5, 8, 3, 'x', w=4, a='y'))
for spec in (',', '_', 'd', 'e', 'g', '%', 'x', '#x', '+', ' ', '-', '>8', '<8', '^8', '=8', '08', '+08', '08,', '010_', '#010x', '#b', '#o', 'X', '#X', 'n', 'c', '.2f', '.0f', '.3e', '.3g', 'E', 'G', '10.2f', '*>10', '*<+10', '*^10', '_x', '_b', ',.2f', '012,.2f', ',d', 's', '.3', '#', '+d', ' d', '0', '1', '015,', '#.3g', '#.0f', '.0%', '-10', '>', 'z', 'z.1f', '#x_', '_X', '+.1e', ' .2%', '0>6', '<06', '^+9,'):
    for v in (0, 1, -1, 65, 1234567, -1234567, 1.5, -0.0, 0.0, 1234567.891, -1234.5, 1e20, 1e-7, float('inf'), float('nan'), True, 'text', '', 123456789012, 0.1, 100.0, 999999.5, 1e16, 1e15,2**53+1):
        try: r = format(v, spec)
        except (ValueError, TypeError, OverflowError) as e: r = type(e).__name__ + ' ' + str(e)
        print(repr(spec), repr(v), repr(r))
