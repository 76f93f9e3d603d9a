//! The event loop, floor by floor.

pub mod attached;
pub mod calls;
pub mod core;
pub mod ended;
pub mod inbox;
pub mod obey;
pub mod reactor;
pub mod remote;
pub mod run;
pub mod settings;
pub mod timers;
pub mod watchful;
pub mod yielding;
