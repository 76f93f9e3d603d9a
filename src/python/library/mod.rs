//! The library: what a program can call without having written it.
//!
//! ```text
//!   rows                      all of these by name; arguments: by position or by keyword
//!   builtins · sequences      len, print, …; sorted, sum, zip, …
//!   inspection                hash, property, what `object` has, …
//!   types                     list(…), int(…), …
//!   texts, patterns, bytes    methods of str and bytes
//!   lists · tables            methods of list, tuple, deque; of dict, set
//!   generators                send, throw, close
//!   threads · sync · barriers · queues   threading and queue
//!   modules · system          time, random; sys, input
//!   maths · numerals          math, and the constants of modules; numbers as bytes and ratios
//!   futures                   what concurrent.futures stands on
//!   asyncio · event_loops     futures and tasks; loops and their handles
//!   sockets                   what asyncio's streams stand on
//!   processes                 what multiprocessing stands on; os
//!   prelude.py                what calls back into Python: sorted(key=…), map, …
//!   prelude_unguarded.py      what is Python in CPython, and has no lock: Counter.update, shuffle
//!   futures.py                concurrent.futures: Future, executors, wait
//!   asyncio/*.py              gather, wait, timeouts, groups, locks, queues; connections, servers
//!   multiprocessing.py        multiprocessing: Process, Pool, Queue
//!   datetime.py               datetime: datetime, timedelta
//!   prelude_*.py              other modules that are Python here
//! ```

pub mod arguments;
pub mod asyncio;
pub mod barriers;
pub mod builtins;
pub mod bytes;
pub mod event_loops;
pub mod futures;
pub mod generators;
pub mod inspection;
pub mod lists;
pub mod maths;
pub mod modules;
pub mod numerals;
pub mod patterns;
pub mod processes;
pub mod queues;
pub mod rows;
pub mod sequences;
pub mod sockets;
pub mod sync;
pub mod system;
pub mod tables;
pub mod texts;
pub mod threads;
pub mod types;
