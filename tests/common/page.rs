//! A file of the repository, for tables that say where something is shown.

use std::fs;

/// Its text; `path` is counted from the top of the repository.
pub fn page(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}
