//! `manifest`: its entries shown, added, changed and removed.

use std::path::Path;

use super::{ChangeOptions, Site};
use crate::change::{ChangeReport, FileEdit};
use crate::document::{Document, Format};
use crate::error::Error;
use crate::manifest::{self, Assignment, Manifest, ManifestEditError, ResolvedManifest};
use crate::names::CommonName;
use crate::settings::Settings;

impl Site {
    /// The manifest's entries with every default resolved; only the one of this name when one is given.
    ///
    /// # Errors
    ///
    /// [`Error::Faults`] with all faults of the manifest and the settings; [`Error::ManifestEdit`] when there is no
    /// such entry.
    pub fn manifest_show(&self, name: Option<&CommonName>) -> Result<ResolvedManifest, Error> {
        let document = self.manifest_document()?;
        let manifest = Manifest::decode(&document)?;
        let settings = match self.optional("etc/phoenix.toml")? {
            None => Settings::default(),
            Some(file) => {
                Settings::decode(&Document::parse(&file.path, file.bytes, Format::Toml)?)?
            }
        };
        let all = ResolvedManifest::of(&manifest, settings.renew_before, settings.keep.0);
        match name {
            None => Ok(all),
            Some(name) => Ok(all.only(name)?),
        }
    }

    /// Adds an entry; nothing when there is one that says all of this already.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestEdit`] when there is another entry of that name, or when the manifest would be faulty.
    pub fn manifest_add(
        &self,
        name: &CommonName,
        fields: &[Assignment],
        options: ChangeOptions,
    ) -> Result<ChangeReport, Error> {
        self.edit_manifest(&format!("manifest add {name}"), options, |document| {
            manifest::add(document, name, fields)
        })
    }

    /// Changes fields of an entry.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestEdit`] when there is no such entry, or when the manifest would be faulty.
    pub fn manifest_set(
        &self,
        name: &CommonName,
        fields: &[Assignment],
        options: ChangeOptions,
    ) -> Result<ChangeReport, Error> {
        self.edit_manifest(&format!("manifest set {name}"), options, |document| {
            manifest::set(document, name, fields)
        })
    }

    /// Takes an entry out; its files stay where they are.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestEdit`] when there is no such entry, or when another one waits for it.
    pub fn manifest_remove(
        &self,
        name: &CommonName,
        options: ChangeOptions,
    ) -> Result<ChangeReport, Error> {
        self.edit_manifest(&format!("manifest remove {name}"), options, |document| {
            manifest::remove(document, name)
        })
    }

    fn edit_manifest(
        &self,
        what: &str,
        options: ChangeOptions,
        edit: impl FnOnce(&Document) -> Result<FileEdit, ManifestEditError>,
    ) -> Result<ChangeReport, Error> {
        self.change(what, options, |site| {
            Ok(vec![edit(&site.manifest_document()?)?])
        })
    }

    fn manifest_document(&self) -> Result<Document, Error> {
        self.document(Path::new(MANIFEST), Format::Json)
    }
}

/// The manifest, below the site.
pub(super) const MANIFEST: &str = "etc/certificate-manifest.json";
