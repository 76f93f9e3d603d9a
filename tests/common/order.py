# What CPython's compiler emits, as far as threads could notice it. Runs on 2.7 and on every 3.x: reads a
# JSON list of [name, source], writes for each null, if it cannot be compiled here, or {"statements": the
# lines in which statements begin, "codes": [{"name", "line", "events": [[line, kind, name], ...]}]}.
import __future__, ast, dis, json, opcode, sys, types

NONE = (None,)
SKIP = {"__doc__", "__module__", "__name__", "__qualname__", "__firstlineno__",
        "__static_attributes__", "__class__", "__classcell__", "__classdictcell__"}
KINDS = {
    "LOAD_GLOBAL": "load", "LOAD_NAME": "load", "STORE_GLOBAL": "store", "STORE_NAME": "store",
    "DELETE_GLOBAL": "delete", "DELETE_NAME": "delete", "LOAD_DEREF": "load cell",
    "STORE_DEREF": "store cell", "LOAD_ATTR": "attr", "LOAD_METHOD": "attr",
    "LOAD_SUPER_ATTR": "attr", "STORE_ATTR": "store attr", "DELETE_ATTR": "delete attr",
    "BINARY_SUBSCR": "item", "BINARY_SLICE": "item", "STORE_SUBSCR": "store item",
    "STORE_SLICE": "store item", "DELETE_SUBSCR": "delete item", "BEFORE_WITH": "with",
    "SETUP_WITH": "with", "YIELD_VALUE": "yield", "RETURN_VALUE": "return", "RETURN_CONST": "return",
    "GET_ITER": "iterate",
}
CALLS = {"CALL", "CALL_KW", "CALL_METHOD", "CALL_FUNCTION", "CALL_FUNCTION_KW", "CALL_FUNCTION_EX",
         "CALL_FUNCTION_VAR", "CALL_FUNCTION_VAR_KW"}


def instructions(code):  # (line, name, value)
    if hasattr(dis, "get_instructions"):
        line = code.co_firstlineno
        for one in dis.get_instructions(code):
            if sys.version_info >= (3, 13):
                line = one.line_number or line
            else:
                line = one.starts_line or line
            if one.opname not in ("CACHE", "PRECALL", "EXTENDED_ARG", "KW_NAMES", "PUSH_NULL"):
                value = one.argval
                yield line, one.opname, value[1] if isinstance(value, tuple) and \
                    one.opname.endswith("_SUPER_ATTR") else value
        return
    starts, line = dict(dis.findlinestarts(code)), code.co_firstlineno
    at, data, more = 0, bytearray(code.co_code), 0
    cells = code.co_cellvars + code.co_freevars
    while at < len(data):
        line, op, value = starts.get(at, line), data[at], None
        at += 1
        if op >= opcode.HAVE_ARGUMENT:
            value = data[at] + 256 * data[at + 1] + more
            at, more = at + 2, value << 16 if op == opcode.EXTENDED_ARG else 0
            if op in opcode.hasname:
                value = code.co_names[value]
            elif op in opcode.hasconst:
                value = code.co_consts[value]
            elif op in opcode.hasfree:
                value = cells[value]
        yield line, opcode.opname[op], value


def events(code, others):
    found, before, comprehension = [], [("", None)] * 3, []
    for line, name, value in instructions(code):
        if isinstance(value, types.CodeType):
            inner = events(value, others)
            if value.co_name in ("<listcomp>", "<setcomp>", "<dictcomp>"):
                comprehension.append(inner)
            else:
                others.append((value, inner))
        kind = KINDS.get(name.split("+")[0], "item" if name.startswith("SLICE+") else None)
        last, exits = before[-1][0], [b[1] for b in before] == [None] * 3
        exits = exits and before[0][0] == "LOAD_CONST" and before[2][0] in ("LOAD_CONST", "DUP_TOP")
        if name in CALLS and comprehension and last == "GET_ITER":
            found.pop()
            found.extend(e for e in comprehension.pop() if e[1] != "return")
        elif name in CALLS and not (exits and value in (2, 3)):
            found.append([line, "call", ""])
        elif kind and value not in SKIP and not (sys.version_info[0] == 2 and value in ("True", "False")):
            named = kind.split()[-1] in ("load", "store", "delete", "cell", "attr")
            found.append([line, kind, str(value) if named else ""])
        before = before[1:] + [(name, value)]
    return found


def answer(source):
    flags = __future__.print_function.compiler_flag
    try:
        tree = compile(source, "program", "exec", ast.PyCF_ONLY_AST | flags, True)
        code = compile(source, "program", "exec", flags, True)
    except SyntaxError:
        return None
    others = []
    module = events(code, others)
    starts = sorted({node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt)})
    codes = [{"name": code.co_name, "line": code.co_firstlineno, "events": found,
              "coroutine": bool(code.co_flags & 0x280), "function": bool(code.co_flags & 1)} for code, found in [(code, module)] + others]
    return {"statements": starts, "codes": codes}


json.dump([answer(source) for _, source in json.load(sys.stdin)], sys.stdout)
