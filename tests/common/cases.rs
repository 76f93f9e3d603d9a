//! How many cases a property has that is dearer, or cheaper, than most.

use proptest::test_runner::Config;

/// So many; and in proportion if `PROPTEST_CASES` asks for more or fewer than the usual 256.
pub fn cases(usual: u32) -> Config {
    let config = Config::default();
    let cases = (u64::from(usual) * u64::from(config.cases) / 256).max(1) as u32;
    Config { cases, failure_persistence: None, ..config }
}
