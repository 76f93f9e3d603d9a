//! The library: what a program can call without having written it.
//!
//! ```text
//!   rows                      all of these by name; arguments: by position or by keyword
//!   builtins · sequences      len, print, …; sorted, sum, zip, …
//!   inspection                hash, property, what `object` has, …
//!   types                     list(…), int(…), …
//!   texts, patterns           methods of str
//!   lists · tables            methods of list, tuple, deque; of dict, set
//!   generators                send, throw, close
//!   threads · sync · queues   threading and queue
//!   modules · maths           time, random, sys; math
//!   prelude.py                what calls back into Python: sorted(key=…), map, …
//!   prelude_*.py              modules that are brought in by the programs that name them
//! ```

pub mod arguments;
pub mod builtins;
pub mod generators;
pub mod inspection;
pub mod lists;
pub mod maths;
pub mod modules;
pub mod patterns;
pub mod queues;
pub mod rows;
pub mod sequences;
pub mod sync;
pub mod tables;
pub mod texts;
pub mod threads;
pub mod types;
