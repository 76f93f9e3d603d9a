//! The seeds of the fuzz targets, as they are committed. What a fuzzer has added since, under the
//! names that it gives (hashes), is not for the tests: there may be any number of it.

use std::fs;
use std::path::Path;

/// The names and the bytes of one target's seeds.
pub fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let seeds = files.filter_map(|file| {
        let name = file.file_name().into_string().unwrap();
        let hash = name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        (!hash).then(|| (name, fs::read(file.path()).unwrap()))
    });
    let seeds: Vec<_> = seeds.collect();
    assert!(!seeds.is_empty(), "{target} has lost its seeds");
    seeds
}
