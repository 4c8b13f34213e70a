//! What came back, and what it says where it is not what was hoped for.

use std::time::Duration;

use serde::Deserialize;

/// A complete answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    #[cfg(any(feature = "acme", feature = "stepca"))]
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// A header's value, where it is text.
    #[cfg(any(feature = "acme", feature = "stepca"))]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Nobody was asked.
    #[cfg(not(any(feature = "acme", feature = "stepca")))]
    #[expect(clippy::unused_self, reason = "as where somebody was asked")]
    pub(crate) fn header(&self, _name: &str) -> Option<&str> {
        None
    }

    /// How long the server asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let seconds = self.header("retry-after")?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}

/// Status and words of an answer that is neither good nor a refusal.
pub(crate) fn describe(reply: &Reply, expected: &str) -> String {
    match reply.header("location") {
        Some(location) if (300..400).contains(&reply.status) => format!(
            "a redirect ({}) to {}, expected {expected}",
            reply.status,
            printable(location)
        ),
        _ => format!(
            "status {} with {}, expected {expected}",
            reply.status,
            message(reply)
        ),
    }
}

/// The server's own words: the `message` of step-ca's JSON, the `detail` of a problem (RFC 7807), else the start of a
/// text, never markup.
pub(crate) fn message(reply: &Reply) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        message: Option<String>,
        detail: Option<String>,
    }
    let said = serde_json::from_slice::<Refusal>(&reply.body)
        .ok()
        .and_then(|refusal| refusal.message.or(refusal.detail));
    if let Some(words) = said {
        return printable(&words);
    }
    let text = String::from_utf8_lossy(&reply.body);
    let text = text.trim();
    if text.is_empty() {
        "an empty body".to_owned()
    } else if text.starts_with('<') {
        "an HTML page (a proxy in front of the CA?)".to_owned()
    } else {
        printable(text)
    }
}

/// Foreign words on one line, and not too many of them.
pub(crate) fn printable(text: &str) -> String {
    const MOST: usize = 500;
    let mut out: String = text
        .chars()
        .take(MOST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(MOST).is_some() {
        out.push_str("...");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &str) -> Reply {
        Reply {
            status: 403,
            headers: ureq::http::HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn refusals_of_every_shape_become_words() {
        for (body, words) in [
            (r#"{"status":403,"message":"no\nway"}"#, "no way"),
            (r#"{"type":"x","detail":"y","message":"no"}"#, "no"),
            (r#"{"type":"urn:x","detail":"y","status":400}"#, "y"),
            ("404 page not found\n", "404 page not found"),
            ("", "an empty body"),
            ("<html>", "an HTML page (a proxy in front of the CA?)"),
        ] {
            assert_eq!(message(&reply(body)), words);
        }
        assert!(message(&reply(&"x".repeat(9_000))).len() < 600);
    }
}
