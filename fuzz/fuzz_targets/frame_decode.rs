#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| singletrack::process::frame::check_any_bytes(input));
