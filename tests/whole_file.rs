//! Files that are written beside and renamed: whatever goes wrong, the earlier one is there.
#![cfg(feature = "cli")]

use singletrack::lab::report::whole_file::WholeFile;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// A directory of its own for one test, gone when the test has passed.
fn scratch(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_as_it_was_until_the_new_one_is_whole() {
    let directory = scratch("whole-file");
    let path = directory.join("page");
    fs::write(&path, "yesterday").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let mut file = WholeFile::create(&path).unwrap();
    file.write_all(b"half of ").unwrap();
    file.flush().unwrap();
    drop(file);
    assert_eq!(fs::read_to_string(&path).unwrap(), "yesterday");
    assert_eq!(names(&directory), ["page"], "and nothing stays beside it");
    let mut file = WholeFile::create(&path).unwrap();
    file.write_all(b"today").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "yesterday");
    file.finish().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "today");
    assert_eq!(names(&directory), ["page"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_link_still_leads_where_it_led() {
    let directory = scratch("whole-file-link");
    let (path, link) = (directory.join("page"), directory.join("link"));
    fs::write(&path, "yesterday").unwrap();
    symlink("page", &link).unwrap();
    let mut file = WholeFile::create(&link).unwrap();
    file.write_all(b"today").unwrap();
    file.finish().unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&path).unwrap(), "today");
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn what_is_no_file_is_written_and_not_replaced() {
    let mut file = WholeFile::create(Path::new("/dev/full")).unwrap();
    file.write_all(b"more than a full disk takes").unwrap();
    assert_eq!(file.finish().unwrap_err().raw_os_error(), Some(libc::ENOSPC));
    let mut file = WholeFile::create(Path::new("/dev/null")).unwrap();
    file.write_all(b"gone").unwrap();
    file.finish().unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn what_cannot_be_written_is_refused_at_once() {
    let directory = scratch("whole-file-refused");
    let refused = |path: &Path| WholeFile::create(path).unwrap_err().raw_os_error();
    assert_eq!(refused(&directory), Some(libc::EISDIR));
    assert_eq!(refused(&directory.join("no/page")), Some(libc::ENOENT));
    assert_eq!(names(&directory), Vec::<String>::new());
    fs::remove_dir_all(&directory).unwrap();
}
