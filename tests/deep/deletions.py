"""What may not be missing: each wake, compare of generations, `deregister` and check under an unsafe block.

A mutant of these deletes one of them, in any file of the folders below, whatever else the file does: a call
becomes nothing, a compare is always true, a check is not made. Which test programs are to notice is said here
by folder.
"""
import re

from rust_text import closing, functions, masked, opening
from switched import Mutant

# The longest path that fits decides.
PROGRAMS = {
    "src/base": "task_state registry event_loop timers futures thread_pool",
    "src/futures": "futures thread_pool deadlock",
    "src/selector": "net registry backend_diff loop_properties aio_run aio_watch",
    "src/task": "task_soundness task_ops event_loop loop_attention aio_introspection aio_passes loop_drops arena",
    "src/event_loop": "event_loop task_ops registry loop_drops aio_watch loop_recording net aio_tasks aio_send "
                      "loop_properties sim_explore",
    "src/aio/sync": "aio_waiters aio_sync aio_wakers sim_primitives",
    "src/aio": "aio_sync aio_combine aio_streams aio_server aio_watch aio_bridge aio_intervals aio_time "
               "aio_tasks aio_io aio_fds aio_signals aio_send aio_wakers aio_subprocess aio_halves loop_drops",
    "src/gil/lock": "gil_lock gil_interrupts gil_ensure gil_channel gil_thread_pool gil_crowd",
    "src/gil/rules": "gil_machine gil_interrupts gil_lock",
    "src/gil/simulator": "gil_simulator",
    "src/gil/stats": "gil_record gil_times",
    "src/gil/free_threading": "free_threading",
    "src/process": "lib dispatcher frames process_pool multiprocessing fork_server sent_ahead",
    "src/sim": "sim_explore sim_primitives",
    "src/sys": "fork_server process_pool processes aio_fds aio_signals aio_io net refused_calls aio_run arena",
    "src/interop": "interop_futures_io interop_tokio_io interop_hyper",
}

CALL = re.compile(r"\b(wake|wake_by_ref|wake_all|wake_(?!time)\w+|notify\w*|unpark\w*|deregister)\s*\(")
# What stands in the place of a call that is deleted: the first that compiles.
NOTHING = ["()", "Default::default()", "false", "Ok(())", "Vec::<std::task::Waker>::new()"]
COMPARE = re.compile(r"[\w.\[\]]*\bgeneration\s*[=!]=\s*[\w.]+|[\w.]+\s*[=!]=\s*[\w.\[\]]*\bgeneration\b(?!\()")
ASSERT = re.compile(r"(?m)^\s*(?:debug_)?assert(?:_eq|_ne)?!\s*\(")
RETURN_IF = re.compile(r"(?m)^\s*if (?!let\b)[^{;]*\{")


def programs(path):
    """The test programs that are to notice a deletion in this file."""
    fits = [folder for folder in PROGRAMS if path.startswith(folder + "/")]
    return PROGRAMS[max(fits, key=len)].split() if fits else []


def call_start(code, at):
    """Where the expression begins whose last method is named at `at`."""
    while True:
        found = re.search(r"(?:[\w]+|[?])\s*$", code[:at])
        if code[:at].rstrip()[-1:] in (")", "]"):
            at = opening(code, len(code[:at].rstrip()) - 1)
        elif code[:at].rstrip()[-1:] == "." or code[:at].rstrip()[-2:] == "::":
            at = len(code[:at].rstrip().rstrip(".:"))
        elif found and found[0].strip() not in ("return", "else", "in", "match", "if", "move", "mut", "while"):
            at = found.start()
        else:
            return at


def calls(code, start, end):
    for found in CALL.finditer(code, start, end):
        if re.search(r"\bfn\s+$", code[:found.start()]):
            continue
        first = call_start(code, found.start())
        stop = closing(code, found.end() - 1) + 1
        what = f"call of {found[1]} deleted"
        if code[stop:stop + 1] == "?" and not code[stop + 1:].lstrip().startswith(";"):
            continue
        stop += code[stop:stop + 1] == "?"
        yield (first, stop), NOTHING, what


def checks(code, text, start, end):
    """The assertions and early returns of a function in which a SAFETY comment argues."""
    if "// SAFETY" not in text[start:end]:
        return
    for found in ASSERT.finditer(code, start, end):
        stop = closing(code, found.end() - 1) + 1
        yield (found.start(), stop), ["()"], "assertion deleted"
    for found in RETURN_IF.finditer(code, start, end):
        stop = closing(code, found.end() - 1) + 1
        inside = code[found.end():stop]
        leaves = re.search(r"\b(return|continue|break|panic!|abort|process_abort)\b", inside)
        if leaves and not code[stop:].lstrip().startswith("else"):
            yield (found.start(), stop), [""], f"check deleted that leads to {leaves[1]}"


def deletions(root):
    """Each of them as a mutant."""
    found = []
    for path in sorted((root / "src").rglob("*.rs")):
        name = str(path.relative_to(root))
        if not programs(name) or name == "src/event_loop/spans.rs":
            continue
        text = path.read_text()
        code = masked(text)
        for function, _, start, end in functions(code):
            compares = [((call_start(code, one.start()), one.end()), ["true"], "compare of generations taken for true")
                        for one in COMPARE.finditer(code, start, end)]
            for span, new, what in [*calls(code, start, end), *compares, *checks(code, text, start, end)]:
                line = " ".join(text[span[0]:span[1]].split())[:60]
                found.append(Mutant(name, span, new[0], f"{function}: {what}: {line}", new[1:]))
    return found
