//! What the environment says; only clap reads it besides (the arguments, `PHOENIX_SITE`, `PHOENIX_STATE`).

use std::ffi::OsString;

/// Where the host's programs are looked for.
pub(crate) fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_else(|| {
        OsString::from("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    })
}

/// Whether colours are unwanted (<https://no-color.org>).
pub(crate) fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Whether data was asked for, on a command line that cannot be read as a whole.
pub(crate) fn wants_json() -> bool {
    let words: Vec<OsString> = std::env::args_os().collect();
    words.iter().any(|word| word == "--output-format=json")
        || words
            .windows(2)
            .any(|pair| pair[0] == "--output-format" && pair[1] == "json")
}
