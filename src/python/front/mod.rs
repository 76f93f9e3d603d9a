//! The front end: from source text to a tree, and which variable each name is.
//!
//! ```text
//!   text ── parse ──▶ tree ── names ──▶ scopes: local, cell, global
//!             └──── refusal: file:line:column, what it is, what to write instead
//! ```
//! `parse` is the only file that knows Ruff.

pub mod names;
pub mod parse;
pub mod position;
pub mod refusal;
pub mod tree;
