#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| singletrack::vm::check::check_any_bytes(input));
