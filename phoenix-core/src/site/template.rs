//! `template render` and `template vars`: any file from a template, with the names that the site defines.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{ChangeOptions, Site};
use crate::answers::{RenderReport, SiteName};
use crate::change::{ChangeReport, FileChange};
use crate::diagnostic::Faults;
use crate::document::{Format, unified_diff};
use crate::error::Error;
use crate::model::{SourceFile, template_text};
use crate::names::FileMode;
use crate::system::{Attributes, Change, Expect, FileDigest, FileKind, SiteLock};
use crate::template::{Context, NAMES, Template, Variable, read_output, render, variables};

/// How a template is rendered.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made with `..Default::default()`"
)]
pub struct RenderOptions {
    /// Where the text goes; nothing is written without it.
    pub out: Option<PathBuf>,
    /// What it must be; by the ending of `out`, else of the template, when absent. Other endings are plain text.
    pub format: Option<Format>,
    /// Values beside those of the site, which they win over.
    pub set: Context,
    /// Writing it.
    pub change: ChangeOptions,
}

impl Site {
    /// Renders a template; with `out` the text replaces that file, whose mode and owner stay.
    ///
    /// # Errors
    ///
    /// [`Error::Template`] for what is undefined in the template or in what it includes, and for text that is not what its
    /// name says. Nothing is written then.
    pub fn render_template(
        &self,
        path: &Path,
        options: &RenderOptions,
    ) -> Result<RenderReport, Error> {
        let _lock = self.lock_for_render(options)?;
        let template = self.template(path)?;
        let context = self.context_with(&options.set)?;
        let text = render(&template, &context).map_err(|fault| faulty(path, *fault))?;
        let format = options
            .format
            .or_else(|| Format::of(options.out.as_deref()?))
            .or_else(|| Format::of(&template.path));
        read_output(&template.path, &text, format).map_err(|faults| faulty(path, faults))?;
        let from = format!("rendered from {}", template.path.display());
        self.written_out(text, &from, options)
    }

    /// Makes Traefik's dynamic file from the guests' `traefik_service` entries; with `out` it replaces that file.
    ///
    /// # Errors
    ///
    /// [`Error::Faults`] for guests that cannot be routed to, [`Error::Argument`] where no guest runs Traefik with a
    /// provider of files.
    pub fn render_routes(&self, options: &RenderOptions) -> Result<RenderReport, Error> {
        let _lock = self.lock_for_render(options)?;
        let Some(made) = self.model()?.dynamic_file() else {
            return Err(Error::Argument(
                "Traefik's static file names no place for dynamic files (`providers.file`), so there are no routes to make"
                    .to_owned(),
            ));
        };
        let (_, file) = made?;
        self.written_out(file.text, "made from the guests' traefik_service", options)
    }

    fn lock_for_render(&self, options: &RenderOptions) -> Result<Option<SiteLock>, Error> {
        let dry_run = options.change.dry_run || options.out.is_none();
        self.lock_for_edit(dry_run, options.change.lock_timeout)
    }

    /// A text that was made, written where that was asked for.
    fn written_out(
        &self,
        text: String,
        from: &str,
        options: &RenderOptions,
    ) -> Result<RenderReport, Error> {
        let mut report = RenderReport {
            text: None,
            change: ChangeReport {
                files: Vec::new(),
                written: false,
            },
        };
        let Some(out) = &options.out else {
            report.text = Some(text);
            return Ok(report);
        };
        let found = self.root.read_optional(out)?;
        if found.as_deref() == Some(text.as_bytes()) {
            return Ok(report);
        }
        let before = found
            .as_deref()
            .map(String::from_utf8_lossy)
            .unwrap_or_default();
        report.change.files.push(FileChange {
            path: out.clone(),
            reasons: vec![from.to_owned()],
            notes: Vec::new(),
            diff: unified_diff(out, &before, &text, DIFF_CONTEXT),
        });
        if !options.change.dry_run {
            let change = Change::Replace {
                path: out.clone(),
                content: crate::secret::Secret::new(text.into_bytes()).into(),
                attributes: Attributes::default(),
                expect: match &found {
                    Some(bytes) => Expect::Content(FileDigest::of(bytes)),
                    None => Expect::Absent,
                },
            };
            if let Some(dir) = out.parent().filter(|dir| !dir.as_os_str().is_empty())
                && self.root.stat(dir)?.is_none()
            {
                self.root.create_dir_all(dir, FileMode::new(0o755))?;
            }
            self.commit("template render", &[], vec![change])?;
            report.change.written = true;
        }
        Ok(report)
    }

    /// What a template and what it includes need, where each value comes from, and what is missing.
    ///
    /// # Errors
    ///
    /// When it is no template, or cannot be read.
    pub fn template_variables(&self, path: &Path, set: &Context) -> Result<Vec<Variable>, Error> {
        let template = self.template(path)?;
        let given: BTreeSet<String> = set.keys().cloned().collect();
        let context = self.context_with(set)?;
        variables(&template, &context, &given).map_err(|fault| faulty(path, *fault))
    }

    /// Every name that this site's templates may use, with its value; those of guests once for each guest.
    ///
    /// # Errors
    ///
    /// When the site's files cannot be read.
    pub fn template_names(&self) -> Result<Vec<SiteName>, Error> {
        let context = self.model()?.context();
        let mut names = Vec::new();
        for row in NAMES {
            let mut push = |name: String, value: Option<&serde_json::Value>| {
                names.push(SiteName {
                    name,
                    value: value.cloned(),
                    what: row.what.to_owned(),
                    from: row.from.to_owned(),
                });
            };
            match row.name.strip_prefix("guests.ID.") {
                None => push(row.name.to_owned(), context.get(row.name)),
                Some(field) => {
                    let guests = context.get("guests").and_then(|guests| guests.as_object());
                    for (id, guest) in guests.into_iter().flatten() {
                        push(format!("guests.{id}.{field}"), guest.get(field));
                    }
                }
            }
        }
        Ok(names)
    }

    fn context_with(&self, set: &Context) -> Result<Context, Error> {
        let mut context = self.model()?.context();
        context.extend(set.clone());
        Ok(context)
    }

    fn template(&self, path: &Path) -> Result<Template, Error> {
        let bytes = self.root.read_limited(path, LIMIT)?;
        let file = SourceFile {
            path: path.to_owned(),
            bytes,
        };
        let beside = self.beside(&file)?;
        template_text(file, beside).map_err(|faults| faulty(path, faults))
    }

    /// The files in a template's directory that it names, and those that they name; it can include no others.
    pub(super) fn beside(&self, template: &SourceFile) -> Result<Vec<SourceFile>, Error> {
        let mut files: Vec<SourceFile> = Vec::new();
        if !Template::includes(&String::from_utf8_lossy(&template.bytes)) {
            return Ok(files);
        }
        let dir = template.path.parent().unwrap_or(Path::new("/"));
        let mut left: Vec<PathBuf> = Vec::new();
        for name in self.root.list(dir)? {
            let path = dir.join(name);
            let facts = self.root.stat(&path)?;
            if path != template.path && facts.is_some_and(|facts| facts.kind == FileKind::File) {
                left.push(path);
            }
        }
        let mut texts = vec![template.bytes.clone()];
        while let Some(text) = texts.pop() {
            let (named, others) = left.into_iter().partition(|path: &PathBuf| {
                let name = path.file_name().unwrap_or_default().as_encoded_bytes();
                text.windows(name.len()).any(|part| part == name)
            });
            left = others;
            for path in named {
                let bytes = self.root.read_limited(&path, LIMIT)?;
                texts.push(bytes.clone());
                files.push(SourceFile { path, bytes });
            }
        }
        Ok(files)
    }
}

fn faulty(path: &Path, faults: impl Into<Faults>) -> Error {
    Error::Template {
        path: path.to_owned(),
        faults: faults.into(),
    }
}

/// A template is a few kilobytes; what is much larger is another file.
const LIMIT: u64 = 4 << 20;
const DIFF_CONTEXT: usize = 3;
