//! The old bash scripts that Phoenix stands in for: which there are, what stands in their place, who calls them.
//!
//! A shim is a short script in an old one's place that callers notice only by its true exit status. It says in one line
//! whose place it takes, the digest of the script that was there, and its own digest; so a shim, an edited shim and a script
//! are told apart by their text alone, and nothing has to be remembered elsewhere.

mod callers;
mod catalogue;
mod report;
mod shim;

pub use callers::{Caller, How, Text, callers};
pub use catalogue::{CATALOGUE, Script, ScriptError, Where};
pub use report::{Act, Differs, Listed, Move, ScriptDiff, ScriptReport, State};
pub use shim::{Facts, Marked, kept_beside, mark_of, render, turns};

#[cfg(test)]
mod tests;
