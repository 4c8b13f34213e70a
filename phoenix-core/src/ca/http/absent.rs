//! What stands for an address of a CA in a program that was built without any CA of the network.

use std::sync::Arc;

use rustls::ClientConfig;

use super::{HttpFault, Reply, Timeouts};
use crate::ca::{CaUrl, TransportError};
use crate::secret::Secret;
use crate::system::Dial;
use crate::time::Clock;

/// An address that nobody can ask.
pub(crate) struct Endpoint {
    url: CaUrl,
}

impl Endpoint {
    #[expect(clippy::unnecessary_wraps, reason = "as the one that can be asked")]
    pub(crate) fn new(
        url: &CaUrl,
        _server_name: Option<&str>,
        _tls: Arc<ClientConfig>,
        _dial: Arc<dyn Dial>,
        _clock: Arc<dyn Clock>,
        _timeouts: Timeouts,
    ) -> Result<Self, String> {
        Ok(Self { url: url.clone() })
    }

    pub(crate) fn url(&self) -> &CaUrl {
        &self.url
    }

    pub(crate) fn audience(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    #[expect(clippy::unused_self, reason = "as the one that can be asked")]
    pub(crate) fn skew(&self) -> Option<i64> {
        None
    }

    #[expect(clippy::unused_self, reason = "as the one that can be asked")]
    pub(crate) fn get(&self, _path: &str) -> Result<Reply, HttpFault> {
        Err(without())
    }

    #[expect(clippy::unused_self, reason = "as the one that can be asked")]
    pub(crate) fn post(&self, _path: &str, _body: &[u8]) -> Result<Reply, HttpFault> {
        Err(without())
    }

    #[expect(clippy::unused_self, reason = "as the one that can be asked")]
    pub(crate) fn post_as(&self, _path: &str, _token: &Secret) -> Result<Reply, HttpFault> {
        Err(without())
    }
}

fn without() -> HttpFault {
    HttpFault::Transport(TransportError::Protocol(
        crate::ca::WITHOUT_STEP_CA.to_owned(),
    ))
}
