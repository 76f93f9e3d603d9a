//! The machine: threads with frames, and what each instruction does to them.
//!
//! ```text
//!   world    heap, globals, threads, output          data that can be copied, hashed, compared
//!   Machine  a World, the program, the library       executes one instruction of one thread, and
//!                                                    says what kind of switch point it was
//!
//!   interpreter, frames    burst  the inner loop ──▶ quick  what an instruction mostly is
//!   known, spare: at hand     │                        quick_calls, quick_access
//!   terms: how it went       └────────────────────▶ execute  all the rest
//!
//!                 execute ─┬─ calls, binding, spread: functions, the library, stars
//!                          ├─ classes, wrappers    what `class` makes, properties and their kin
//!                          ├─ asking ─▶ outside    the clock, and what the shell is asked for
//!                          ├─ waiting, traceback   who waits for what; where it went wrong
//!                          ├─ attributes, kinds, objects, slices: names, items
//!                          ├─ keys                 objects as keys of dicts and sets
//!                          ├─ operators, concatenation, comparison, overloads, iteration, zipping
//!                          ├─ numbers              the order and the hash of ints and floats
//!                          ├─ delivery             where the value of a call goes
//!                          ├─ delegation           `yield from`, and `throw`
//!                          ├─ control, unwinding   branches, with, exceptions
//!                          ├─ awaiting, tasks      coroutines, futures, event loops
//!                          ├─ processes            what is asked of other processes
//!                          ├─ text, format, percent, spec, fields: values as text
//!                          └─ collector            what nothing leads to is freed
//! ```

pub mod asking;
pub mod attributes;
pub mod awaiting;
pub mod binding;
pub mod burst;
pub mod calls;
pub mod classes;
pub mod collector;
pub mod comparison;
pub mod concatenation;
pub mod control;
pub mod delegation;
pub mod delivery;
pub mod execute;
pub mod fields;
pub mod format;
pub mod frames;
pub mod interpreter;
pub mod iteration;
pub mod keys;
pub mod kinds;
pub mod known;
pub mod numbers;
pub mod objects;
pub mod operators;
pub mod outside;
pub mod overloads;
pub mod percent;
pub mod processes;
pub mod quick;
pub mod quick_access;
pub mod quick_calls;
pub mod slices;
pub mod spare;
pub mod spec;
pub mod spread;
pub mod tasks;
pub mod terms;
pub mod text;
pub mod traceback;
pub mod unwinding;
pub mod waiting;
pub mod world;
pub mod wrappers;
pub mod zipping;
