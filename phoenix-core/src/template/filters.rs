//! The filters that configuration files need beside Jinja's own.

use minijinja::{Environment, Error, ErrorKind, Value};

pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("host", host);
    environment.add_filter("hostport", host_port);
    environment.add_filter("json", json);
    environment.add_filter("yaml", json);
}

/// The address without the length of its network.
fn host(value: &Value) -> Result<String, Error> {
    let text = text(value, "host")?;
    Ok(text.split('/').next().unwrap_or_default().to_owned())
}

/// Address and port; an IPv6 address gets its brackets.
fn host_port(value: &Value, port: u32) -> Result<String, Error> {
    let host = host(value)?;
    if !(1..=65535).contains(&port) {
        return Err(wrong(format!("found port {port}, expected 1 to 65535")));
    }
    Ok(if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    })
}

/// Any value as JSON; text with quotes and escapes, which YAML reads alike.
fn json(value: &Value) -> Result<String, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    serde_json::to_string(value).map_err(|error| wrong(error.to_string()))
}

fn text<'a>(value: &'a Value, filter: &str) -> Result<&'a str, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .ok_or_else(|| {
            wrong(format!(
                "found {}, expected an address for the filter `{filter}`",
                value.kind()
            ))
        })
}

fn wrong(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, what.into())
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Template, render};

    fn rendered(source: &str) -> Result<String, String> {
        let context = Context::from([
            ("cidr".to_owned(), "10.0.0.12/24".into()),
            ("six".to_owned(), "fd00::12/64".into()),
            ("nothing".to_owned(), serde_json::Value::Null),
            ("list".to_owned(), serde_json::json!(["a", 1, true])),
        ]);
        render(&Template::new("t", source), &context).map_err(|fault| fault.to_string())
    }

    #[test]
    fn each_filter_does_what_its_line_in_the_table_says() {
        for (source, expected) in [
            ("{{ cidr | host }}", "10.0.0.12"),
            ("{{ cidr | hostport(2376) }}", "10.0.0.12:2376"),
            ("{{ six | hostport(443) }}", "[fd00::12]:443"),
            ("{{ 'a\"b\\n' | json }}", r#""a\"b\n""#),
            ("{{ list | yaml }}", r#"["a",1,true]"#),
            ("{{ 'a\\nb' | indent(2) }}", "a\n  b"),
        ] {
            assert_eq!(rendered(source).as_deref(), Ok(expected), "{source}");
        }
    }

    #[test]
    fn a_filter_refuses_what_it_cannot_use() {
        for (source, part) in [
            ("{{ nothing | host }}", "expected an address"),
            ("{{ cidr | hostport(70000) }}", "expected 1 to 65535"),
            ("{{ cdir | host }}", "undefined name"),
            ("{{ cdir | json }}", "undefined name"),
        ] {
            let fault = rendered(source).unwrap_err();
            assert!(fault.contains(part), "{source}: {fault}");
        }
    }
}
