//! A step-ca that only a proxy reaches.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use phoenix_core::ca::{Authority as _, PasswordSource, Request, StepCa};
use phoenix_core::secret::Secret;
use phoenix_core::system::{HostDial, ProxyDial};
use phoenix_core::x509::{KeyType, PrivateKey};
use phoenix_testkit::stepca::{PASSWORD, PROVISIONER, Server, Setup};

use super::{name, names, whole};

/// A proxy that leads `ca.behind` to this port, and nobody anywhere else.
fn proxy(port: u16, tunnels: Arc<AtomicUsize>) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let at = listener.local_addr()?.port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let tunnels = tunnels.clone();
            // A tunnel that breaks is the client's to notice.
            thread::spawn(move || {
                let _ = tunnel(client, port, &tunnels);
            });
        }
    });
    Ok(at)
}

fn tunnel(mut client: TcpStream, port: u16, tunnels: &AtomicUsize) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    if !head.starts_with(format!("CONNECT ca.behind:{port} HTTP/1.1\r\n").as_bytes()) {
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n");
    }
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    tunnels.fetch_add(1, Ordering::SeqCst);
    let (mut up, mut down) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut up, &mut down);
        let _ = down.shutdown(Shutdown::Both);
    });
    io::copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Both)
}

#[test]
fn certificates_come_through_the_proxy_that_is_named() {
    let mut setup = Setup::default();
    setup.dns_names.push("ca.behind".to_owned());
    let Some(server) = Server::start(&setup) else {
        return;
    };
    let tunnels = Arc::new(AtomicUsize::new(0));
    let at = proxy(server.port(), tunnels.clone()).unwrap();
    let client = |host: &str| {
        let url = format!("https://{host}:{}", server.port()).parse().unwrap();
        StepCa::new(
            vec![url],
            vec![server.anchor.clone()],
            Some(PROVISIONER.to_owned()),
            PasswordSource::file("/etc/password", || Ok(Secret::from(PASSWORD.to_owned()))),
            Arc::new(ProxyDial {
                to_proxy: Arc::new(HostDial),
                proxy: format!("http://127.0.0.1:{at}").parse().unwrap(),
            }),
        )
    };
    let ca = client("ca.behind");
    let key = PrivateKey::generate(KeyType::EcP256).unwrap();
    let (cn, sans) = (name("a.test"), names(&["a.test"]));
    let request = Request::new(&cn, &sans, &key);
    let issued = ca
        .enroll(&request)
        .unwrap_or_else(|error| panic!("{}", whole(&error)));
    // A renewal proves itself by TLS, which the proxy passes on as it is.
    let renewed = ca.renew(&issued.chain, &request);
    renewed.unwrap_or_else(|error| panic!("{}", whole(&error)));
    assert!(tunnels.load(Ordering::SeqCst) >= 2);

    let refused = whole(&client("localhost").enroll(&request).unwrap_err());
    assert!(
        refused.contains("through the proxy http://127.0.0.1:")
            && refused.contains("403 Forbidden"),
        "{refused}"
    );
}
