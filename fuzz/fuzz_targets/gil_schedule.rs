#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| singletrack::gil::check::check_any_schedule(input));
