//! Configuration files from templates, strictly: what is undefined is an error.

mod edit;

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};

pub use edit::{Assignment, AssignmentError, assign};

use crate::diagnostic::{Fault, Place};

/// The values that a template may use, by name.
pub type Context = BTreeMap<String, serde_json::Value>;

/// Renders one template.
///
/// Nothing is escaped, a last newline stays as it is, an undefined variable is a fault with its line and name, and a
/// template that loops for ever is stopped.
///
/// ```
/// use phoenix_core::template::{Context, render};
///
/// let context = Context::from([("domain".to_owned(), "internal.example".into())]);
/// let text = render("a.yml.template".as_ref(), "host: {{ domain }}", &context).unwrap();
/// assert_eq!(text, "host: internal.example");
/// assert!(render("a.yml.template".as_ref(), "host: {{ domian }}", &context).is_err());
/// ```
pub fn render(path: &Path, source: &str, context: &Context) -> Result<String, Box<Fault>> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_syntax(
        minijinja::syntax::SyntaxConfig::builder()
            .keep_trailing_newline(true)
            .build()
            .unwrap_or_default(),
    );
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    let name = path.to_string_lossy();
    environment
        .add_template(&name, source)
        .and_then(|()| {
            environment
                .get_template(&name)?
                .render(minijinja::value::Serde(context))
        })
        .map_err(|error| Box::new(fault(path, source, &error, context)))
}

/// Instructions that a template may spend; configuration files need a few thousand.
const FUEL: u64 = 5_000_000;

fn fault(path: &Path, source: &str, error: &minijinja::Error, context: &Context) -> Fault {
    let line = error.line().unwrap_or(1);
    let line_start: usize = source
        .split_inclusive('\n')
        .take(line - 1)
        .map(str::len)
        .sum();
    let span = error.range().unwrap_or(line_start..line_start);
    let name = source.get(span.clone()).unwrap_or_default().trim();
    let (code, message) = match error.kind() {
        minijinja::ErrorKind::UndefinedError => (
            "template-undefined",
            format!("found the undefined name `{name}`, expected one that the site defines"),
        ),
        minijinja::ErrorKind::OutOfFuel => (
            "template-endless",
            "stopped the template, which does more work than a configuration file needs".to_owned(),
        ),
        _ => (
            "template",
            error
                .detail()
                .map_or_else(|| error.kind().to_string(), ToOwned::to_owned),
        ),
    };
    let fault = Fault::error(code, message).at(Place::new(path, source, span));
    match crate::diagnostic::nearest(name, context.keys().map(String::as_str)) {
        Some(known) if error.kind() == minijinja::ErrorKind::UndefinedError => {
            fault.help(format!("the nearest defined name is `{known}`"))
        }
        _ => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render_text(source: &str) -> Result<String, Box<Fault>> {
        let context = Context::from([("domain".to_owned(), "internal.example".into())]);
        render("etc/t.yml.template".as_ref(), source, &context)
    }

    #[test]
    fn text_without_jinja_comes_out_byte_for_byte() {
        for text in [
            "a: \"b\" # <c> & 'd'",
            "a: 1\r\nb: 2\r\n",
            "x: |\n  y\n\n",
            "",
        ] {
            assert_eq!(render_text(text).unwrap(), text);
        }
    }

    #[test]
    fn an_undefined_name_is_reported_with_line_and_name() {
        let fault = render_text("a: 1\nb: {{ domian }}\n").unwrap_err();
        assert_eq!(fault.code, "template-undefined");
        assert!(
            fault.to_string().starts_with("etc/t.yml.template:2:"),
            "{fault}"
        );
        assert!(fault.message.contains("domian"), "{fault}");
        assert_eq!(
            fault.help.as_deref(),
            Some("the nearest defined name is `domain`")
        );
    }

    #[test]
    fn syntax_errors_and_endless_templates_are_faults() {
        assert!(
            render_text("{% if %}")
                .unwrap_err()
                .to_string()
                .contains("t.yml.template:1")
        );
        let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}";
        assert_eq!(render_text(endless).unwrap_err().code, "template-endless");
    }
}
