#![no_main]

#[path = "../../tests/common/vm_check.rs"]
mod vm_check;

libfuzzer_sys::fuzz_target!(|input: &str| vm_check::check_any_text(input));
