//! The rate of `/sign`: ours, and that of a generator which sends requests that were made before and reads nothing of the
//! answers but their length.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use phoenix_benches::is_measured;
use phoenix_core::ca::{Permit, StepCa};
use phoenix_core::names::CommonName;
use phoenix_core::x509::{KeyType, PrivateKey, create_csr};
use phoenix_testkit::stepca::Server;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::ServerName;

use super::{WORKERS, client, issue_all, ms, say, words};

/// Of the generator's rate, at least.
const SHARE: f64 = 0.9;
/// Each is measured so often in turns, and its best counts: both share two processors with the CA.
const ROUNDS: usize = 3;

/// Whether our rate is near enough to the generator's.
pub(crate) fn beside_a_generator(server: &Server) -> Result<bool, Box<dyn Error>> {
    let (count, rounds) = if is_measured() { (500, ROUNDS) } else { (4, 1) };
    let ours = client(server);
    // The key is opened and the connections are there.
    issue_all(&ours, WORKERS)?;
    let (mut bare, mut enrolled) = (Duration::MAX, Duration::MAX);
    for _ in 0..rounds {
        let requests = requests(server, &ours, count)?;
        bare = bare.min(generate(server, &requests)?);
        let started = Instant::now();
        issue_all(&ours, count)?;
        enrolled = enrolled.min(started.elapsed());
    }
    let number = f64::from(u32::try_from(count)?);
    let rate = |time: Duration| number / time.as_secs_f64();
    let share = rate(enrolled) / rate(bare);
    say(&format!(
        "/sign with {WORKERS} connections: {:.0} a second ({:.1} ms for {count}), bare generator {:.0} a second: {:.0} % (at least {:.0} %)",
        rate(enrolled),
        ms(enrolled),
        rate(bare),
        share * 100.0,
        SHARE * 100.0
    ));
    Ok(share >= SHARE)
}

/// Complete requests, each with a token and a request of its own.
pub(crate) fn requests(
    server: &Server,
    client: &StepCa,
    count: usize,
) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut all = Vec::with_capacity(count);
    let host = format!("127.0.0.1:{}", server.port());
    for number in 0..count {
        let name: CommonName = format!("g{number}.test").parse().map_err(words)?;
        let sans = BTreeSet::from_iter(name.as_dns());
        let key = PrivateKey::generate(KeyType::EcP256)?;
        let csr = create_csr(&key, &name, &sans)?;
        let token = client.one_time_token(Permit::Sign {
            common_name: &name,
            sans: &sans,
            csr: Some(&csr),
        })?;
        let token = String::from_utf8_lossy(token.expose_secret()).into_owned();
        let body = serde_json::json!({ "csr": csr.to_pem(), "ott": token }).to_string();
        let head = format!(
            "POST /1.0/sign HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        all.push([head.as_bytes(), body.as_bytes()].concat());
    }
    Ok(all)
}

/// How long the CA takes for all of them.
pub(crate) fn generate(server: &Server, requests: &[Vec<u8>]) -> Result<Duration, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    roots.add(server.anchor.der().clone())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let mut connections = Vec::new();
    for _ in 0..WORKERS {
        let socket = TcpStream::connect(("127.0.0.1", server.port()))?;
        socket.set_nodelay(true)?;
        let name = ServerName::try_from("127.0.0.1")?;
        let tls = ClientConnection::new(config.clone(), name)?;
        let mut stream = StreamOwned::new(tls, socket);
        stream.conn.complete_io(&mut stream.sock)?;
        connections.push(stream);
    }
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let ended: Vec<Result<(), String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = connections
            .into_iter()
            .map(|mut stream| {
                let next = &next;
                scope.spawn(move || {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(request) = requests.get(number) else {
                            return Ok(());
                        };
                        answer(&mut stream, request).map_err(words)?;
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err("a thread panicked".to_owned()))
            })
            .collect()
    });
    let took = started.elapsed();
    ended.into_iter().collect::<Result<(), String>>()?;
    Ok(took)
}

/// Sends one and reads its answer to the end.
fn answer(
    stream: &mut StreamOwned<ClientConnection, TcpStream>,
    request: &[u8],
) -> Result<(), Box<dyn Error>> {
    stream.write_all(request)?;
    stream.flush()?;
    let mut bytes = Vec::with_capacity(8 << 10);
    let mut buffer = [0; 8 << 10];
    loop {
        let amount = stream.read(&mut buffer)?;
        if amount == 0 {
            return Err("the CA closed the connection".into());
        }
        bytes.extend_from_slice(&buffer[..amount]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        if !head.starts_with("http/1.1 201") {
            return Err(format!("the CA answered {head}").into());
        }
        let body = &bytes[end + 4..];
        let done = match head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
        {
            Some(length) => body.len() >= length.trim().parse::<usize>()?,
            None => body.ends_with(b"0\r\n\r\n"),
        };
        if done {
            return Ok(());
        }
    }
}
