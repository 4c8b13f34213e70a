//! `check`: what is wrong with the site's files.

use super::Site;
use crate::check::{Findings, check};
use crate::error::Error;

impl Site {
    /// Looks at the site's files, and changes and contacts nothing.
    pub fn check(&self) -> Result<Findings, Error> {
        Ok(check(&self.model()?))
    }
}
