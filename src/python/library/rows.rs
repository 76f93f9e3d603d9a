//! All rows of the library, and the functions that are written in Python.
//!
//! *Promises*: a program finds each by its name only.
//! *Leaves out*: what they do.

use crate::python::code::compiler::Prelude;
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
    ("", include_str!("prelude.py")),
    ("itertools", include_str!("prelude_itertools.py")),
    ("functools", include_str!("prelude_functools.py")),
    ("operator", include_str!("prelude_operator.py")),
    ("heapq", include_str!("prelude_heapq.py")),
    ("bisect", include_str!("prelude_bisect.py")),
    ("copy", include_str!("prelude_copy.py")),
    ("abc", include_str!("prelude_abc.py")),
    ("collections", include_str!("prelude_collections.py")),
    ("dataclasses", include_str!("prelude_dataclasses.py")),
    ("contextlib", include_str!("prelude_contextlib.py")),
    ("sys", include_str!("prelude_sys.py")),
    ("threading", include_str!("prelude_threading.py")),
    ("queue", include_str!("prelude_queue.py")),
    ("concurrent.futures", include_str!("futures.py")),
    ("asyncio", ASYNCIO),
    ("multiprocessing", include_str!("multiprocessing.py")),
    ("datetime", include_str!("datetime.py")),
];

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
        inspection::ROWS,
        patterns::ROWS,
        generators::ROWS,
        system::ROWS,
    ]
    .concat()
}
