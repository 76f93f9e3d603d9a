//! All rows of the library, and the functions that are written in Python.
//!
//! *Promises*: a program finds each by its name only.
//! *Leaves out*: what they do.

use crate::python::code::compiler::Prelude;
use crate::python::code::program::CodeKind;
use crate::python::library::builtins;
use crate::python::library::generators;
use crate::python::library::inspection;
use crate::python::library::lists;
use crate::python::library::maths;
use crate::python::library::modules;
use crate::python::library::patterns;
use crate::python::library::queues;
use crate::python::library::sequences;
use crate::python::library::sync;
use crate::python::library::tables;
use crate::python::library::texts;
use crate::python::library::threads;
use crate::python::library::types;
use crate::python::machine::interpreter::Row;

/// The parts of the library that are written in Python, each with the words of which one must be in
/// a program's text that needs it.
pub const PRELUDES: &[Prelude] = &[
    native("", include_str!("prelude.py")),
    native(
        "__eq__ __lt__ __le__ __gt__ __ge__ __ne__ __hash__ dataclass namedtuple total_ordering \
         cmp_to_key",
        include_str!("prelude_objects.py"),
    ),
    native("format % namedtuple", include_str!("prelude_formats.py")),
    native(
        "chain islice product combinations permutations accumulate cycle repeat takewhile dropwhile \
         filterfalse compress starmap pairwise zip_longest groupby tee",
        include_str!("prelude_itertools.py"),
    ),
    native("functools operator", include_str!("prelude_functools.py")),
    native("heapq bisect Timer PriorityQueue", include_str!("prelude_heapq.py")),
    native("namedtuple", include_str!("prelude_collections.py")),
    native("copy", include_str!("prelude_copy.py")),
    native("abc", include_str!("prelude_abc.py")),
    native("sys", include_str!("prelude_sys.py")),
    python("contextlib", include_str!("prelude_contextlib.py")),
    python("dataclass", include_str!("prelude_dataclasses.py")),
    python("Timer PriorityQueue", include_str!("prelude_threading.py")),
];

const fn native(words: &'static str, text: &'static str) -> Prelude {
    Prelude { words, text, kind: CodeKind::Native }
}

const fn python(words: &'static str, text: &'static str) -> Prelude {
    Prelude { words, text, kind: CodeKind::Library }
}

/// Every function of the library.
pub fn rows() -> Vec<Row> {
    [
        builtins::ROWS,
        sequences::ROWS,
        types::ROWS,
        texts::ROWS,
        lists::ROWS,
        tables::ROWS,
        sync::ROWS,
        queues::ROWS,
        threads::ROWS,
        modules::ROWS,
        maths::ROWS,
        generators::ROWS,
        inspection::ROWS,
        patterns::ROWS,
    ]
    .concat()
}
