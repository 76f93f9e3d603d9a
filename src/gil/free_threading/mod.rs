//! Free threading: threads without a lock, and one that stops the world (PEP 703).
//!
//! ```text
//!   scope.attach(|me| ..)   attached ──────── the tokens, and this thread's state in a scope
//!                             │       ╲
//!     open: one atomic        ▼        ╲ closed
//!     operation             scope ───────────▶ stop_the_world: every rule, without threads
//!                           a state word for
//!                           each thread, and a mutex around the rules
//! ```
//! Read `stop_the_world` for the rules, then `scope`, then `attached`. The rules are proved by
//! `tests/model/world.rs` (on random schedules, and in the fuzz target `world_ops`), the rest by
//! `tests/free_threading.rs`, `tests/loom_free.rs` and `tests/shuttle_free.rs`.

pub mod attached;
pub mod scope;
pub mod stop_the_world;
