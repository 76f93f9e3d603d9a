# What `%` makes of each kind of value with each conversion.
for spec in ('%d', '%5d', '%-5d|', '%05d', '%+d', '% d', '%x', '%X', '%#x', '%o', '%#o', '%e', '%.2e', '%E', '%f', '%.2f', '%g', '%.3g', '%G', '%s', '%r', '%10s|', '%-10s|', '%.2s', '%c', '%a', '%i', '%u', '%%', '%5.1f', '%+.1f', '%#g', '%08.3f', '%-8.3f|', '%+05d', '%#010x', '%.3d', '%8.3d|', '%#.3g', '%0+8.2f', '%+s','% 5d','%-05d|','%.0f','%#.0f', '%#X'):
    for v in (0, 1, -1, 65, 1234567, 1.5, -0.0, 1234567.891, float('inf'), float('nan'), float('-inf'), True, 'text', '', None, [1], -255, 0.5, 2.5):
        try: r = spec % (v,)
        except (ValueError, TypeError, OverflowError) as e: r = type(e).__name__ + ' ' + str(e)
        print(repr(spec), repr(v), repr(r))
for f, v in (('%s %s', (1,)), ('%s', (1, 2)), ('%(a)s %(b)d', {'a': 1, 'b': 2}), ('%(a)s', {'b': 1}), ('%*d', (5, 3)), ('%-*d|', (5, 3)), ('%.*f', (2, 3.14159)), ('abc', ()), ('abc', 1), ('abc', {}), ('%', 1), ('%s', 'x'), ('%s', [1, 2]), ('%y', 1), ('%(a)5.1f|%(a)s', {'a': 2.25}), ('%d%%', 5), ('%s', ((1, 2),)), ('%ld', 5), ('%(x', {}), ('%d', '3'), ('%d', 3.99), ('%x', 3.5), ('%c', 'ab'), ('%c', 97), ('%s', {'a': 1}), ('%d', {})):
    try: r = f % v
    except Exception as e: r = type(e).__name__ + ' ' + str(e)
    print(f, v, repr(r))
