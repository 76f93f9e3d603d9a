//! What several examples have in common: a command line of one word, or of none.

/// Whether `flag` was given. Any other word ends the program with the usage.
pub fn flag(flag: &str) -> bool {
    let mut given = false;
    for word in std::env::args_os().skip(1) {
        if word != flag {
            eprintln!("`{}`: give nothing, or {flag}", word.display());
            std::process::exit(2);
        }
        given = true;
    }
    given
}
