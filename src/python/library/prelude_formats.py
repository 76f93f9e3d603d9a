# Formats of objects with a `__str__`, a `__repr__` or a `__format__`.
def _str_format(text, *args, **kwargs):
    out = []
    auto = 0
    for literal, name, path, conversion, spec in _format_fields(text):
        out.append(literal)
        if name is None:
            continue
        if name == '':
            x = args[auto]
            auto += 1
        elif name.isdigit():
            x = args[int(name)]
        else:
            x = kwargs[name]
        for is_item, part in path:
            x = x[int(part) if part.isdigit() else part] if is_item else getattr(x, part)
        if conversion == 'r':
            x = repr(x)
        elif conversion == 's':
            x = str(x)
        if '{' in spec:
            count = spec.count('{}')
            spec = spec.format(*args[auto:auto + count], **kwargs) if count else spec.format(*args, **kwargs)
            auto += count
        out.append(format(x, spec))
    return ''.join(out)

def _percent(text, values):
    if isinstance(values, dict):
        return text % {k: v if isinstance(v, (int, float, str)) else str(v) for k, v in values.items()}
    kinds, text = _percent_kinds(text)
    if not isinstance(values, tuple):
        values = (values,)
    out = []
    at = 0
    for x in values:
        kind = kinds[at:at + 1]
        out.append(repr(x) if kind == 'r' else str(x) if kind == 's' else x)
        at += 1
    return text % tuple(out)
