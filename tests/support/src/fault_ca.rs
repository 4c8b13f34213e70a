//! A CA that does what a real one will not, over real TLS.

use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use phoenix_core::ca::CaUrl;
use phoenix_core::x509::Anchor;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::provisioner::{Kind, jwk_provisioner};
use crate::stepca::{PASSWORD, PROVISIONER};

/// What the CA does wrong when it is asked to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Status 401 with a clock that many seconds away from the true time.
    Clock(i64),
    /// The body ends in the middle.
    CutOff,
    /// The root has ended.
    ExpiredRoot,
    /// The certificate that it shows in the handshake has ended.
    ExpiredServer,
    /// One more name than asked for.
    ExtraName,
    /// Status 500 once, then right.
    FailsOnce,
    /// An HTML page with status 502 from a proxy, at every attempt.
    Html,
    /// A body of 10 MB.
    Huge,
    /// Nothing.
    None,
    /// A certificate for another key.
    OtherKey,
    /// A redirect to another place.
    Redirect,
    /// The leaf without its intermediate.
    ShortChain,
    /// No answer for that long.
    Slow(Duration),
    /// Other names than asked for.
    WrongNames,
}

/// A running fault CA.
#[derive(Debug)]
pub struct FaultCa {
    shared: Arc<Shared>,
    port: u16,
    accepting: Option<JoinHandle<()>>,
    /// Its root.
    pub anchor: Anchor,
}

#[derive(Debug)]
struct Shared {
    fault: Mutex<Fault>,
    tokens: Mutex<Vec<Value>>,
    stopped: AtomicBool,
    provisioner: Value,
    intermediate: (CertificateParams, KeyPair, String),
    tls: Arc<ServerConfig>,
}

impl FaultCa {
    /// Starts one for `localhost` and 127.0.0.1.
    ///
    /// # Panics
    /// When it cannot listen.
    pub fn start(fault: Fault) -> Self {
        let (mut root_params, root_key) = (authority("Fault Root", 1), key());
        if fault == Fault::ExpiredRoot {
            root_params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let root = root_params.self_signed(&root_key).expect("a root");
        let (params, intermediate_key) = (authority("Fault Intermediate", 0), key());
        let intermediate = params
            .signed_by(
                &intermediate_key,
                &Issuer::from_params(&root_params, &root_key),
            )
            .expect("an intermediate");
        let server_key = key();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut server = CertificateParams::new(names).expect("names");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if fault == Fault::ExpiredServer {
            server.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let leaf = server
            .signed_by(
                &server_key,
                &Issuer::from_params(&params, &intermediate_key),
            )
            .expect("a leaf");
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
        let tls = ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone(), intermediate.der().clone()],
            private,
        )
        .expect("a server certificate");
        let shared = Arc::new(Shared {
            fault: Mutex::new(fault),
            tokens: Mutex::new(Vec::new()),
            stopped: AtomicBool::new(false),
            // Few rounds: the cost is not what is tested here.
            provisioner: jwk_provisioner(PROVISIONER, Kind::P256, PASSWORD, 1_000),
            intermediate: (params, intermediate_key, intermediate.pem()),
            tls: Arc::new(tls),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let accepting = {
            let shared = shared.clone();
            spawn(move || {
                for socket in listener.incoming().flatten() {
                    if shared.stopped.load(Ordering::SeqCst) {
                        break;
                    }
                    let shared = shared.clone();
                    spawn(move || {
                        let _ = serve(&shared, socket);
                    });
                }
            })
        };
        Self {
            shared,
            port,
            accepting: Some(accepting),
            anchor: Anchor::from_pem(root.pem().as_bytes()).expect("a root"),
        }
    }

    /// Where it listens.
    ///
    /// # Panics
    /// Never: the address is well-formed.
    pub fn url(&self) -> CaUrl {
        format!("https://127.0.0.1:{}", self.port)
            .parse()
            .expect("an address")
    }

    /// The claims of every token that came, in order.
    pub fn tokens(&self) -> Vec<Value> {
        lock(&self.shared.tokens).clone()
    }
}

impl Drop for FaultCa {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
    }
}

fn serve(shared: &Shared, socket: TcpStream) -> io::Result<()> {
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let connection = ServerConnection::new(shared.tls.clone()).map_err(io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, socket));
    loop {
        let mut first = String::new();
        if stream.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        let path = first.split(' ').nth(1).unwrap_or_default();
        let out = stream.get_mut();
        if path.ends_with("/sign") {
            sign(shared, out, &body)?;
        } else if path.starts_with("/provisioners") {
            let page = json!({ "provisioners": [shared.provisioner], "nextCursor": "" });
            answer(out, 200, "application/json", 0, page.to_string().as_bytes())?;
        } else {
            answer(out, 404, "text/plain", 0, b"404 page not found\n")?;
        }
    }
}

fn sign(shared: &Shared, out: &mut impl Write, body: &[u8]) -> io::Result<()> {
    let request: Value = serde_json::from_slice(body)?;
    let claims = request["ott"]
        .as_str()
        .and_then(|token| token.split('.').nth(1))
        .and_then(|part| URL_SAFE_NO_PAD.decode(part).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    lock(&shared.tokens).push(claims);
    let fault = {
        let mut current = lock(&shared.fault);
        let fault = current.clone();
        if fault == Fault::FailsOnce {
            *current = Fault::None;
        }
        fault
    };
    match fault {
        Fault::Clock(skew) => answer(out, 401, "application/json", skew, br#"{"status":401,"message":"The request lacked necessary authorization to be completed. Please see the certificate authority logs for more info."}"#),
        Fault::CutOff => {
            out.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 5000\r\n\r\n{\"crt\":\"")?;
            out.flush()?;
            Err(io::Error::other("cut off"))
        }
        Fault::FailsOnce => answer(out, 500, "application/json", 0, br#"{"status":500,"message":"The certificate authority encountered an Internal Server Error."}"#),
        Fault::Html => answer(out, 502, "text/html", 0, b"<html><body>Bad Gateway</body></html>"),
        Fault::Huge => answer(out, 201, "application/json", 0, &vec![b' '; 10 << 20]),
        Fault::Redirect => {
            out.write_all(b"HTTP/1.1 307 Temporary Redirect\r\nlocation: https://127.0.0.1:1/1.0/sign\r\ncontent-length: 0\r\n\r\n")?;
            out.flush()
        }
        Fault::Slow(wait) => {
            sleep(wait);
            Err(io::Error::other("too late"))
        }
        Fault::ExpiredRoot | Fault::ExpiredServer | Fault::ExtraName | Fault::None | Fault::OtherKey | Fault::ShortChain | Fault::WrongNames => {
            let reply = certificate(shared, &request, &fault);
            answer(out, 201, "application/json", 0, reply.to_string().as_bytes())
        }
    }
}

fn certificate(shared: &Shared, request: &Value, fault: &Fault) -> Value {
    let csr = request["csr"].as_str().unwrap_or_default();
    let mut csr = CertificateSigningRequestParams::from_pem(csr).expect("a CSR");
    let extra = |name: &str| rcgen::SanType::DnsName(name.try_into().expect("a name"));
    match fault {
        Fault::ExtraName => csr.params.subject_alt_names.push(extra("evil.test")),
        Fault::WrongNames => csr.params.subject_alt_names = vec![extra("evil.test")],
        _ => {}
    }
    csr.params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let (params, key_of_ca, pem) = &shared.intermediate;
    let issuer = Issuer::from_params(params, key_of_ca);
    let leaf = if *fault == Fault::OtherKey {
        csr.params.signed_by(&key(), &issuer)
    } else {
        csr.signed_by(&issuer)
    }
    .expect("a leaf");
    let mut chain = vec![leaf.pem()];
    if *fault != Fault::ShortChain {
        chain.push(pem.clone());
    }
    json!({ "crt": leaf.pem(), "certChain": chain })
}

fn answer(out: &mut impl Write, status: u16, kind: &str, skew: i64, body: &[u8]) -> io::Result<()> {
    write!(
        out,
        "HTTP/1.1 {status} Status\r\ncontent-type: {kind}\r\ncontent-length: {}\r\ndate: {}\r\n\r\n",
        body.len(),
        http_date(skew)
    )?;
    out.write_all(body)?;
    out.flush()
}

/// The time now plus some seconds, as the `Date` header has it.
fn http_date(skew: i64) -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = i64::try_from(now.as_secs()).unwrap_or(0) + skew;
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Howard Hinnant's civil calendar.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let moved_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * moved_month + 2) / 5 + 1;
    let month = if moved_month < 10 {
        moved_month + 3
    } else {
        moved_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let pick = |names: &str, at: i64| {
        let at = usize::try_from(at).unwrap_or(0) * 3;
        names[at..at + 3].to_owned()
    };
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} GMT",
        pick("ThuFriSatSunMonTueWed", days.rem_euclid(7)),
        pick("JanFebMarAprMayJunJulAugSepOctNovDec", month - 1),
        rest / 3_600,
        rest / 60 % 60,
        rest % 60
    )
}

fn authority(name: &str, path_length: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
