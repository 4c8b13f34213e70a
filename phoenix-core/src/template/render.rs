//! Rendering, strictly: what is undefined is an error with its place, and what never ends is stopped.

use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};

use super::{Context, Template, filters};
use crate::diagnostic::{Fault, Place, nearest};

/// Renders one template.
///
/// Nothing is escaped, a last newline stays as it is, an undefined variable is a fault with its line and name, and a
/// template that loops for ever or makes more than a few megabytes is stopped. Templates beside it can be included by
/// their file names.
///
/// ```
/// use phoenix_core::template::{Context, Template, render};
///
/// let context = Context::from([("domain".to_owned(), "internal.example".into())]);
/// let template = Template::new("a.yml.template", "host: {{ domain }}");
/// assert_eq!(render(&template, &context).unwrap(), "host: internal.example");
/// assert!(render(&Template::new("a.yml.template", "host: {{ domian }}"), &context).is_err());
/// ```
pub fn render(template: &Template, context: &Context) -> Result<String, Box<Fault>> {
    let environment =
        environment(template).map_err(|error| Box::new(fault(template, &error, context)))?;
    environment
        .get_template(&template.name())
        .and_then(|main| main.render(minijinja::value::Serde(context)))
        .map_err(|error| Box::new(fault(template, &error, context)))
}

/// An environment that knows the template and those beside it.
pub(super) fn environment(template: &Template) -> Result<Environment<'_>, minijinja::Error> {
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
    filters::add(&mut environment);
    for (name, source) in &template.beside {
        environment.add_template(name, source)?;
    }
    environment.add_template_owned(template.name(), template.source.as_str())?;
    Ok(environment)
}

fn fault(template: &Template, error: &minijinja::Error, context: &Context) -> Fault {
    // A fault inside an included template is told by its own place; the error that wraps it only says that it was included.
    let error = std::iter::successors(Some(error), |error| {
        std::error::Error::source(*error)?.downcast_ref()
    })
    .filter(|error| error.kind() != ErrorKind::BadInclude)
    .last()
    .unwrap_or(error);
    let (path, source) = template.file(error.name());
    let start = line_start(source, error.line().unwrap_or(1));
    let span = error
        .range()
        .filter(|span| source.get(span.clone()).is_some())
        .unwrap_or(start..start);
    let name = source.get(span.clone()).unwrap_or_default().trim();
    let place = Place::new(&path, source, span.clone());
    let fault = match error.kind() {
        ErrorKind::UndefinedError => {
            let fault = Fault::error(
                "template-undefined",
                format!("found the undefined name `{name}`, expected one that the site defines"),
            );
            match nearest(name, context.keys().map(String::as_str)) {
                Some(known) => fault.help(format!("the nearest defined name is `{known}`")),
                None => fault.help("`phoenix template vars` lists the names that there are"),
            }
        }
        ErrorKind::OutOfFuel => Fault::error(
            "template-endless",
            "stopped the template, which does more work or makes more text than a configuration file needs",
        ),
        ErrorKind::TemplateNotFound => Fault::error(
            "template-include",
            format!(
                "{}, expected the name of a file in the template's own directory",
                error.detail().unwrap_or("there is no such template")
            ),
        ),
        kind => Fault::error(
            "template",
            error
                .detail()
                .map_or_else(|| kind.to_string(), ToOwned::to_owned),
        ),
    };
    fault.at(place)
}

/// Where a line begins; the first is 1.
pub(super) fn line_start(source: &str, line: usize) -> usize {
    source
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum()
}

/// What a template may spend: so many instructions, or 64 bytes made for each, so 16 MB. Configuration files need a few
/// thousand.
const FUEL: u64 = 250_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn render_text(source: &str) -> Result<String, Box<Fault>> {
        let context = Context::from([("domain".to_owned(), "internal.example".into())]);
        render(&Template::new("etc/t.yml.template", source), &context)
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

    #[test]
    fn a_template_that_makes_a_gigabyte_is_stopped() {
        for greedy in [
            "{% set ns = namespace(x='0123456789') %}{% for i in range(30) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
            "{{ 'x' * 1000000000 }}",
            "{% for i in range(100000) %}{{ 'a long line of text that is repeated' * 10 }}{% endfor %}",
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        ] {
            assert!(render_text(greedy).is_err(), "{greedy}");
        }
    }

    fn with_include(main: &str, beside: &[(&str, &str)]) -> Result<String, Box<Fault>> {
        let mut template = Template::new("etc/main.yml.template", main);
        template.beside = beside
            .iter()
            .map(|(name, source)| ((*name).to_owned(), (*source).to_owned()))
            .collect();
        let context = Context::from([("domain".to_owned(), "internal.example".into())]);
        render(&template, &context)
    }

    #[test]
    fn a_template_beside_it_can_be_included() {
        let parts = [("part.template", "host: {{ domain }}\n")];
        let text = with_include("a: 1\n{% include 'part.template' %}", &parts).unwrap();
        assert_eq!(text, "a: 1\nhost: internal.example\n");
    }

    #[test]
    fn a_fault_in_an_included_template_is_told_at_its_own_place() {
        let parts = [("part.template", "\n\nhost: {{ domian }}\n")];
        let fault = with_include("{% include 'part.template' %}", &parts).unwrap_err();
        assert!(
            fault.to_string().starts_with("etc/part.template:3:"),
            "{fault}"
        );
        assert_eq!(fault.code, "template-undefined");
    }

    #[test]
    fn what_does_not_lie_beside_it_cannot_be_included() {
        let parts = [("part.template", "")];
        for name in ["../secret", "/etc/shadow", "prat.template"] {
            let fault = with_include(&format!("\n{{% include '{name}' %}}"), &parts).unwrap_err();
            assert_eq!(fault.code, "template-include");
            assert!(
                fault.to_string().starts_with("etc/main.yml.template:2:"),
                "{fault}"
            );
            assert!(fault.message.contains(name), "{fault}");
        }
    }
}
