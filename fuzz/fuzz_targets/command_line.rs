#![no_main]

#[path = "../../tests/common/words_check.rs"]
mod words_check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| words_check::check_any_words(input));
