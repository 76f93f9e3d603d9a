//! Code: from the tree to instructions, in the order in which CPython's compiler emits them.
//!
//! ```text
//!   tree, scopes ── compiler ──▶ program ── Code: instructions, positions, handlers
//!     statements · blocks · expressions · arguments · awaiting
//!   fusion: sequences of instructions as one, for runs
//!   modules · names, catalogue: what a program may use without having bound it
//!   disassembler: a program as Python's dis would list it, with a mark where a policy looks
//!   instruction: what an instruction is, and at which places others may run
//! ```

pub mod arguments;
pub mod awaiting;
pub mod blocks;
pub mod catalogue;
pub mod compiler;
pub mod disassembler;
pub mod expressions;
pub mod fusion;
pub mod instruction;
pub mod modules;
pub mod names;
pub mod program;
pub mod statements;
