//! Python in: source text as a program of a machine that can be explored.
//!
//! # From text to an answer
//!
//! ```text
//!   race.py ── front ──▶ tree, scopes ── code ──▶ instructions, each with a place
//!     │   Ruff's grammar;  whose each    CPython's order of     behind it where others
//!     │   the subset       name is       loads and stores       may run, or not
//!     ▼                                        │
//!   refused: file:line:column, what, instead   ▼
//!                        machine ── value: a heap of objects, as numbers
//!                  one instruction  │           library: len, print, threading, queue, …
//!                  of one thread    ▼
//!            ┌───────────────────  world: threads, heap, globals, output: data
//!            ▼                      │
//!   run: turns, or for real         ▼
//!                      explore: from each world by each thread to the next; the policy's
//!                      places end a step. All outcomes, each by as few switches as there are
//! ```
//!
//! # Decisions
//!
//! * *A machine of its own*, beside [`vm`](crate::vm), which has numbers only. Its instructions are
//!   CPython's, with stacks, cells and handlers, and the text of `.gil` programs has none of these.
//!   Both ask the same policies the same question, [`Threading`](crate::gil::Threading). The smaller one
//!   is read first: a dozen instructions, one `match`, and the same lost update.
//! * *A world is data.* Objects are numbers in a heap of slots, a call of Python is a frame and
//!   never a call of Rust. So a thread can be left anywhere, also inside a `__eq__`, and a world can
//!   be compared and gone back to: the heap keeps a journal of what a step has changed.
//! * *Canonical numbers.* Each thread numbers what it makes by itself, and a fingerprint numbers
//!   objects as they are reached: worlds that differ by garbage or by the order of allocation are
//!   one world, so loops close and the search ends.
//! * *Steps that nobody can notice are no steps.* Which things two threads touch is found by exploring
//!   until no more are found (`python/explore/worlds.rs`).
//! * *A world can be sent.* Because it is data it can be written as bytes, and read in a forked process
//!   (`python/image`): what `fork` gives a CPython, while our fork server has one thread.
//! * *A task is a thread that only an await switches.* Awaiting a coroutine pushes its frame; awaiting a
//!   future that is not done is a wait. So explorer, virtual run and real run need no other scheduler:
//!   the loop's queue says whose turn it is, and a real run lends each task one of our own.
//! * *Functions of CPython that are C and call Python* (`sorted` with a key, `map`) are Python code
//!   that never looks (`python/library/prelude.py`).
//! * *Modules of CPython that are Python* (`threading.Event`, `queue.Queue`) are one step with a
//!   place before it and one behind, for inside they hold a lock of their own.
//!
//! Read `code/instruction`, `machine/interpreter` and `machine/execute` first, then `explore/search`.

pub mod code;
pub mod explore;
pub mod front;
pub mod image;
pub mod library;
pub mod machine;
pub mod run;
pub mod value;
