//! Handing open descriptors to another process over a Unix socket (`SCM_RIGHTS`).
//!
//! *Assumes*: a connected Unix socket; of a stream, one thread reading at a time.
//! *Promises*: descriptors arrive close-on-exec, owned by the receiver, no later than the
//! first byte they were sent with; `EINTR` is retried.
//! *Leaves out*: credentials; more than [`MAX_RIGHTS`] descriptors at a time.
#![allow(unsafe_code)]

use crate::base::sys::errno::retry;
use std::io;
use std::mem::size_of_val;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// How many descriptors may go with one message.
pub const MAX_RIGHTS: usize = 8;

/// Room for one control message with `MAX_RIGHTS` descriptors, aligned as `cmsghdr` wants.
type Control = [u64; 8];

/// Sends all of `bytes` over a stream, with duplicates of `rights`.
///
/// # Errors
/// What `sendmsg(2)` reports.
///
/// # Panics
/// With no bytes or more than [`MAX_RIGHTS`] descriptors.
pub fn send(socket: impl AsFd, bytes: &[u8], rights: &[BorrowedFd<'_>]) -> io::Result<()> {
    let socket = socket.as_fd();
    let sent = send_some(socket, bytes, rights)?;
    let mut rest = &bytes[sent..];
    while !rest.is_empty() {
        rest = &rest[send_some(socket, rest, &[])?..];
    }
    Ok(())
}

/// One `sendmsg`: over a stream some of the bytes, over a socket of packets all or none.
///
/// # Errors
/// What `sendmsg(2)` reports.
///
/// # Panics
/// As [`send`].
pub fn send_some(socket: impl AsFd, bytes: &[u8], rights: &[BorrowedFd<'_>]) -> io::Result<usize> {
    assert!(!bytes.is_empty() && rights.len() <= MAX_RIGHTS, "nothing to carry, or too much");
    let fds: Vec<RawFd> = rights.iter().map(|fd| fd.as_raw_fd()).collect();
    let mut control: Control = [0; 8];
    let mut piece =
        libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let length = size_of_val(&fds[..]) as u32;
    // SAFETY: `msghdr` is plain data, for which all zeros is a valid value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &mut piece;
    message.msg_iovlen = 1;
    if !fds.is_empty() {
        message.msg_control = control.as_mut_ptr().cast();
        // SAFETY: CMSG_SPACE only computes; for MAX_RIGHTS descriptors it is 48, and
        // `control` has 64 bytes.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(length) } as usize;
        // SAFETY: `msg_control` points to `control`, which is zeroed, aligned for `cmsghdr`,
        // and has room for one header and the data, so CMSG_FIRSTHDR gives a pointer into it
        // and CMSG_DATA points to `length` bytes still inside.
        unsafe {
            let header = libc::CMSG_FIRSTHDR(&message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(length) as usize;
            let data = libc::CMSG_DATA(header).cast::<RawFd>();
            std::ptr::copy_nonoverlapping(fds.as_ptr(), data, fds.len());
        }
    }
    let count = retry(|| {
        // SAFETY: `message` points to `piece` and `control`, locals that outlive the call;
        // sending reads `bytes` and does not write through `iov_base`.
        unsafe { libc::sendmsg(socket.as_fd().as_raw_fd(), &message, libc::MSG_NOSIGNAL) }
    })?;
    Ok(count as usize)
}

/// Receives some bytes and appends the descriptors that came along to `rights`; 0 means
/// that the other end is closed. If this process has no descriptor left, those that came are
/// lost without a word: count them.
///
/// # Errors
/// What `recvmsg(2)` reports; `WouldBlock` when the socket's time limit passes.
pub fn receive(
    socket: impl AsFd,
    buffer: &mut [u8],
    rights: &mut Vec<OwnedFd>,
) -> io::Result<usize> {
    let mut control: Control = [0; 8];
    let mut piece = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: `msghdr` is plain data, for which all zeros is a valid value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &mut piece;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    let count = retry(|| {
        // SAFETY: `message` points to `piece` and `control`, locals that outlive the call, and
        // `piece` to `buffer`, which is borrowed mutably.
        unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &mut message, libc::MSG_CMSG_CLOEXEC) }
    })?;
    // SAFETY: the kernel has filled in `control` and set `msg_controllen` to what it used, so
    // the CMSG functions walk only over complete headers inside it. `cmsg_len` counts header
    // and data. Each descriptor in it was just opened for us and is known to nobody else.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&message);
        while !header.is_null() {
            if ((*header).cmsg_level, (*header).cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let length = (*header).cmsg_len - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(header).cast::<RawFd>();
                for i in 0..length / size_of::<RawFd>() {
                    rights.push(OwnedFd::from_raw_fd(data.add(i).read_unaligned()));
                }
            }
            header = libc::CMSG_NXTHDR(&message, header);
        }
    }
    Ok(count as usize)
}
