//! Threads without a lock, and one that stops the others.
//!
//! ```text
//!   attached         One thread's dealings with a scope without a lock: attach, detach, park, stop the world
//!   scope            Threads without a lock that run in parallel, until one stops the world: PEP 703
//!   world            Threads without a lock, and the one that stops all others: the rules of PEP 703
//! ```

pub mod attached;
pub mod scope;
pub mod world;
