#![no_main]

#[path = "../../tests/common/gil_check.rs"]
mod gil_check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| gil_check::check_any_schedule(input));
