//! Renders a template with values, and says with its place what is not defined: `render_template FILE NAME=VALUE...`.
#![expect(clippy::print_stdout, reason = "an example says what it did")]
#![expect(clippy::print_stderr, reason = "and what is wrong")]

use std::error::Error;

use phoenix_core::diagnostic::{Style, render as shown};
use phoenix_core::template::{Context, Template, render};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let path = words.next().ok_or("expected FILE NAME=VALUE...")?;
    let context: Context = words
        .filter_map(|word| {
            let (name, value) = word.split_once('=')?;
            Some((name.to_owned(), value.into()))
        })
        .collect();
    let template = Template::new(path.as_str(), std::fs::read_to_string(&path)?);
    match render(&template, &context) {
        Ok(text) => print!("{text}"),
        Err(fault) => {
            eprintln!("{}", shown(&fault, Style::Plain));
            std::process::exit(2);
        }
    }
    Ok(())
}
