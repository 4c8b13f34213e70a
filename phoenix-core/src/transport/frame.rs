//! The frames between us and `guest.sh`: requests as lines with counted bytes behind them, answers as ASCII lines.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::answer::{
    Delivered, Entry, EntryKind, ExecEnded, Executed, Listing, Meta, Refusal, StepError, StepResult,
};
use super::program::{Delivery, Exec, Expect, LinkTarget, Sha256, Step, Version};
use super::sockets;
use crate::names::FileMode;
use crate::secret::Secret;

/// The script that understands the frames. It holds no data, so that it may stand in an argument.
pub(crate) const SCRIPT: &str = include_str!("guest.sh");

/// The most bytes of one file.
const FILE_LIMIT: usize = 8 << 20;
/// The most bytes of a directory's names.
const LIST_LIMIT: usize = 1 << 20;
/// The most bytes of each socket table.
const SOCKETS_LIMIT: usize = 512 << 10;

/// One step as the script reads it. Every path gets `prefix`, which is empty but in tests.
pub(crate) fn encode(step: &Step, prefix: &str) -> Result<Secret, &'static str> {
    let mut head = String::new();
    let mut bytes: Vec<&[u8]> = Vec::new();
    // Writing to a String cannot fail.
    let _ = match step {
        Step::Inspect(inspect) => writeln!(
            head,
            "inspect {} {}\n{prefix}{}",
            u8::from(inspect.content.is_some()),
            inspect.content.unwrap_or(0),
            inspect.path
        ),
        Step::List { dir } => writeln!(head, "list {LIST_LIMIT}\n{prefix}{dir}"),
        Step::Remove { path } => writeln!(head, "remove\n{prefix}{path}"),
        Step::Replace(file) => {
            let (sha256, size) = counted(&file.bytes, &mut bytes)?;
            let expect = match &file.expect {
                Expect::Absent => "absent".to_owned(),
                Expect::Any => "any".to_owned(),
                Expect::Sha256(sha256) => sha256.to_string(),
            };
            writeln!(
                head,
                "replace {} {} {} {sha256} {expect} {size}\n{prefix}{}",
                file.mode,
                file.owner,
                u8::from(file.parents),
                file.path
            )
        }
        Step::Lend(file) => {
            let (sha256, size) = counted(&file.bytes, &mut bytes)?;
            writeln!(
                head,
                "lend {} {} {sha256} {size}\n{prefix}{}",
                file.mode, file.owner, file.path
            )
        }
        Step::Deliver(delivery) => {
            encode_delivery(delivery, prefix, &mut head, &mut bytes)?;
            Ok(())
        }
        Step::Restore(restore) => {
            let plain: String = restore
                .plain
                .iter()
                .map(|(name, path)| format!("\n{name}\n{prefix}{path}"))
                .collect();
            writeln!(
                head,
                "restore {} {} {}\n{prefix}{}{plain}",
                restore.slug,
                restore.version.as_ref().map_or("-", Version::as_str),
                restore.plain.len(),
                restore.dir
            )
        }
        Step::Exec(exec) => {
            check_exec(exec)?;
            let size = match &exec.stdin {
                Some(stdin) => counted(stdin, &mut bytes)?.1,
                None => 0,
            };
            let _ = writeln!(
                head,
                "exec {} {} {} {} {size}",
                exec.timeout.as_secs().max(1),
                u8::from(exec.required),
                exec.argv.len(),
                exec.output_limit
            );
            exec.argv
                .iter()
                .try_for_each(|word| writeln!(head, "{}", escape(word)))
        }
        Step::Sockets => writeln!(head, "sockets {SOCKETS_LIMIT}\n{prefix}/proc/net"),
    };
    let total = head.len() + bytes.iter().map(|b| b.len()).sum::<usize>();
    // One allocation: growing would leave copies of keys behind.
    let mut frame = Vec::with_capacity(total);
    frame.extend_from_slice(head.as_bytes());
    for part in bytes {
        frame.extend_from_slice(part);
    }
    Ok(Secret::new(frame))
}

/// A whole request: heading, steps, end.
pub(crate) fn request(nonce: &str, keep_going: bool, steps: &[Secret]) -> Secret {
    let head = format!("phoenix 1 {nonce} {}\n", u8::from(!keep_going));
    let total = steps.iter().map(|s| s.expose_secret().len()).sum::<usize>();
    let mut frame = Vec::with_capacity(head.len() + total + END.len());
    frame.extend_from_slice(head.as_bytes());
    for step in steps {
        frame.extend_from_slice(step.expose_secret());
    }
    frame.extend_from_slice(END);
    Secret::new(frame)
}

/// The most that heading and end of a request add to its steps.
pub(crate) const OVERHEAD: usize = 64;
const END: &[u8] = b"end\n";

/// An answer that is none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadAnswer {
    /// No heading with our nonce.
    Missing,
    /// It ends in the middle, after so many whole steps.
    Cut(usize),
    /// The guest lacks this tool.
    Tool(String),
    /// Something else stands where this was expected.
    Garbled(String),
}

/// Reads the results of `steps`; what stands before the heading and behind the end is passed over.
pub(crate) fn parse(
    nonce: &str,
    steps: &[Step],
    stdout: &[u8],
) -> Result<Vec<StepResult>, BadAnswer> {
    let heading = format!("phoenix 1 {nonce}");
    let mut lines = Lines(stdout);
    loop {
        match lines.raw() {
            None => return Err(BadAnswer::Missing),
            Some(line) if line == heading.as_bytes() => break,
            Some(_) => {}
        }
    }
    let end = format!("end {nonce}");
    let mut results = Vec::with_capacity(steps.len());
    loop {
        let done = results.len();
        let cut = |fault: Fault| match fault {
            Fault::Cut => BadAnswer::Cut(done),
            Fault::Garbled(what) => BadAnswer::Garbled(what),
        };
        let line = lines.line().map_err(cut)?;
        if line == end {
            break;
        }
        if let Some(tool) = line.strip_prefix("tool ") {
            return Err(BadAnswer::Tool(tool.chars().take(64).collect()));
        }
        let expected = steps
            .get(done)
            .map(|step| format!("step {done} {}", word(step)));
        let (Some(step), true) = (steps.get(done), expected.as_deref() == Some(line)) else {
            return Err(BadAnswer::Garbled(format!(
                "found {}, expected {}",
                shown(line),
                expected.as_deref().unwrap_or("the end")
            )));
        };
        results.push(lines.result(step).map_err(cut)?);
    }
    while results.len() < steps.len() {
        results.push(StepResult::Skipped);
    }
    Ok(results)
}

fn encode_delivery<'a>(
    delivery: &'a Delivery,
    prefix: &str,
    head: &mut String,
    bytes: &mut Vec<&'a [u8]>,
) -> Result<(), &'static str> {
    let mut lines = String::new();
    let mut total = 0;
    for (name, file) in delivery.files() {
        let (sha256, size) = counted(&file.bytes, bytes)?;
        let target = match delivery.target(name, file) {
            LinkTarget::None => "-".to_owned(),
            LinkTarget::Relative(target) => target,
            LinkTarget::Absolute(target) => format!("{prefix}{target}"),
        };
        total += size;
        lines += &format!(
            "{name} {} {sha256} {size}\n{prefix}{}\n{target}\n",
            file.mode, file.path
        );
    }
    *head += &format!(
        "deliver {} {} {} {} {} {total}\n{prefix}{}\n{lines}",
        delivery.slug,
        delivery.version,
        delivery.owner,
        delivery.keep.max(1),
        bytes.len(),
        delivery.dir()
    );
    Ok(())
}

/// Notes bytes to be sent behind the lines, and says what the script must know of them.
fn counted<'a>(
    secret: &'a Secret,
    bytes: &mut Vec<&'a [u8]>,
) -> Result<(Sha256, usize), &'static str> {
    let exposed = secret.expose_secret();
    if exposed.len() > FILE_LIMIT {
        return Err("it has more than 8 MiB");
    }
    bytes.push(exposed);
    Ok((Sha256::of(exposed), exposed.len()))
}

fn check_exec(exec: &Exec) -> Result<(), &'static str> {
    match exec.argv.first() {
        None => Err("the command is empty"),
        Some(program) if program.is_empty() || program.starts_with('-') => {
            Err("the command's first word is no program")
        }
        Some(_) if exec.argv.iter().any(|word| word.contains('\0')) => {
            Err("a word of the command has a zero byte")
        }
        Some(_) => Ok(()),
    }
}

/// A word as one line, for `printf %b`.
fn escape(word: &str) -> String {
    let mut line = String::with_capacity(word.len());
    for c in word.chars() {
        match c {
            '\\' => line.push_str("\\\\"),
            c if c.is_ascii_control() => {
                let _ = write!(line, "\\0{:03o}", u32::from(c));
            }
            c => line.push(c),
        }
    }
    line
}

fn word(step: &Step) -> &'static str {
    match step {
        Step::Deliver(_) => "deliver",
        Step::Exec(_) => "exec",
        Step::Inspect(_) => "inspect",
        Step::Lend(_) => "lend",
        Step::List { .. } => "list",
        Step::Remove { .. } => "remove",
        Step::Replace(_) => "replace",
        Step::Restore(_) => "restore",
        Step::Sockets => "sockets",
    }
}

/// Why a line is not the one that was expected.
enum Fault {
    Cut,
    Garbled(String),
}

/// The lines of an answer.
struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    fn raw(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == b'\n')?;
        let line = &self.0[..end];
        self.0 = &self.0[end + 1..];
        // A terminal in between adds carriage returns.
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    fn line(&mut self) -> Result<&'a str, Fault> {
        let line = self.raw().ok_or(Fault::Cut)?;
        std::str::from_utf8(line)
            .map_err(|_| Fault::Garbled("found a line that is not text".to_owned()))
    }

    /// Text in base64 or hex up to a line with a dot.
    fn block(&mut self) -> Result<Secret, Fault> {
        let hex = match self.line()? {
            "+b64" => false,
            "+hex" => true,
            other => return Err(Fault::expected("an encoded block", other)),
        };
        let mut digits = Zeroizing::new(Vec::with_capacity(self.0.len().min(16 << 20)));
        loop {
            match self.raw().ok_or(Fault::Cut)? {
                b"." => break,
                line => digits.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace())),
            }
        }
        let bytes = if hex {
            decode_hex(&digits)
        } else {
            STANDARD.decode(&*digits).ok()
        };
        bytes
            .map(Secret::new)
            .ok_or_else(|| Fault::Garbled("found a block with wrong digits".to_owned()))
    }

    fn text(&mut self) -> Result<String, Fault> {
        let bytes = self.block()?;
        Ok(String::from_utf8_lossy(bytes.expose_secret()).into_owned())
    }

    fn ok(&mut self) -> Result<(), Fault> {
        match self.line()? {
            "ok" => Ok(()),
            other => Err(Fault::expected("`ok`", other)),
        }
    }

    fn result(&mut self, step: &Step) -> Result<StepResult, Fault> {
        let line = self.line()?;
        if let Some(code) = line.strip_prefix("fail ") {
            let refusal =
                Refusal::from_code(code).ok_or_else(|| Fault::expected("a known failure", code))?;
            let message = self.text()?;
            let message = message.trim().chars().take(2_000).collect::<String>();
            return Ok(StepResult::Refused(StepError::new(refusal, message)));
        }
        let result = match step {
            Step::Deliver(_) => {
                let words: Vec<&str> = line.split(' ').collect();
                let ["delivered", version, previous, taken, same] = *words.as_slice() else {
                    return Err(Fault::expected("`delivered`", line));
                };
                StepResult::Delivered(Delivered {
                    version: read(version)?,
                    previous: optional(previous)?,
                    taken_over: taken == "1",
                    unchanged: same == "1",
                })
            }
            Step::Exec(exec) => return self.executed(line, exec),
            Step::Inspect(_) if line == "absent" => StepResult::Inspected(None),
            Step::Inspect(_) => return self.entry(line).map(|e| StepResult::Inspected(Some(e))),
            Step::Lend(_) | Step::Replace(_) if line != "ok" => {
                return Err(Fault::expected("`ok`", line));
            }
            Step::Lend(_) => return Ok(StepResult::Lent),
            Step::Replace(_) => return Ok(StepResult::Replaced),
            Step::List { .. } if line == "entries" => StepResult::Listed(self.listing()?),
            Step::List { .. } => return Err(Fault::expected("`entries`", line)),
            Step::Remove { .. } => match line {
                "ok" => return Ok(StepResult::Removed(true)),
                "absent" => StepResult::Removed(false),
                other => return Err(Fault::expected("`ok` or `absent`", other)),
            },
            Step::Restore(_) => {
                let words: Vec<&str> = line.split(' ').collect();
                let ["restored", version, from] = *words.as_slice() else {
                    return Err(Fault::expected("`restored`", line));
                };
                StepResult::Restored {
                    version: read(version)?,
                    from: optional(from)?,
                }
            }
            Step::Sockets => return self.sockets(line),
        };
        self.ok()?;
        Ok(result)
    }

    fn executed(&mut self, line: &str, exec: &Exec) -> Result<StepResult, Fault> {
        let ended = match line.strip_prefix("exit ") {
            Some("late") => ExecEnded::TimedOut,
            Some(status) => ExecEnded::Exit(read(status)?),
            None => return Err(Fault::expected("`exit`", line)),
        };
        let stdout = self.block()?.expose_secret().to_vec();
        let stderr = self.block()?.expose_secret().to_vec();
        self.ok()?;
        let limit = exec.output_limit as usize;
        Ok(StepResult::Exec(Executed {
            ended,
            truncated: stdout.len() >= limit || stderr.len() >= limit,
            stdout,
            stderr,
            required: exec.required,
        }))
    }

    fn entry(&mut self, line: &str) -> Result<Entry, Fault> {
        let mut entry = Entry {
            meta: meta(line, "self")?,
            target: None,
            behind: None,
            sha256: None,
            content: None,
        };
        loop {
            match self.line()? {
                "ok" => return Ok(entry),
                "link" => entry.target = Some(self.text()?),
                "content" => entry.content = Some(self.block()?),
                line if line.starts_with("behind ") => entry.behind = Some(meta(line, "behind")?),
                line => match line.strip_prefix("sha256 ") {
                    // The file vanished, or cannot be read, since its status was.
                    Some("") => {}
                    Some(digest) => entry.sha256 = Some(read(digest)?),
                    None => return Err(Fault::expected("a property of a path", line)),
                },
            }
        }
    }

    fn listing(&mut self) -> Result<Listing, Fault> {
        let bytes = self.block()?;
        let bytes = bytes.expose_secret();
        let truncated = bytes.len() >= LIST_LIMIT;
        let mut parts: Vec<&[u8]> = bytes.split(|byte| *byte == b'/').collect();
        // Behind the last slash stands nothing, or a name that was cut.
        parts.pop();
        let entries = parts
            .into_iter()
            .map(|part| {
                let (kind, name) = part
                    .split_first()
                    .ok_or_else(|| Fault::Garbled("found an empty name".to_owned()))?;
                let kind = match kind {
                    b'd' => EntryKind::Directory,
                    b'f' => EntryKind::File,
                    b'l' => EntryKind::Link,
                    _ => EntryKind::Other,
                };
                Ok((String::from_utf8_lossy(name).into_owned(), kind))
            })
            .collect::<Result<_, _>>()?;
        Ok(Listing { entries, truncated })
    }

    fn sockets(&mut self, first: &str) -> Result<StepResult, Fault> {
        let mut line = first;
        let mut all = Vec::new();
        loop {
            match line {
                "ok" => return Ok(StepResult::Sockets(all)),
                "tcp" | "tcp6" => all.extend(sockets::parse(&self.text()?)),
                other => return Err(Fault::expected("a socket table", other)),
            }
            line = self.line()?;
        }
    }
}

impl Fault {
    fn expected(what: &str, found: &str) -> Self {
        Self::Garbled(format!("found {}, expected {what}", shown(found)))
    }
}

fn read<T: std::str::FromStr>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| Fault::expected("a value", text))
}

fn optional(text: &str) -> Result<Option<Version>, Fault> {
    match text {
        "-" => Ok(None),
        text => read(text).map(Some),
    }
}

/// `self stat 81a4 0 0 12 root root` or, without a `stat`, `self ls -rw-r--r-- 0 0 12`.
fn meta(line: &str, tag: &str) -> Result<Meta, Fault> {
    let fault = || Fault::expected("a file status", line);
    let words: Vec<&str> = line.split(' ').collect();
    let (bits, rest, names) = match words.as_slice() {
        [first, "stat", bits, rest @ .., user, group] if *first == tag => {
            let bits = u32::from_str_radix(bits, 16).map_err(|_| fault())?;
            (bits, rest, Some((*user, *group)))
        }
        [first, "ls", text, rest @ ..] if *first == tag => {
            (mode_bits(text).ok_or_else(fault)?, rest, None)
        }
        _ => return Err(fault()),
    };
    let [uid, gid, size] = rest else {
        return Err(fault());
    };
    let kind = match bits & 0o170_000 {
        0o040_000 => EntryKind::Directory,
        0o100_000 => EntryKind::File,
        0o120_000 => EntryKind::Link,
        _ => EntryKind::Other,
    };
    let name = |text: &str| (text != "UNKNOWN").then(|| text.to_owned());
    Ok(Meta {
        kind,
        mode: FileMode::new(bits),
        uid: read(uid)?,
        gid: read(gid)?,
        user: names.and_then(|names| name(names.0)),
        group: names.and_then(|names| name(names.1)),
        // For devices `ls` prints two numbers here.
        size: if kind == EntryKind::Other {
            0
        } else {
            read(size)?
        },
    })
}

/// `drwxr-sr-t` as `st_mode` has it.
fn mode_bits(text: &str) -> Option<u32> {
    let text = text.as_bytes();
    let kind = match text.first()? {
        b'-' => 0o100_000,
        b'd' => 0o040_000,
        b'l' => 0o120_000,
        _ => 0o010_000,
    };
    let mut bits = kind;
    for (place, letter) in text.get(1..10)?.iter().enumerate() {
        let bit = 0o400 >> place;
        let special = 0o4000 >> (place / 3);
        bits |= match letter {
            b'-' => 0,
            b's' | b't' => bit | special,
            b'S' | b'T' => special,
            _ => bit,
        };
    }
    Some(bits)
}

fn decode_hex(digits: &[u8]) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    digits
        .chunks_exact(2)
        .map(|pair| u8::try_from(nibble(pair[0])? << 4 | nibble(pair[1])?).ok())
        .collect()
}

fn shown(line: &str) -> String {
    format!("{:?}", line.chars().take(80).collect::<String>())
}
