//! The machine: threads with frames, and what each instruction does to them.
//!
//! ```text
//!   World    heap, globals, threads, output          data that can be copied, hashed, compared
//!   Machine  a World, the program, the library       executes one instruction of one thread, and
//!                                                    says what kind of switch point it was
//!     execute ── calls · attributes · operators · iteration · unwinding · text
//! ```

pub mod attributes;
pub mod binding;
pub mod calls;
pub mod collector;
pub mod comparison;
pub mod control;
pub mod execute;
pub mod format;
pub mod iteration;
pub mod machine;
pub mod objects;
pub mod operators;
pub mod terms;
pub mod text;
pub mod unwinding;
pub mod world;
