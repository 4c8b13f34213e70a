//! Passwords and tokens: from a file, a descriptor or a prompt; never from an argument or a variable.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::str::FromStr;

use phoenix_core::ca::PasswordSource;
use phoenix_core::secret::Secret;
use phoenix_core::site::Site;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

use crate::args::Global;
use crate::commands;
use crate::exit::Failure;
use crate::stop::Stop;

/// Where a secret comes from: `FILE`, `fd:N` or `prompt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretInput {
    Descriptor(u32),
    File(PathBuf),
    Prompt,
}

impl FromStr for SecretInput {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "prompt" {
            return Ok(Self::Prompt);
        }
        if let Some(number) = text.strip_prefix("fd:") {
            return number.parse().map(Self::Descriptor).map_err(|_| {
                format!("found `{number}`, expected the number of an open descriptor: `fd:0` is standard input")
            });
        }
        // What a shell makes of `<(command)`: a pipe, which is no file of the host.
        let pipe = ["/dev/fd/", "/proc/self/fd/"]
            .iter()
            .find_map(|prefix| text.strip_prefix(prefix)?.parse().ok());
        if let Some(number) = pipe {
            return Ok(Self::Descriptor(number));
        }
        if text == "/dev/stdin" {
            return Ok(Self::Descriptor(0));
        }
        if text.is_empty() {
            return Err("expected a file, `fd:N` or `prompt`".to_owned());
        }
        Ok(Self::File(PathBuf::from(text)))
    }
}

impl SecretInput {
    /// The source that reads it when it is needed. A file lies where the site's files lie.
    pub(crate) fn source(
        &self,
        global: &Global,
        site: &Site,
        question: &'static str,
        stop: &Stop,
    ) -> Result<PasswordSource, Failure> {
        Ok(match self {
            Self::File(path) => {
                site.password_file(&commands::absolute(global, path, "the secret's file")?)
            }
            Self::Descriptor(number) => {
                let number = *number;
                PasswordSource::file(format!("descriptor {number}"), move || descriptor(number))
            }
            Self::Prompt => {
                let stop = stop.clone();
                PasswordSource::prompt(move || prompt(question, &stop))
            }
        })
    }
}

fn descriptor(number: u32) -> io::Result<Secret> {
    if number == 0 {
        return limited(io::stdin().lock());
    }
    limited(File::open(format!("/proc/self/fd/{number}"))?)
}

fn limited(from: impl io::Read) -> io::Result<Secret> {
    let mut bytes = Vec::with_capacity(4 << 10);
    let read = from.take(LIMIT + 1).read_to_end(&mut bytes);
    let secret = Secret::new(bytes);
    if read? as u64 > LIMIT {
        return Err(io::Error::other("it is larger than 64 KiB"));
    }
    Ok(secret)
}

/// Asks on the terminal, wherever standard input and output lead, without showing what is typed.
fn prompt(question: &str, stop: &Stop) -> io::Result<Secret> {
    let mut terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(|error| io::Error::new(error.kind(), "there is no terminal to ask on"))?;
    let quiet = Quiet::new(terminal.try_clone()?)?;
    write!(terminal, "{question}: ")?;
    terminal.flush()?;
    // Capacity in advance: a longer line would leave copies behind.
    let mut line = Vec::with_capacity(1 << 10);
    let answer = loop {
        let mut byte = [0];
        match terminal.read(&mut byte) {
            Ok(0) if stop.asked() => break Err(io::ErrorKind::Interrupted.into()),
            Ok(0) => {}
            Ok(_) => match byte[0] {
                b'\r' | b'\n' => break Ok(()),
                // Ctrl-C, Ctrl-D
                3 | 4 => {
                    break Err(io::Error::new(
                        io::ErrorKind::Interrupted,
                        "it was not entered",
                    ));
                }
                8 | 127 => drop(line.pop()),
                // Ctrl-U
                21 => line.clear(),
                byte if line.len() < line.capacity() => line.push(byte),
                _ => break Err(io::Error::other("it is longer than a password")),
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    let secret = Secret::new(line);
    drop(quiet);
    writeln!(terminal)?;
    answer.map(|()| secret)
}

/// A terminal that shows nothing and gives each byte at once, until this is dropped.
struct Quiet(File, Termios);

impl Quiet {
    fn new(terminal: File) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut modes = before.clone();
        modes
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        // A read ends after 0.2 s, so that a signal is noticed.
        modes.special_codes[SpecialCodeIndex::VMIN] = 0;
        modes.special_codes[SpecialCodeIndex::VTIME] = 2;
        tcsetattr(&terminal, OptionalActions::Flush, &modes)?;
        Ok(Self(terminal, before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // The terminal may be gone; then nobody sees it either.
        let _ = tcsetattr(&self.0, OptionalActions::Flush, &self.1);
    }
}

/// Larger is no password and no token.
const LIMIT: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_descriptors_and_the_prompt_are_told_apart() {
        assert_eq!("prompt".parse(), Ok(SecretInput::Prompt));
        for three in ["fd:3", "/dev/fd/3", "/proc/self/fd/3"] {
            assert_eq!(three.parse(), Ok(SecretInput::Descriptor(3)));
        }
        assert_eq!("./prompt".parse(), Ok(SecretInput::File("./prompt".into())));
        for bad in ["", "fd:", "fd:x", "fd:-1"] {
            assert!(bad.parse::<SecretInput>().is_err(), "{bad}");
        }
    }
}
