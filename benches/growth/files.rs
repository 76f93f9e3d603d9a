//! `singletrack compare files` on a folder of so many small files.

use crate::sample::{Meter, Sample, fullest_child};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A folder that is gone at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The command, from its start to its end, with one model and one round.
pub fn files(count: u64) -> Sample {
    let name = format!("singletrack-growth-{}", std::process::id());
    let folder = Folder(std::env::temp_dir().join(name));
    for number in 0..count {
        // A thousand in a folder.
        let inner = folder.0.join((number / 1000).to_string());
        if number % 1000 == 0 {
            fs::create_dir_all(&inner).expect("a folder");
        }
        fs::write(inner.join(number.to_string()), format!("{number} and so on")).expect("a file");
    }
    let meter = Meter::start();
    let status = Command::new(env!("CARGO_BIN_EXE_singletrack"))
        .args(["compare", "files"])
        .arg(&folder.0)
        .args(["--model", "sequential", "--rounds", "1"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.expect("the command").success());
    Sample { bytes: fullest_child(), ..meter.stop(count) }
}
