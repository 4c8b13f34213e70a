//! instant-acme's requests over our own connections.

use std::future::{Future, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient, Problem};
use ureq::http::{Method, Request, Response, Uri};

use crate::ca::http::{Attempts, Endpoint, Reply, Wait, describe, message};
use crate::ca::{CaUrl, EnrollError, TransportError};
use crate::time::Clock;
use crate::x509::RevocationReason;

/// Lets a future run that never waits for anything but [`Wire`], which blocks.
///
/// # Errors
///
/// Where it waits for something else after all.
pub(super) fn run<T>(url: &CaUrl, future: impl Future<Output = T>) -> Result<T, EnrollError> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).as_mut().poll(&mut context) {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => Err(unexpected(
            url,
            "the client waits for something that is no answer".to_owned(),
        )),
    }
}

/// Sends requests to one server and to no other.
pub(super) struct Wire {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) total: Duration,
}

impl Wire {
    fn send(&self, request: Request<BodyWrapper<Bytes>>) -> Result<Reply, EnrollError> {
        let url = self.endpoint.url();
        let (mut parts, body) = request.into_parts();
        let path = self.path(&parts.uri)?;
        // Only the directory is fetched so, and of that instant-acme does not look at the status.
        let plain = parts.method == Method::GET;
        parts.uri = self
            .endpoint
            .audience(&path)
            .parse()
            .map_err(|_| unexpected(url, format!("it leads to `{path}`, which is no path")))?;
        // Ours is sent with every request.
        parts.headers.remove("user-agent");
        let mut body = BytesResponse::from(Response::new(body)).body;
        let body = run(url, body.into_bytes())?
            .map_err(|error| unexpected(url, format!("a request without a body: {error}")))?;
        let clock = self.clock.as_ref();
        let mut attempts = Attempts::new(clock, self.total);
        loop {
            let request = Request::from_parts(parts.clone(), &body[..]);
            // A repeated request has a used nonce; instant-acme asks for another when it is told so.
            let (failure, wait) = match self.endpoint.exchange(request) {
                Ok(reply) => match attempts.answered(clock, reply.status, reply.retry_after()) {
                    None => return self.readable(&path, reply, plain),
                    Some(wait) => {
                        let source = TransportError::Unavailable {
                            status: reply.status,
                            attempts: attempts.made(),
                            message: message(&reply),
                        };
                        let url = url.clone();
                        (EnrollError::Unreachable { url, source }, wait)
                    }
                },
                Err(fault) if fault.is_transient() => (fault.at(url), attempts.broken(clock)),
                Err(fault) => return Err(fault.at(url)),
            };
            match wait {
                Wait::GiveUp => return Err(failure),
                Wait::Try(duration) => clock.sleep(duration),
            }
        }
    }

    /// The path of a URL, where it is one of this server's: nobody else is trusted.
    fn path(&self, uri: &Uri) -> Result<String, EnrollError> {
        let there = uri
            .authority()
            .filter(|_| uri.scheme_str() == Some("https"))
            .and_then(|authority| authority.as_str().parse::<CaUrl>().ok());
        if there.as_ref() != Some(self.endpoint.base()) {
            return Err(unexpected(
                self.endpoint.url(),
                format!(
                    "it leads to `{uri}`, which is not at {}; nothing was sent there (is that the name of the CA? set `server_name`)",
                    self.endpoint.base()
                ),
            ));
        }
        Ok(uri
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned())
    }

    /// A refusal that instant-acme can read, else it would only speak of JSON.
    fn readable(&self, path: &str, reply: Reply, plain: bool) -> Result<Reply, EnrollError> {
        let well = match reply.status {
            200..300 => true,
            400.. if !plain => serde_json::from_slice::<Problem>(&reply.body).is_ok(),
            _ => false,
        };
        if well {
            return Ok(reply);
        }
        Err(EnrollError::Unexpected {
            url: self.endpoint.url().clone(),
            path: path.to_owned(),
            detail: describe(&reply, "an answer as ACME has it"),
        })
    }
}

impl HttpClient for Wire {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let answer = self.send(request).and_then(|reply| {
            let mut response = Response::builder().status(reply.status);
            if let Some(headers) = response.headers_mut() {
                *headers = reply.headers;
            }
            response
                .body(BodyWrapper::from(reply.body))
                .map(BytesResponse::from)
                .map_err(|error| unexpected(self.endpoint.url(), error.to_string()))
        });
        Box::pin(ready(answer.map_err(|error| Error::Other(Box::new(error)))))
    }
}

/// An error of instant-acme as one of ours.
pub(super) fn fault(url: &CaUrl, about: &str, error: Error) -> EnrollError {
    match error {
        Error::Api(problem) => EnrollError::Refused {
            url: url.clone(),
            common_name: about.to_owned(),
            status: problem.status.unwrap_or(400),
            message: words(&problem),
        },
        Error::Other(error) => match error.downcast::<EnrollError>() {
            Ok(ours) => *ours,
            Err(other) => unexpected(url, other.to_string()),
        },
        other => unexpected(url, other.to_string()),
    }
}

/// What stands against a proof, and what can be done about it.
pub(super) fn doubt(problem: &Problem) -> String {
    let kind = problem.r#type.as_deref().unwrap_or_default();
    let said = words(problem);
    match hint(kind.strip_prefix(ERRORS).unwrap_or(kind)) {
        Some(hint) => format!("{said}; {hint}"),
        None => said,
    }
}

/// What a problem says, with the name of its kind.
fn words(problem: &Problem) -> String {
    let kind = problem
        .r#type
        .as_deref()
        .map(|kind| kind.strip_prefix(ERRORS).unwrap_or(kind));
    let mut words = match (&problem.detail, kind) {
        (Some(detail), Some(kind)) => format!("{detail} ({kind})"),
        (Some(detail), None) => detail.clone(),
        (None, Some(kind)) => kind.to_owned(),
        (None, None) => "no reason".to_owned(),
    };
    for part in &problem.subproblems {
        let of = part.identifier.as_ref().map(|identifier| match identifier {
            instant_acme::Identifier::Dns(name) => format!("{name}: "),
            instant_acme::Identifier::Ip(address) => format!("{address}: "),
            _ => String::new(),
        });
        let detail = part.detail.as_deref().or(part.r#type.as_deref());
        words.push_str(&format!(
            "; {}{}",
            of.unwrap_or_default(),
            detail.unwrap_or("no reason")
        ));
    }
    crate::ca::http::printable(&words)
}

/// What the operator can do about a proof that the CA does not find (RFC 8555, 6.7).
fn hint(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "connection" => {
            "the CA asks port 80 of the address that the name has for it: that must lead here, or `http_listen` must be where it leads"
        }
        "dns" => "the name must have an address, or the record, for the CA's own resolver",
        "unauthorized" | "incorrectResponse" => {
            "something else answers for the name: another server on port 80, or an old record"
        }
        _ => return None,
    })
}

/// The reason as instant-acme has it; none where nothing is said.
pub(super) fn reason(reason: RevocationReason) -> Option<instant_acme::RevocationReason> {
    use instant_acme::RevocationReason as Theirs;
    Some(match reason {
        RevocationReason::Unspecified => return None,
        RevocationReason::KeyCompromise => Theirs::KeyCompromise,
        RevocationReason::CaCompromise => Theirs::CaCompromise,
        RevocationReason::AffiliationChanged => Theirs::AffiliationChanged,
        RevocationReason::Superseded => Theirs::Superseded,
        RevocationReason::CessationOfOperation => Theirs::CessationOfOperation,
        RevocationReason::CertificateHold => Theirs::CertificateHold,
        RevocationReason::RemoveFromCrl => Theirs::RemoveFromCrl,
        RevocationReason::PrivilegeWithdrawn => Theirs::PrivilegeWithdrawn,
        RevocationReason::AaCompromise => Theirs::AaCompromise,
    })
}

/// Whether a revocation came too late.
pub(super) fn is_revoked(problem: &Problem) -> bool {
    problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:alreadyRevoked")
}

fn unexpected(url: &CaUrl, detail: String) -> EnrollError {
    EnrollError::Unexpected {
        url: url.clone(),
        path: "an ACME request".to_owned(),
        detail,
    }
}

const ERRORS: &str = "urn:ietf:params:acme:error:";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::Timeouts;
    use crate::ca::http::trusting;
    use crate::system::NoDial;
    use crate::time::SystemClock;
    use crate::x509::testing::{Authority, DAY, now};

    fn wire(server_name: Option<&str>) -> Wire {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let anchor = Authority::with_root_dates(now() - 2_000 * DAY, now() + 20_000 * DAY).anchor();
        let endpoint = Endpoint::new(
            &"ca.test:9000".parse().unwrap(),
            server_name,
            trusting(&[anchor], &clock, None).unwrap(),
            Arc::new(NoDial),
            clock.clone(),
            Timeouts::default(),
        );
        Wire {
            endpoint: Arc::new(endpoint.unwrap()),
            clock,
            total: Duration::ZERO,
        }
    }

    #[test]
    fn nothing_is_sent_to_another_server() {
        let wire = wire(None);
        let path = |uri: &str| wire.path(&uri.parse().unwrap());
        assert_eq!(
            path("https://ca.test:9000/acme/x?y=1").unwrap(),
            "/acme/x?y=1"
        );
        for other in [
            "https://ca.test/acme/x",
            "https://other.test:9000/acme/x",
            "http://ca.test:9000/acme/x",
            "https://user@ca.test:9000/acme/x",
            "/acme/x",
        ] {
            let error = path(other).unwrap_err().to_string();
            assert!(error.contains("nothing was sent there"), "{other}: {error}");
        }
        // A CA that is reached by another name leads to its own.
        let named = self::wire(Some("ca.internal"));
        let uri = "https://ca.internal:9000/acme/x".parse().unwrap();
        assert_eq!(named.path(&uri).unwrap(), "/acme/x");
    }

    #[test]
    fn problems_are_told_with_their_kind_and_hints_belong_to_proofs() {
        let problem = |text: &str| serde_json::from_str::<Problem>(text).unwrap();
        let dns = problem(
            r#"{"type": "urn:ietf:params:acme:error:dns", "detail": "no record", "subproblems": [
                {"identifier": {"type": "dns", "value": "a.test"}, "detail": "NXDOMAIN"}]}"#,
        );
        assert_eq!(words(&dns), "no record (dns); a.test: NXDOMAIN");
        assert!(doubt(&dns).starts_with("no record (dns); a.test: NXDOMAIN; the name must"));
        assert_eq!(words(&problem("{}")), "no reason");
        assert_eq!(doubt(&problem(r#"{"type": "urn:x"}"#)), "urn:x");
    }
}
