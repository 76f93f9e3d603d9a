#![no_main]

#[allow(dead_code)]
#[path = "../../tests/common/python_check.rs"]
mod python_check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| python_check::check_any_threads(input));
