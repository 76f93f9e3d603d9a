//! How many cases a property has that is dearer, or cheaper, than most.

#![allow(dead_code)] // each test file uses its own part

use proptest::test_runner::Config;

/// So many; and in proportion if `PROPTEST_CASES` asks for more or fewer than the usual 256.
pub fn in_proportion(usual: u32) -> u32 {
    let asked = u64::from(Config::default().cases);
    (u64::from(usual) * asked / 256).clamp(1, u32::MAX.into()) as u32
}

/// A configuration with so many cases, [in proportion](in_proportion).
pub fn cases(usual: u32) -> Config {
    Config { cases: in_proportion(usual), failure_persistence: None, ..Config::default() }
}
