//! A terminal that a test makes, with so many columns, and what a command writes to it.

use crate::command::exit_within;
use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// Runs the command with its stdout on a terminal of `columns`; gives all that it wrote there, and
/// its exit code. If it hangs, it is killed and the test fails.
pub fn on_terminal(columns: u16, command: &mut Command, patience: Duration) -> (String, i32) {
    let size = libc::winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let (mut ours, mut theirs) = (-1, -1);
    let (name, modes) = (std::ptr::null_mut(), std::ptr::null());
    // SAFETY: the call writes two descriptors to locals that outlive it, and reads the size.
    let made = unsafe { libc::openpty(&mut ours, &mut theirs, name, modes, &size) };
    assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: both were just made, and nobody else has them.
    let (mut ours, theirs) = unsafe { (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
    let mut child =
        command.stdin(Stdio::null()).stdout(theirs).stderr(Stdio::piped()).spawn().unwrap();
    // The command holds the other side until it is given a new one.
    command.stdout(Stdio::null());
    let reader = thread::spawn(move || {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
        // Linux says EIO when the other side is gone.
        while let Ok(read @ 1..) = ours.read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..read]);
        }
        String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
    });
    let status = exit_within(&mut child, command, patience);
    (reader.join().unwrap(), status.code().unwrap_or(-1))
}
