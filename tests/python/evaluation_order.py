# The order in which things are evaluated, and which method of which class is called.
def err(f, *a):
    try: return f(*a)
    except BaseException as e: return type(e).__name__ + ': ' + str(e)
log = []
def t(x): log.append(x); return x
def flush():
    r = list(log); log.clear(); return r
d = {t('k1'): t('v1'), t('k2'): t('v2')}; print(flush())
def f(*a, **k): return a, k
f(t(1), *[t(2)], t(3), x=t(4), **{'y': t(5)}); print(flush())
l = [0, 0]; l[t(0)] = t(1); print(flush()); l[t(1)] += t(2); print(flush(), l)
(t(1) < t(2) < t(0) < t(9)); print(flush())
a, l[t(0)] = t(5), t(6); print(flush(), l)
x = t(1) if t(0) else t(2); print(flush())
print(t(0) or t(1) and t(2), flush())
def deff(a=t('def')): pass
@(lambda g: t('deco') and g)
def decf(a=t('arg')): pass
print(flush())
class B(t(object)):
    t('body')
    z = t('attr')
print(flush())
[t(i) for i in (t(3), t(4)) if t('if')]; print(flush())
print(f'{t(1)} {t(2):{t(3)}}', flush())
with_l = []
class O:
    def __init__(self): self.d = {}; self.n = 1
    def __setitem__(self, k, v): self.d[k] = v; log.append(('set', k, v))
    def __getitem__(self, k): log.append(('get', k)); return self.d.get(k, 0)
    def __delitem__(self, k): log.append(('del', k))
    def __iadd__(self, o): log.append(('iadd', o)); return self
    def __eq__(self, o): log.append('eq'); return NotImplemented
    def __lt__(self, o): log.append('lt'); return NotImplemented
    def __gt__(self, o): log.append('gt'); return 'gt!'
    def __bool__(self): log.append('bool'); return False
    def __hash__(self): return 7
o = O(); o['a'] += 1; o[1:2] = 3; del o['z']; o[1, 'x']; o += 5; print(flush())
print(o == 1, o == O(), o != 1, o < O(), err(lambda: o < 1), not o, flush())
class C1:
    def __add__(self, o): return NotImplemented
    def __radd__(self, o): return 'C1radd'
    def __mul__(self, o): return 'mul'
    def __contains__(self, x): return x
class C2(C1):
    def __radd__(self, o): return 'C2radd'
    def __rsub__(self, o): return 'rsub'
print(C1() + C2(), 1 + C1(), err(lambda: C1() + 1), C1() * 2, err(lambda: 2 * C1()), 5 - C2(), err(lambda: C2() - 5), 0 in C1(), 'a' in C1())
class G:
    def __getattr__(self, n):
        if n.startswith('x'): return n
        raise AttributeError(n)
    y = 1
g = G(); print(g.xa, g.y, err(lambda: g.q), hasattr(g, 'q'), getattr(g, 'q', 'd'), hasattr(g, 'xz'))
class Cls:
    items = []
    count = 0
    def add(self, x): self.items.append(x); self.count += 1
p, q = Cls(), Cls(); p.add(1); q.add(2); print(Cls.items, Cls.count, p.count)
Cls.new = lambda self: 'new'; print(p.new()); del Cls.new; print(err(lambda: p.new()))
p.add = lambda x: 'own'; print(p.add(1))
class Sq:
    def __init__(self, n): self.n = n
    def __len__(self): return self.n
    def __getitem__(self, i):
        if isinstance(i, slice): return ('slice', i.start, i.stop, i.step)
        if i >= self.n: raise IndexError(i)
        return i * i
s = Sq(4); print(list(s), 9 in s, 5 in s, s[1:], s[-1], sum(s), list(reversed(s)), [*s], max(s), bool(Sq(0)), list(zip(s, s)), tuple(enumerate(s)))
class Neg:
    def __len__(self): return -1
    def __repr__(self): return 5
    def __bool__(self): return 'x'
    def __iter__(self): return 5
    def __hash__(self): return 'h'
class E1:
    def __eq__(self, o): return True
print(err(hash, E1()), err(lambda: {E1()}), E1() in [1], [1].index(E1()), [E1()].count(5), (1,) == (E1(),))
class H:
    def __init__(self, v): self.v = v
    def __eq__(self, o): return isinstance(o, H) and self.v == o.v
    def __hash__(self): return hash(self.v)
    def __repr__(self): return f'H{self.v}'
print({H(1), H(1), H(2)} == {H(2), H(1)}, {H(1): 'a'}[H(1)], H(1) in {H(1): 0}, len({H(i % 3) for i in range(9)}), {H(1): 1} == {H(1): 1}, {H(1): 1, H(2): 2}.get(H(2)), {H(1)} | {H(1)}, {H(1)} & {H(1)}, {H(1)} - {H(1)}, dict.fromkeys([H(1), H(1)]), list({H(3): 0, H(3): 1}.values()))
dd = {}; dd[H(1)] = 1; dd[H(1)] = 2; dd.setdefault(H(1), 5); print(dd, dd.pop(H(1)), dd)
def cell():
    fs = []
    for i in range(3):
        def g(): return i
        fs.append(g)
    i = 'last'
    return [g() for g in fs]
print(cell())
def nl():
    x = 1
    def a():
        nonlocal x
        x = 2
        def b():
            nonlocal x
            x = 3
        b()
    a()
    return x
print(nl())
i = 'outer'; r = [i for i in range(3)]; print(i)
def dflt(x, acc=[]): acc.append(x); return acc
print(dflt(1), dflt(2), dflt(3, []))
def ret():
    try: return t('try')
    finally: t('finally')
print(ret(), flush())
def ret2():
    for i in range(3):
        try: return i
        finally:
            if i < 1: continue
print(ret2())
