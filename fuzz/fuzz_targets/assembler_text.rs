#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| singletrack::vm::check::check_any_text(input));
