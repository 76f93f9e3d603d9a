#![no_main]

#[path = "../../tests/common/http_check.rs"]
mod http_check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| http_check::check_any_answer(input));
