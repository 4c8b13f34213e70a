//! How the site stands.

use super::{Site, SyncOptions};
use crate::error::Error;
use crate::report::{SiteStatus, status};

impl Site {
    /// Looks at every certificate and its places, and at what is pending. Writes nothing.
    pub fn status(&self) -> Result<SiteStatus, Error> {
        let model = self.model()?;
        let work = self.work(&model, &SyncOptions::default(), false)?;
        let last_run = self.store().last_run()?;
        Ok(status(&model, &work.inventory, &work.plan, last_run))
    }
}
