//! The only place that writes: the answer to standard output, the talk to standard error.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use phoenix_core::diagnostic::{Style, render_all};
use phoenix_core::observe::{Event, Observer};
use serde::Serialize;

use crate::args::{Color, Format, Global};
use crate::exit::Failure;
use crate::stop::Stop;

/// Writes answers, progress and failures in the form that was asked for.
pub(crate) struct Output {
    format: Format,
    quiet: bool,
    verbose: bool,
    answer_style: Style,
    talk_style: Style,
    stop: Stop,
}

impl Output {
    /// As the flags say; `stop` ends a run between two steps.
    pub(crate) fn new(global: &Global, stop: Stop) -> Self {
        let style = |terminal: bool| {
            let colour = match global.color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => terminal && !crate::env::no_color(),
            };
            if colour { Style::Colour } else { Style::Plain }
        };
        Self {
            format: global.output_format,
            quiet: global.quiet,
            verbose: global.verbose > 0,
            answer_style: style(io::stdout().is_terminal()),
            talk_style: style(io::stderr().is_terminal()),
            stop,
        }
    }

    /// Whether the answer is data.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// The answer: the value as JSON, or the text made of it.
    pub(crate) fn answer<T: Serialize + ?Sized>(
        &self,
        value: &T,
        text: impl FnOnce(Style) -> String,
    ) -> Result<(), Failure> {
        if !self.is_json() {
            return Self::text(&text(self.answer_style));
        }
        Self::json(value)
    }

    /// An answer that is data in either form.
    pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<(), Failure> {
        let json = serde_json::to_string_pretty(value).map_err(|error| {
            Failure::new(
                "json",
                format!("could not write the answer as JSON: {error}"),
                crate::exit::FAILED,
            )
        })?;
        Self::text(&(json + "\n"))
    }

    /// A part of a textual answer.
    pub(crate) fn text(text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // Whoever reads has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|error| Failure::io("write the answer", &error)),
        }
    }

    /// The style of the answer.
    pub(crate) fn style(&self) -> Style {
        self.answer_style
    }

    /// Whether the run was asked to stop.
    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// A line of talk; none with `-q`.
    pub(crate) fn say(&self, line: &str) {
        if !self.quiet {
            talk(&format!("{line}\n"));
        }
    }

    /// A failure as data, on standard output.
    pub(crate) fn data(failure: &Failure) {
        let value = serde_json::json!({ "error": failure });
        // Nothing is left to tell when this cannot be written either.
        let _ = Self::text(&format!("{value:#}\n"));
    }

    /// A failure: words to standard error, and as data to standard output where data was asked for.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.is_json() {
            return Self::data(failure);
        }
        let mut text = format!("error: {}\n", failure.message);
        for cause in &failure.causes {
            let _ = writeln!(text, "caused by: {cause}");
        }
        if !failure.faults.is_empty() {
            let _ = writeln!(text, "\n{}", render_all(&failure.faults, self.talk_style));
        }
        if let Some(hint) = &failure.hint {
            let _ = writeln!(text, "hint: {hint}");
        }
        talk(&text);
    }
}

impl Observer for Output {
    fn event(&self, event: &Event) {
        match event {
            Event::Started { title, .. } => self.say(&format!("... {title}")),
            Event::Finished { step, ok, detail } if self.verbose || !ok => {
                let word = if *ok { "done" } else { "failed" };
                self.say(&format!("    {word} {step}: {detail}"));
            }
            Event::Note(note) => self.say(&format!("    {note}")),
            _ => {}
        }
    }

    fn cancelled(&self) -> bool {
        self.stop.asked()
    }
}

/// Standard error may be closed; a run does not stop because of that.
fn talk(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
