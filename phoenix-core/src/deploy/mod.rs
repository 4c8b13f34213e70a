//! Deployment: a certificate and its key reach the place where they are served from as one unit.
//!
//! A pair lives in a version directory, `current` names the version, and the paths that programs know are relative
//! links through `current`: one rename swaps both files, and no state on the disk is ever half a pair.

mod commit;
mod earlier;
mod installed;
mod layout;
mod pair;
mod version;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod tests;

pub use commit::commit_all;
pub use earlier::{Version, versions};
pub use installed::{Drift, Installed, read_installed};
pub use layout::{
    Arrangement, CA_FILE, CERT_FILE, CURRENT, KEY_FILE, Layout, PREVIOUS, PairLink, STORE,
    SUMS_FILE, is_version_name, pair_layout, pair_layout_plain,
};
pub use pair::{Committed, DeployError, PairTarget, Staged, check, stage, stage_version};
