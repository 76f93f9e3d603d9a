#![no_main]

#[path = "../../tests/model/mod.rs"]
mod model;

libfuzzer_sys::fuzz_target!(|input: &[u8]| model::orders::check_bytes(input));
