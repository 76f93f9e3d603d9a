//! Where news of descriptors comes from: epoll through mio, or a script in virtual time.

pub mod event;
pub mod mio;
pub mod scripted;
