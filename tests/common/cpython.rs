//! A CPython 3.12 to compare with, if the machine has one.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The first CPython 3.12 on `PATH` or in pyenv.
pub fn cpython() -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv"));
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(home)?;
    let versions = std::fs::read_dir(root.join("versions")).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|v| v.path().join("bin/python3")).collect();
    found.extend(["python3.12", "python3"].map(PathBuf::from));
    found.into_iter().find(|path| {
        let version = Command::new(path).arg("--version").stderr(Stdio::null()).output();
        version.is_ok_and(|output| output.stdout.starts_with(b"Python 3.12"))
    })
}
