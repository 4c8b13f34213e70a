//! Configuration files from templates: what may be used, what is used, what comes out.
//!
//! Templates are Jinja's, read strictly. The names that they may use are
//! listed below; `phoenix template vars` shows them with the values of a site.
#![doc = include_str!("names.md")]

#[cfg(not(feature = "templates"))]
mod absent;
mod context;
mod edit;
#[cfg(feature = "templates")]
mod filters;
mod output;
#[cfg(feature = "templates")]
mod render;
#[cfg(feature = "templates")]
mod vars;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

#[cfg(not(feature = "templates"))]
pub use absent::{render, variables};
pub use context::{Context, FILTERS, NAMES, Named};
pub use edit::{Assignment, AssignmentError, assign, jinja_outside_quotes};
pub use output::read_output;
#[cfg(feature = "templates")]
pub use render::render;
#[cfg(feature = "templates")]
pub use vars::variables;

/// A template and those that lie beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Template {
    /// Where it lies; for messages, and the directory of what it includes.
    pub path: PathBuf,
    /// Its text.
    pub source: String,
    /// What it may include: text by file name.
    pub beside: BTreeMap<String, String>,
}

impl Template {
    /// A template that includes nothing.
    pub fn new(path: impl Into<PathBuf>, source: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            source: source.into(),
            beside: BTreeMap::new(),
        }
    }

    /// Whether it may need what lies beside it.
    pub fn includes(source: &str) -> bool {
        ["include", "import", "extends"]
            .iter()
            .any(|word| source.contains(word))
    }

    /// Path and text of the template and of all that it may include.
    pub fn files(&self) -> impl Iterator<Item = (PathBuf, &str)> {
        let beside = self.beside.keys().map(|name| self.file(Some(name)));
        std::iter::once((self.path.clone(), self.source.as_str())).chain(beside)
    }

    #[cfg(feature = "templates")]
    fn name(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// Path and text of the file that the engine knows by this name.
    fn file(&self, name: Option<&str>) -> (PathBuf, &str) {
        match name.and_then(|name| self.beside.get_key_value(name)) {
            Some((name, source)) => {
                let dir = self.path.parent().unwrap_or(Path::new(""));
                (dir.join(name), source)
            }
            None => (self.path.clone(), &self.source),
        }
    }
}

/// A name that a template uses.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Variable {
    /// The name, dotted.
    pub name: String,
    /// The file that uses it.
    pub file: PathBuf,
    /// The first line there that does; absent where the name is put together only while it is rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Its value; absent when the site has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// Where the value comes from, in words; absent for a name that no site defines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}
