//! Time: sleeping, and limits.
//!
//! ```text
//!   sleep            Sleeping, without holding the thread
//!   timeout          Time limits around a future
//! ```

pub mod sleep;
pub mod timeout;
