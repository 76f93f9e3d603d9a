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
    let config = Config::default();
    // What does not fit a property is as frequent among more cases.
    let max_global_rejects = config.max_global_rejects * (config.cases / 256).max(1);
    Config { cases: in_proportion(usual), max_global_rejects, failure_persistence: None, ..config }
}
