//! Code: from the tree to instructions, in the order in which CPython's compiler emits them.
//!
//! ```text
//!   tree, scopes ── compiler ──▶ Program ── Code: instructions, positions, handlers
//!     statements · blocks · expressions
//! ```

pub mod blocks;
pub mod compiler;
pub mod expressions;
pub mod instruction;
pub mod modules;
pub mod program;
pub mod statements;
