//! Where news of descriptors comes from: epoll through mio or through polling, or a
//! script in virtual time.

pub mod event;
pub mod mio;
pub mod polling;
pub mod scripted;
