//! The step CLI's own files, for scripts that still call `step`: the root and where the CA is.

use std::path::Path;

use super::bootstrap::new_file;
use super::{ChangeOptions, Site, authority};
use crate::change::{ChangeReport, FileChange, FileEdit};
use crate::document::{Document, Format, Operation, Value, operate, unified_diff};
use crate::error::Error;
use crate::names::FileMode;
use crate::secret::Secret;
use crate::settings::CaChoice;
use crate::system::{Attributes, Change, Expect, FileDigest};
use crate::x509::Anchor;

impl Site {
    /// Writes `config/defaults.json` and `certs/root_ca.crt` into the step CLI's directory, as `step ca bootstrap` does.
    ///
    /// The root is the site's, pinned; the CA itself is not asked. Other keys of an existing `defaults.json` stay.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] where the site has no step-ca, otherwise those of the root and of [`Site::change`].
    pub fn step_files(&self, dir: &Path, options: ChangeOptions) -> Result<ChangeReport, Error> {
        let CaChoice::StepCa(choice) = self.ca_choice()? else {
            return Err(Error::Argument(
                "the site has no step-ca, so there is nothing that the step CLI could be told"
                    .to_owned(),
            ));
        };
        let _lock = self.lock_for_edit(options.dry_run, options.lock_timeout)?;
        let writes = !options.dry_run;
        let anchor = authority::trusted_root(self, &choice.roots, choice.fingerprint, writes)?;
        let root = dir.join("certs/root_ca.crt");
        let (mut files, mut extra, mut edits) = (Vec::new(), Vec::new(), Vec::new());
        let pem = String::from_utf8_lossy(&anchor.to_pem()).into_owned();
        match self.root.read_optional(&root)? {
            Some(there) if Anchor::from_pem(&there).is_ok_and(|there| there == anchor) => {}
            Some(there) => {
                files.push(FileChange {
                    path: root.clone(),
                    reasons: vec!["the CA's root".to_owned()],
                    notes: Vec::new(),
                    diff: unified_diff(&root, &String::from_utf8_lossy(&there), &pem, 3),
                });
                extra.push(Change::Replace {
                    path: root.clone(),
                    content: Secret::from(pem).into(),
                    attributes: Attributes::default(),
                    expect: Expect::Content(FileDigest::of(&there)),
                });
            }
            None => new_file(&root, pem, "the CA's root", &mut files, &mut extra),
        }
        let url = choice.urls.first().cloned().unwrap_or_default();
        let wanted = [
            ("ca-url", url),
            ("fingerprint", anchor.fingerprint.to_string()),
            ("root", root.to_string_lossy().into_owned()),
        ];
        let defaults = dir.join("config/defaults.json");
        if let Some(bytes) = self.root.read_optional(&defaults)? {
            let before = Document::parse(&defaults, bytes, Format::Json)?;
            let operations: Vec<Operation> = wanted
                .iter()
                .map(|(key, value)| {
                    let (pointer, value) = (format!("/{key}"), Value::String(value.clone()));
                    match before.root().get(key) {
                        Some(_) => Operation::Set { pointer, value },
                        None => Operation::Insert {
                            pointer,
                            value,
                            beside: None,
                        },
                    }
                })
                .collect();
            let (after, reasons) = operate(&before, &operations).map_err(Error::Refused)?;
            let edit = FileEdit {
                before,
                after,
                reasons,
            };
            if edit.changes() {
                files.push(edit.shown(&self.root)?);
                edits.push(edit);
            }
        } else {
            let lines: Vec<String> = wanted
                .iter()
                .map(|(key, value)| format!("  \"{key}\": {}", serde_json::json!(value)))
                .collect();
            let text = format!("{{\n{},\n  \"redirect-url\": \"\"\n}}\n", lines.join(",\n"));
            new_file(&defaults, text, "where the CA is", &mut files, &mut extra);
        }
        let written = writes && !files.is_empty();
        if written {
            for path in [&root, &defaults] {
                if let Some(parent) = path.parent() {
                    self.root.create_dir_all(parent, FileMode::new(0o700))?;
                }
            }
            self.commit("ca step-files", &edits, extra)?;
        }
        Ok(ChangeReport { files, written })
    }
}
