//! The front end: from source text to a tree, and which variable each name is.
//!
//! ```text
//!   text ── parse ──▶ tree ── names ──▶ scopes: local, cell, global
//!             └──── refusal: file, position, what it is, what to write instead
//! ```
//! `parse` reads statements and `reader` expressions; no other file knows Ruff.

pub mod names;
pub mod parse;
pub mod position;
pub(crate) mod reader;
pub mod refusal;
pub mod tree;
