//! The little HTTP/1.1 that a probe needs: one bounded GET over any stream.
//!
//! The stream carries the deadline; here are the limits on size and the framing (RFC 9112).

use std::io::{self, Read, Write};

use zeroize::Zeroizing;

use crate::secret::Secret;

/// A GET request.
#[derive(Debug, Clone, Copy)]
pub struct Get<'a> {
    /// Path and query, beginning with a slash.
    pub path: &'a str,
    /// The `Host` header.
    pub host: &'a str,
    /// A further header whose value is secret.
    pub secret_header: Option<(&'static str, &'a Secret)>,
    /// More body than this is an error.
    pub limit: usize,
    /// Whether the body is wanted at all; else the answer's is left unread, and empty here.
    pub body: bool,
}

impl<'a> Get<'a> {
    /// A request without further headers, whose answer may have 8 MiB.
    pub fn new(host: &'a str, path: &'a str) -> Self {
        Self {
            path,
            host,
            secret_header: None,
            limit: 8 << 20,
            body: true,
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the status says success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The connection ended before the first byte of an answer.
    #[error("the server closed the connection without an answer")]
    Closed,
    /// The stream failed, or its deadline passed.
    #[error("the connection failed: {0}")]
    Io(io::Error),
    /// What came is not HTTP.
    #[error("found {found:?}, expected {expected}")]
    Malformed {
        /// The beginning of what was found.
        found: String,
        /// What was expected, as a noun phrase.
        expected: &'static str,
    },
    /// The request cannot be sent as it stands.
    #[error("could not send the request: its {0} holds a character that HTTP does not allow")]
    Request(&'static str),
    /// There is more of it than a probe reads.
    #[error("the answer's {what} is larger than {limit} bytes")]
    TooLarge {
        /// `head` or `body`.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The connection ended within the answer.
    #[error("the connection ended within the answer's {0}")]
    Truncated(&'static str),
}

/// Sends a GET and reads the whole answer; interim answers (1xx) are passed over.
pub fn get<S: Read + Write>(stream: &mut S, request: &Get<'_>) -> Result<Response, HttpError> {
    let bytes = encode(request)?;
    // A server that refuses may close while we still write; what it said is still to be read.
    let sent = stream.write_all(&bytes).and_then(|()| stream.flush());
    let answer = read_response(stream, request);
    match (sent, answer) {
        (Err(error), Err(HttpError::Closed)) => Err(HttpError::Io(error)),
        (_, answer) => answer,
    }
}

fn encode(request: &Get<'_>) -> Result<Zeroizing<Vec<u8>>, HttpError> {
    let visible = |text: &[u8]| !text.is_empty() && text.iter().all(|b| (0x21..0x7f).contains(b));
    if !visible(request.path.as_bytes()) || !request.path.starts_with('/') {
        return Err(HttpError::Request("path"));
    }
    if !visible(request.host.as_bytes()) {
        return Err(HttpError::Request("host"));
    }
    let plain = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: phoenix/{}\r\nAccept: */*\r\nConnection: close\r\n",
        request.path,
        request.host,
        env!("CARGO_PKG_VERSION"),
    );
    let secret = match request.secret_header {
        None => &[][..],
        Some((_, value)) => value.expose_secret().trim_ascii(),
    };
    // Reserved whole, so that no reallocation leaves a copy of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(plain.len() + secret.len() + 64));
    bytes.extend_from_slice(plain.as_bytes());
    if let Some((name, _)) = request.secret_header {
        if !visible(secret) {
            return Err(HttpError::Request("secret header"));
        }
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(secret);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    Ok(bytes)
}

fn read_response<S: Read>(stream: &mut S, request: &Get<'_>) -> Result<Response, HttpError> {
    let mut input = Input {
        stream,
        buffer: Vec::new(),
        at: 0,
    };
    for _ in 0..INTERIM_LIMIT {
        let (status, headers) = read_head(&mut input)?;
        if !(100..200).contains(&status) {
            let body = if request.body {
                read_body(&mut input, status, &headers, request.limit)?
            } else {
                Vec::new()
            };
            return Ok(Response {
                status,
                headers,
                body,
            });
        }
    }
    Err(HttpError::Malformed {
        found: "one interim answer after the other".to_owned(),
        expected: "a final answer",
    })
}

fn read_head<S: Read>(input: &mut Input<'_, S>) -> Result<(u16, Vec<(String, String)>), HttpError> {
    let mut budget = HEAD_LIMIT;
    let Some(line) = input.line(&mut budget, "head")? else {
        return Err(HttpError::Closed);
    };
    let status = status_of(&line).ok_or_else(|| malformed(&line, "an HTTP status line"))?;
    let mut headers = Vec::new();
    loop {
        let line = input
            .line(&mut budget, "head")?
            .ok_or(HttpError::Truncated("head"))?;
        if line.is_empty() {
            return Ok((status, headers));
        }
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| malformed(&line, "a header"))?;
        headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn status_of(line: &str) -> Option<u16> {
    let rest = line.strip_prefix("HTTP/1.")?;
    let code = rest.split(' ').nth(1)?;
    let code = (code.len() == 3).then(|| code.parse().ok())??;
    (100..600).contains(&code).then_some(code)
}

fn read_body<S: Read>(
    input: &mut Input<'_, S>,
    status: u16,
    headers: &[(String, String)],
    limit: usize,
) -> Result<Vec<u8>, HttpError> {
    let values = |wanted: &str| {
        headers
            .iter()
            .filter(move |(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
            .collect::<Vec<_>>()
    };
    if matches!(status, 204 | 304) {
        return Ok(Vec::new());
    }
    // Transfer-Encoding overrides Content-Length (RFC 9112, 6.3).
    if let Some(coding) = values("transfer-encoding").last() {
        if !coding.eq_ignore_ascii_case("chunked") {
            return Err(malformed(coding, "the transfer coding `chunked`"));
        }
        return read_chunks(input, limit);
    }
    let lengths = values("content-length");
    let Some(first) = lengths.first() else {
        return input.rest(limit);
    };
    let same = lengths.iter().all(|length| length == first);
    let digits = !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit());
    if !same || !digits {
        return Err(malformed(&lengths.join(", "), "one content length"));
    }
    match first.parse::<usize>() {
        Ok(length) if length <= limit => input.exactly(length),
        _ => Err(HttpError::TooLarge {
            what: "body",
            limit,
        }),
    }
}

fn read_chunks<S: Read>(input: &mut Input<'_, S>, limit: usize) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    // Chunk heads and trailers are not counted as body, so they have a budget of their own.
    let mut budget = HEAD_LIMIT + limit;
    loop {
        let line = input
            .line(&mut budget, "body")?
            .ok_or(HttpError::Truncated("body"))?;
        let digits = line.split(';').next().unwrap_or("").trim();
        let hex = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let size = hex
            .then(|| usize::from_str_radix(digits, 16).ok())
            .flatten()
            .ok_or_else(|| malformed(&line, "the size of a chunk"))?;
        if size > limit - body.len() {
            return Err(HttpError::TooLarge {
                what: "body",
                limit,
            });
        }
        if size == 0 {
            while let Some(trailer) = input.line(&mut budget, "body")? {
                if trailer.is_empty() {
                    break;
                }
            }
            return Ok(body);
        }
        body.extend(input.exactly(size)?);
        match input.line(&mut budget, "body")? {
            Some(end) if end.is_empty() => {}
            Some(end) => return Err(malformed(&end, "the end of a chunk")),
            None => return Err(HttpError::Truncated("body")),
        }
    }
}

fn malformed(found: &str, expected: &'static str) -> HttpError {
    HttpError::Malformed {
        found: super::excerpt(found),
        expected,
    }
}

struct Input<'s, S> {
    stream: &'s mut S,
    buffer: Vec<u8>,
    at: usize,
}

impl<S: Read> Input<'_, S> {
    /// Reads more; `false` at the end. A TLS peer that hangs up without `close_notify` has ended too: where that cuts
    /// an answer off, its framing shows it.
    fn fill(&mut self) -> Result<bool, HttpError> {
        if self.at > 0 {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        let mut chunk = [0; 8192];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(false),
                Ok(read) => {
                    self.buffer.extend_from_slice(&chunk[..read]);
                    return Ok(true);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
                Err(e) => return Err(HttpError::Io(e)),
            }
        }
    }

    fn ready(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    /// A line without its end; `None` if the stream ended before its first byte.
    fn line(
        &mut self,
        budget: &mut usize,
        what: &'static str,
    ) -> Result<Option<String>, HttpError> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.ready()[searched..].iter().position(|b| *b == b'\n') {
                let end = searched + at;
                let line = &self.ready()[..end];
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                let text = String::from_utf8_lossy(line).into_owned();
                let left = budget.checked_sub(end + 1);
                *budget = left.ok_or(HttpError::TooLarge {
                    what,
                    limit: HEAD_LIMIT,
                })?;
                self.at += end + 1;
                return Ok(Some(text));
            }
            searched = self.ready().len();
            if searched > *budget {
                return Err(HttpError::TooLarge {
                    what,
                    limit: HEAD_LIMIT,
                });
            }
            if !self.fill()? {
                return match self.ready() {
                    [] => Ok(None),
                    // The end of a stream that never had a line is worth showing: TLS bytes, a banner.
                    found if what == "head" => Err(malformed(
                        &String::from_utf8_lossy(found),
                        "an HTTP status line",
                    )),
                    _ => Err(HttpError::Truncated(what)),
                };
            }
        }
    }

    fn exactly(&mut self, length: usize) -> Result<Vec<u8>, HttpError> {
        while self.ready().len() < length {
            if !self.fill()? {
                return Err(HttpError::Truncated("body"));
            }
        }
        let bytes = self.ready()[..length].to_vec();
        self.at += length;
        Ok(bytes)
    }

    fn rest(&mut self, limit: usize) -> Result<Vec<u8>, HttpError> {
        loop {
            if self.ready().len() > limit {
                return Err(HttpError::TooLarge {
                    what: "body",
                    limit,
                });
            }
            if !self.fill()? {
                return Ok(self.ready().to_vec());
            }
        }
    }
}

const HEAD_LIMIT: usize = 64 << 10;
const INTERIM_LIMIT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives what was scripted, a few bytes at a time, and keeps what was written.
    struct Script<'a> {
        answer: &'a [u8],
        step: usize,
        written: Vec<u8>,
    }

    impl Read for Script<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let take = self.step.min(buffer.len()).min(self.answer.len());
            buffer[..take].copy_from_slice(&self.answer[..take]);
            self.answer = &self.answer[take..];
            Ok(take)
        }
    }

    impl Write for Script<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.written.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn ask(answer: &[u8], step: usize, limit: usize) -> Result<Response, HttpError> {
        let mut stream = Script {
            answer,
            step,
            written: Vec::new(),
        };
        let request = Get {
            limit,
            ..Get::new("example", "/")
        };
        get(&mut stream, &request)
    }

    #[test]
    fn every_framing_gives_the_same_body_however_the_bytes_arrive() {
        let answers: [&[u8]; 5] = [
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nT: r\r\n\r\n",
            b"HTTP/1.0 200 OK\r\n\r\nhello",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\ncontent-length:5\n\nhello",
            b"HTTP/1.1 200\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        ];
        for answer in answers {
            for step in [1, 3, 4096] {
                let response = ask(answer, step, 100).unwrap();
                assert_eq!(
                    (response.status, response.body.as_slice()),
                    (200, &b"hello"[..])
                );
            }
        }
    }

    #[test]
    fn answers_that_end_early_or_grow_too_large_are_errors() {
        let long_head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(70_000));
        let cases: [(&[u8], &str); 9] = [
            (b"", "without an answer"),
            (
                b"\x15\x03\x01\x00\x02\x02\x46",
                "expected an HTTP status line",
            ),
            (b"SSH-2.0-x\r\n", "expected an HTTP status line"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
                "within the answer's body",
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "larger than 20",
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
                "one content length",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
                "larger than 20",
            ),
            (
                b"HTTP/1.0 200 OK\r\n\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "larger than 20",
            ),
            (long_head.as_bytes(), "head is larger"),
        ];
        for (answer, message) in cases {
            let error = ask(answer, 4096, 20).unwrap_err().to_string();
            assert!(error.contains(message), "{error:?} lacks {message:?}");
        }
    }

    #[test]
    fn a_secret_header_is_sent_and_nothing_can_be_smuggled_into_a_request() {
        let key = Secret::from("ptr_key\n".to_owned());
        let mut request = Get::new("example", "/api");
        request.secret_header = Some(("X-API-Key", &key));
        let sent = encode(&request).unwrap();
        let sent = std::str::from_utf8(&sent).unwrap();
        assert!(sent.ends_with("X-API-Key: ptr_key\r\n\r\n"));
        assert!(!format!("{request:?}").contains("ptr_key"));
        for (host, path) in [
            ("a\r\nX: y", "/"),
            ("a", "/ HTTP/1.1\r\n"),
            ("", "/"),
            ("a", "b"),
        ] {
            assert!(matches!(
                encode(&Get::new(host, path)),
                Err(HttpError::Request(_))
            ));
        }
        let broken = Secret::from("a\r\nX: y".to_owned());
        request.secret_header = Some(("X-API-Key", &broken));
        assert!(encode(&request).is_err());
    }
}
