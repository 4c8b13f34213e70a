//! `edit` and `template set`: single files of the site, by pointer or by dotted key.

use std::path::{Path, PathBuf};

use super::{ChangeOptions, Site};
use crate::change::{ChangeReport, FileEdit};
use crate::diagnostic::{Fault, Place};
use crate::document::{Document, Format, Operation, operate};
use crate::error::Error;
use crate::template::{Assignment, assign};

impl Site {
    /// Makes all operations in one file as one edit; `format` is by the file's ending where it is `None`.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with every pointer that names nothing, or what cannot be edited safely; [`Error::Faults`] when
    /// the file cannot be read; otherwise those of [`Site::change`].
    pub fn edit(
        &self,
        path: &Path,
        format: Option<Format>,
        operations: &[Operation],
        options: ChangeOptions,
    ) -> Result<ChangeReport, Error> {
        let format = match format {
            Some(format) => format,
            None => Format::of(path).ok_or_else(|| unknown_notation(path))?,
        };
        self.change("edit", options, |site| {
            let before = site.document(path, format)?;
            edited(before, operations)
        })
    }

    /// Makes the assignments true in a template; with `add`, keys that are not there are made.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with keys that are not there, and Jinja that makes the text another one than it seems;
    /// [`Error::Faults`] when the file cannot be read; otherwise those of [`Site::change`].
    pub fn set_in_template(
        &self,
        path: &Path,
        assignments: &[Assignment],
        add: bool,
        options: ChangeOptions,
    ) -> Result<ChangeReport, Error> {
        self.change("template set", options, |site| {
            let before = site.document(path, Format::Yaml)?;
            let operations = assign(&before, assignments, add).map_err(Error::Refused)?;
            edited(before, &operations)
        })
    }

    /// Which file a path means: a relative one that of the site, and where there is none, that beneath `working_dir`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when the site's directory cannot be looked into.
    pub fn locate(&self, path: &Path, working_dir: Option<&Path>) -> Result<PathBuf, Error> {
        let of_site = self.paths.site.join(path);
        let elsewhere = working_dir.map(|dir| dir.join(path));
        match elsewhere {
            Some(elsewhere)
                if self.root.stat(&of_site)?.is_none() && self.root.stat(&elsewhere)?.is_some() =>
            {
                Ok(elsewhere)
            }
            _ => Ok(of_site),
        }
    }
}

fn edited(before: Document, operations: &[Operation]) -> Result<Vec<FileEdit>, Error> {
    let (after, reasons) = operate(&before, operations).map_err(Error::Refused)?;
    Ok(vec![FileEdit {
        before,
        after,
        reasons,
    }])
}

fn unknown_notation(path: &Path) -> Error {
    let fault = Fault::error(
        "unknown-notation",
        "found a file of another kind, expected one whose name ends in .json, .yml, .yaml or .toml",
    )
    .at(Place::file(path))
    .help("`--format` says how to read it");
    Error::Refused(fault.into())
}
