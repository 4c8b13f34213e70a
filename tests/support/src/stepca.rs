//! A real step-ca, started for one test and stopped with it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use phoenix_core::ca::CaUrl;
use phoenix_core::x509::Anchor;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde_json::{Value, json};

use crate::loopback::free_port;
use crate::provisioner::{Kind, jwk_provisioner};
use crate::{Need, Scratch, need};

/// The provisioner that every server has.
pub const PROVISIONER: &str = "admin@example.org";

/// The provisioner that speaks ACME, where there is one.
pub const ACME: &str = "acme";

/// The password of every provisioner.
pub const PASSWORD: &str = "a password of the test's own";

/// How a server is to be set up.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Setup {
    /// The names in its certificate, which are also the audiences that it takes.
    pub dns_names: Vec<String>,
    /// The kind of the provisioner's key.
    pub kind: Kind,
    /// The provisioner's claims, such as `{"maxTLSCertDuration": "48h"}`.
    pub claims: Value,
    /// Further provisioners, as in `ca.json`.
    pub others: Vec<Value>,
    /// How often the provisioner's password is hashed; `step` writes 600,000.
    pub rounds: u32,
    /// Whether it keeps a revocation list.
    pub crl: bool,
    /// Whether it has the provisioner [`ACME`], and how it looks at names.
    pub acme: Option<Looks>,
}

/// How a server looks at the names that are to be proved.
#[derive(Debug, Clone, Copy)]
pub struct Looks {
    /// The port that it asks for `http-01`, in place of 80.
    pub http_port: u16,
    /// The name server that it asks.
    pub resolver: SocketAddr,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            dns_names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
            kind: Kind::P256,
            claims: json!({}),
            others: Vec::new(),
            rounds: 100_000,
            crl: false,
            acme: None,
        }
    }
}

/// A running step-ca on a free port of 127.0.0.1, with its own root and a database.
#[derive(Debug)]
pub struct Server {
    scratch: Scratch,
    program: PathBuf,
    child: Option<Child>,
    flags: Vec<String>,
    port: u16,
    /// Its root.
    pub anchor: Anchor,
}

impl Server {
    /// Starts one, or says what is left out where step-ca is missing.
    ///
    /// # Panics
    /// When it does not answer within 30 seconds.
    pub fn start(setup: &Setup) -> Option<Self> {
        need(Need::StepCa).map(|program| Self::of(program, setup))
    }

    /// Starts a step-ca 0.19, or says what is left out where it is missing.
    ///
    /// # Panics
    /// When it does not answer within 30 seconds.
    pub fn start_old(setup: &Setup) -> Option<Self> {
        need(Need::StepCa019).map(|program| Self::of(program, setup))
    }

    fn of(program: PathBuf, setup: &Setup) -> Self {
        let scratch = Scratch::new("stepca");
        let (root, intermediate, key) = authorities();
        let anchor = Anchor::from_pem(root.as_bytes()).expect("a root");
        let path = |name: &str, text: &str| scratch.file(name, text).display().to_string();
        let mut provisioner = jwk_provisioner(PROVISIONER, setup.kind, PASSWORD, setup.rounds);
        provisioner["claims"] = setup.claims.clone();
        let mut provisioners = vec![provisioner];
        provisioners.extend(setup.others.iter().cloned());
        let mut flags = Vec::new();
        if let Some(looks) = &setup.acme {
            provisioners.push(json!({ "type": "ACME", "name": ACME, "claims": setup.claims }));
            flags = vec![
                "--insecure".to_owned(),
                format!("--acme-http-port={}", looks.http_port),
                format!("--resolver={}", looks.resolver),
            ];
        }
        let port = free_port();
        let config = json!({
            "root": path("root.crt", &root),
            "crt": path("intermediate.crt", &intermediate),
            "key": path("intermediate.key", &key),
            "address": format!("127.0.0.1:{port}"),
            "dnsNames": setup.dns_names,
            "db": { "type": "badgerv2", "dataSource": scratch.path().join("db") },
            "authority": { "provisioners": provisioners },
            "crl": { "enabled": setup.crl, "generateOnRevoke": setup.crl },
        });
        scratch.file("ca.json", config.to_string());
        let mut server = Self {
            scratch,
            program,
            child: None,
            flags,
            port,
            anchor,
        };
        server.run();
        server
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

    /// The directory of the provisioner [`ACME`].
    pub fn acme_directory(&self) -> String {
        format!("{}/acme/{ACME}/directory", self.url())
    }

    /// Its configuration.
    pub fn config(&self) -> PathBuf {
        self.scratch.path().join("ca.json")
    }

    /// What it wrote into its log since it was started.
    pub fn log(&self) -> String {
        fs::read_to_string(self.scratch.path().join("log")).unwrap_or_default()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops it; `run` starts it again with the same database.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it where it is stopped, and waits until it listens.
    ///
    /// # Panics
    /// When it ends or does not listen within 30 seconds; the message holds its log.
    pub fn run(&mut self) {
        self.stop();
        let log = self.scratch.path().join("log");
        let output = fs::File::create(&log).expect("a log file");
        let mut child = Command::new(&self.program)
            .args(&self.flags)
            .arg(self.config())
            .env("STEPPATH", self.scratch.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .spawn()
            .expect("step-ca starts");
        let since = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let ended = child.try_wait().expect("the state of step-ca");
            if ended.is_some() || since.elapsed() > Duration::from_secs(30) {
                let _ = child.kill();
                let _ = child.wait();
                panic!(
                    "step-ca does not listen: {}",
                    fs::read_to_string(&log).unwrap_or_default()
                );
            }
            sleep(Duration::from_millis(20));
        }
        self.child = Some(child);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Root, intermediate and the intermediate's key as PEM.
fn authorities() -> (String, String, String) {
    let (root_params, root_key) = (
        authority("Test Root", 1),
        KeyPair::generate().expect("a key"),
    );
    let root = root_params.self_signed(&root_key).expect("a root");
    let key = KeyPair::generate().expect("a key");
    let intermediate = authority("Test Intermediate", 0)
        .signed_by(&key, &Issuer::from_params(&root_params, &root_key))
        .expect("an intermediate");
    (root.pem(), intermediate.pem(), key.serialize_pem())
}

fn authority(name: &str, path_length: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}
