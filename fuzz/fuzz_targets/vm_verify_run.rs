#![no_main]

#[path = "../../tests/common/vm_check.rs"]
mod vm_check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| vm_check::check_any_bytes(input));
