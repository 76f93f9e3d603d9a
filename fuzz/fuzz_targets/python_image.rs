#![no_main]

#[path = "../../tests/common/image_check.rs"]
mod image_check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| image_check::check_any_image(input));
