//! Code: from the tree to instructions, in the order in which CPython's compiler emits them.
//!
//! ```text
//!   tree, scopes ── compiler ──▶ program ── Code: instructions, positions, handlers
//!     statements · blocks · expressions · arguments · awaiting
//!   modules · names, catalogue: what a program may use without having bound it
//!   instruction: what an instruction is, and at which places others may run
//! ```

pub mod arguments;
pub mod awaiting;
pub mod blocks;
pub mod catalogue;
pub mod compiler;
pub mod expressions;
pub mod instruction;
pub mod modules;
pub mod names;
pub mod program;
pub mod statements;
