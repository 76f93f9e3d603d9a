//! All rows of the library, and the functions that are written in Python.
//!
//! *Promises*: a program finds each by its name only.
//! *Leaves out*: what they do.

use crate::python::code::compiler::Prelude;
use crate::python::code::program::CodeKind;
use crate::python::library::asyncio;
use crate::python::library::barriers;
use crate::python::library::builtins;
use crate::python::library::bytes;
use crate::python::library::event_loops;
use crate::python::library::futures;
use crate::python::library::generators;
use crate::python::library::inspection;
use crate::python::library::lists;
use crate::python::library::maths;
use crate::python::library::modules;
use crate::python::library::numerals;
use crate::python::library::patterns;
use crate::python::library::processes;
use crate::python::library::queues;
use crate::python::library::sequences;
use crate::python::library::sockets;
use crate::python::library::sync;
use crate::python::library::system;
use crate::python::library::tables;
use crate::python::library::texts;
use crate::python::library::threads;
use crate::python::library::types;
use crate::python::machine::interpreter::Row;

/// What is written in Python: functions that are C in CPython and call Python, then modules that are
/// Python in CPython too, each behind those that it imports.
pub const PRELUDES: &[Prelude] = &[
    native("", include_str!("prelude.py")),
    unguarded("", include_str!("prelude_unguarded.py")),
    native("itertools", include_str!("prelude_itertools.py")),
    native("functools", include_str!("prelude_functools.py")),
    native("operator", include_str!("prelude_operator.py")),
    native("heapq", include_str!("prelude_heapq.py")),
    native("bisect", include_str!("prelude_bisect.py")),
    unguarded("copy", include_str!("prelude_copy.py")),
    guarded("abc", include_str!("prelude_abc.py")),
    guarded("collections", include_str!("prelude_collections.py")),
    guarded("dataclasses", include_str!("prelude_dataclasses.py")),
    guarded("contextlib", include_str!("prelude_contextlib.py")),
    guarded("sys", include_str!("prelude_sys.py")),
    guarded("threading", include_str!("prelude_threading.py")),
    guarded("queue", include_str!("prelude_queue.py")),
    guarded("concurrent.futures", include_str!("futures.py")),
    guarded("asyncio", ASYNCIO),
    guarded("multiprocessing", include_str!("multiprocessing.py")),
    guarded("datetime", include_str!("datetime.py")),
];

/// What is C in CPython.
const fn native(module: &'static str, text: &'static str) -> Prelude {
    Prelude { module, kind: CodeKind::Native, text }
}

/// What is Python in CPython too, and has a lock inside, or nothing that threads share.
const fn guarded(module: &'static str, text: &'static str) -> Prelude {
    Prelude { module, kind: CodeKind::Library, text }
}

/// What is Python in CPython too, and works on what it is given without a lock.
const fn unguarded(module: &'static str, text: &'static str) -> Prelude {
    Prelude { module, kind: CodeKind::Unguarded, text }
}

/// The module `asyncio`, one part behind the other.
const ASYNCIO: &str = concat!(
    include_str!("asyncio/tasks.py"),
    include_str!("asyncio/groups.py"),
    include_str!("asyncio/locks.py"),
    include_str!("asyncio/queues.py"),
    include_str!("asyncio/streams.py"),
);

/// Every function of the library.
pub fn rows() -> Vec<Row> {
    [
        builtins::ROWS,
        sequences::ROWS,
        types::ROWS,
        texts::ROWS,
        bytes::ROWS,
        lists::ROWS,
        tables::ROWS,
        sync::ROWS,
        barriers::ROWS,
        queues::ROWS,
        threads::ROWS,
        futures::ROWS,
        asyncio::ROWS,
        event_loops::ROWS,
        sockets::ROWS,
        processes::ROWS,
        modules::ROWS,
        maths::ROWS,
        numerals::ROWS,
        inspection::ROWS,
        patterns::ROWS,
        generators::ROWS,
        system::ROWS,
    ]
    .concat()
}
