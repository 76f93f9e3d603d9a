//! A file that is there whole or not at all: written beside, and renamed when it is complete.
//!
//! *Promises*: until [`WholeFile::finish`] the file that was there is as it was, whatever ends the
//! writing; what was begun and not finished is removed. A link still leads where it led, a file
//! keeps its permissions, and what is no file (a device, a pipe) is written, not replaced.
//! *Leaves out*: a power failure a moment after the renaming.
//!
//! ```text
//!   trace.json ──────── as it was ────────┐ rename
//!   .trace.json.4711 ── written ──────────┴──▶ trace.json
//! ```
//! Where nothing can be made beside it (a directory that may not be written), or where the name is
//! no file's, all is kept in memory and written in the end.

use crate::lab::report::failure::Failure;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Names that are tried for the file beside.
const TRIES: u32 = 100;

/// A file that is being written. Dropping it leaves everything as it was.
#[derive(Debug)]
pub struct WholeFile {
    target: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Beside { file: BufWriter<File>, name: PathBuf },
    Memory(Vec<u8>),
}

impl WholeFile {
    /// Begins to write what will be found under this name.
    ///
    /// # Errors
    /// If it will not be possible.
    pub fn create(path: &Path) -> io::Result<WholeFile> {
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let there = match fs::metadata(&target) {
            Ok(there) => Some(there),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        if there.as_ref().is_some_and(|there| !there.is_file()) {
            return in_memory(target);
        }
        if there.is_some() {
            // Whoever may not write the file may not replace it either.
            OpenOptions::new().write(true).open(&target)?;
        }
        match beside(&target) {
            Ok((file, name)) => {
                if let Some(there) = there {
                    // Where that is refused (a file system without permissions) there are none.
                    let _ = fs::set_permissions(&name, there.permissions());
                }
                Ok(WholeFile { target, place: Place::Beside { file: BufWriter::new(file), name } })
            }
            Err(_) if there.is_some() => in_memory(target),
            Err(e) => Err(e),
        }
    }

    /// Checks before some work, not after it, that its result can be written. What is there stays as
    /// it is.
    ///
    /// # Errors
    /// If it cannot.
    pub fn check(path: &Path) -> Result<(), Failure> {
        let failed = |e| {
            let name = path.display().to_string();
            Failure::io(name, &e, "name a file that can be written")
        };
        WholeFile::create(path).map(drop).map_err(failed)
    }

    /// All is written: now it has its name.
    ///
    /// # Errors
    /// If the disk is full, say. The file that was there is as it was.
    pub fn finish(mut self) -> io::Result<()> {
        match &mut self.place {
            Place::Beside { file, name } => {
                file.flush()?;
                fs::rename(&*name, &self.target)
            }
            Place::Memory(bytes) => {
                let mut file = OpenOptions::new().write(true).truncate(true).open(&self.target)?;
                file.write_all(bytes)
            }
        }
    }
}

/// Checks that it can be written, without a change to it.
fn in_memory(target: PathBuf) -> io::Result<WholeFile> {
    if fs::metadata(&target)?.is_dir() {
        return Err(io::Error::from_raw_os_error(libc::EISDIR));
    }
    Ok(WholeFile { target, place: Place::Memory(Vec::new()) })
}

/// A new file in the same directory, for only there a rename is one step.
fn beside(target: &Path) -> io::Result<(File, PathBuf)> {
    let name = target.file_name().ok_or(io::Error::from_raw_os_error(libc::EISDIR))?;
    for number in 0..TRIES {
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}", std::process::id()));
        if number > 0 {
            hidden.push(format!(".{number}"));
        }
        let hidden = target.with_file_name(hidden);
        match OpenOptions::new().write(true).create_new(true).open(&hidden) {
            Ok(file) => return Ok((file, hidden)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.place {
            Place::Beside { file, .. } => file.write(bytes),
            Place::Memory(all) => all.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.place {
            Place::Beside { file, .. } => file.flush(),
            Place::Memory(_) => Ok(()),
        }
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Place::Beside { name, .. } = &self.place {
            // After a rename it is not there any more.
            let _ = fs::remove_file(name);
        }
    }
}
