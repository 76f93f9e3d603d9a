#![no_main]

#[path = "../../tests/common/text_check.rs"]
mod text_check;

libfuzzer_sys::fuzz_target!(|input: &str| text_check::check_any_steps(input));
