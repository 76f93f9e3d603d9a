//! Whether there is a program of this name, asked before any work.
//!
//! *Promises*: what is refused here would not start; what is not may still fail when it is started.
//! *Leaves out*: starting it.

use crate::lab::report::failure::Failure;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Refuses what cannot be started: a name without a slash is looked for along PATH.
///
/// # Errors
/// Why not, with this remedy.
pub fn find_program(name: &OsStr, remedy: &str) -> Result<(), Failure> {
    let along = env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    let places: Vec<PathBuf> = match Path::new(name).components().count() {
        1 if !name.is_empty() => env::split_paths(&along).map(|place| place.join(name)).collect(),
        _ => vec![name.into()],
    };
    let mut why = io::Error::from_raw_os_error(libc::ENOENT);
    for place in places {
        match fs::metadata(&place) {
            Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => {
                return Ok(());
            }
            Ok(_) => why = io::Error::from_raw_os_error(libc::EACCES),
            Err(_) => {}
        }
    }
    Err(Failure::io(name.to_string_lossy(), &why, remedy))
}
