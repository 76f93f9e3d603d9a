#![no_main]

#[path = "../../tests/common/frame_check.rs"]
mod frame_check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| frame_check::check_any_bytes(input));
