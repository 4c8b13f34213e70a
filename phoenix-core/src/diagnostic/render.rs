//! Faults as people read them: message, place, the line with a mark, help.

use std::path::Path;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Fault, Place, Severity};

/// Whether escape sequences colour the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Style {
    /// For terminals.
    Colour,
    /// For files and pipes. The default.
    #[default]
    Plain,
}

/// One fault as text, without a line end behind it.
pub fn render(fault: &Fault, style: Style) -> String {
    let level = match fault.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut title = level.primary_title(&fault.message);
    if fault.code.starts_with("PX") {
        title = title.id(fault.code);
    }
    let mut group = Group::with_title(title);
    for (index, place) in fault.places.iter().enumerate() {
        let kind = if index == 0 {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        if place.line == 0 || place.line_text.is_empty() {
            group = group.element(origin(place));
        } else {
            group = group.element(snippet(place, kind));
        }
    }
    for note in &fault.notes {
        group = group.element(Level::NOTE.message(note));
    }
    if let Some(help) = &fault.help {
        group = group.element(Level::HELP.message(help));
    }
    let renderer = match style {
        Style::Colour => Renderer::styled(),
        Style::Plain => Renderer::plain(),
    };
    renderer.decor_style(DecorStyle::Ascii).render(&[group])
}

/// All faults as text, an empty line between two.
pub fn render_all<'f>(faults: impl IntoIterator<Item = &'f Fault>, style: Style) -> String {
    faults
        .into_iter()
        .map(|fault| render(fault, style))
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// Only the place's own line is given to the renderer: with a whole file its cost grows with the file.
fn snippet(place: &Place, kind: AnnotationKind) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
    let line = place.line_text.as_str();
    let start = line
        .char_indices()
        .nth(place.column - 1)
        .map_or(line.len(), |(at, _)| at);
    let end = (start + place.span.len()).min(line.len()).max(start);
    let end = (end..=line.len())
        .find(|at| line.is_char_boundary(*at))
        .unwrap_or(line.len());
    Snippet::source(line)
        .path(display(&place.file))
        .line_start(place.line)
        .annotation(kind.span(start..end).label(place.label.as_deref()))
}

fn origin(place: &Place) -> annotate_snippets::Origin<'_> {
    let origin = annotate_snippets::Origin::path(display(&place.file));
    if place.line == 0 {
        origin
    } else {
        origin.line(place.line).char_column(place.column)
    }
}

fn display(path: &Path) -> std::borrow::Cow<'_, str> {
    path.to_string_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_shows_the_line_with_the_place_marked() {
        let text = "{\n    \"port\": 70000\n}";
        let fault = Fault::error("port-range", "found port 70000, expected 1 to 65535")
            .at(Place::new("etc/rules.json".as_ref(), text, 14..19).with_label("here"))
            .help("ports are 16-bit numbers");
        let shown = render(&fault, Style::Plain);
        let expected = "\
error: found port 70000, expected 1 to 65535
 --> etc/rules.json:2:13
  |
2 |     \"port\": 70000
  |             ^^^^^ here
  |
  = help: ports are 16-bit numbers";
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_fault_without_text_names_the_file() {
        let fault = Fault::error("unreadable", "no such file").at(Place::file("a.json".as_ref()));
        assert!(render(&fault, Style::Plain).contains("a.json"));
    }

    #[test]
    fn a_place_at_the_end_of_a_line_with_wide_characters_is_marked() {
        let text = "ü→";
        let fault = Fault::error("x", "y").at(Place::new("a".as_ref(), text, 5..5));
        assert!(render(&fault, Style::Plain).contains("a:1:3"));
    }
}
