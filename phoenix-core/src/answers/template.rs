//! What `template render` and `template vars` answer.

use serde::Serialize;

use crate::change::ChangeReport;

/// What came out of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RenderReport {
    /// The text, where it was asked for and not written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The file that changed, where there is one.
    #[serde(flatten)]
    pub change: ChangeReport,
}

/// A name that templates may use, with its value on this site.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SiteName {
    /// The name, dotted.
    pub name: String,
    /// Its value; absent where the site has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// What it is.
    pub what: String,
    /// Where its value comes from.
    pub from: String,
}
