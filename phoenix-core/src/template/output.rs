//! What comes out of a template: read before it is written, as what its name says it is.

use std::path::{Path, PathBuf};

use crate::diagnostic::Faults;
use crate::document::{Document, Format};

/// Sees that what came out of a template is what `format` says; plain text is always right.
///
/// # Errors
///
/// Its faults; their places are those of the output, which is called like the template with `.rendered` behind.
pub fn read_output(path: &Path, text: &str, format: Option<Format>) -> Result<(), Faults> {
    let Some(format) = format else {
        return Ok(());
    };
    let mut shown = path.as_os_str().to_owned();
    shown.push(".rendered");
    let document = Document::parse(&PathBuf::from(shown), text.as_bytes().to_vec(), format);
    document.map(drop).map_err(|found| {
        let mut faults = Faults::new();
        for fault in found {
            faults.push(fault.note("the places are those of the text that the template makes"));
        }
        faults
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_not_what_its_name_says_is_refused_with_its_place() {
        let path: &Path = "etc/a.yml.template".as_ref();
        let faults = read_output(path, "a: 1\nb: [\n", Some(Format::Yaml)).unwrap_err();
        let text = faults.to_string();
        assert!(text.starts_with("etc/a.yml.template.rendered:"), "{text}");
        assert!(read_output(path, "a: 1\n", Some(Format::Yaml)).is_ok());
        assert!(read_output(path, "{", None).is_ok());
    }
}
