//! What stands in for the guests' programs: commands that really react to the files that were delivered.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use phoenix_core::document::{Cursor, Document, Format};
use phoenix_core::names::{GuestId, GuestKind};
use phoenix_core::site::Seams;
use phoenix_core::system::{Dial, WouldRunCommands};
use phoenix_core::time::SystemClock;
use phoenix_core::traefik::StaticFile;
use phoenix_core::transport::{Exec, ExecEnded, Executed, GuestTransport, Local};
use serde_json::{Value, json};

use super::endpoint::{Answer, ClientFiles, Endpoint, Reply, get, server_config};

/// The guests beneath a root: their programs, and the addresses at which they listen.
pub(super) struct World {
    root: PathBuf,
    itself: Weak<Self>,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    /// Listeners by the address that the site gives them; they really are on loopback.
    listeners: BTreeMap<(&'static str, u16), Endpoint>,
    /// When Docker was started, in seconds since the epoch.
    docker_started: u64,
    /// When Traefik was started, likewise.
    traefik_started: u64,
    traefik_log: Vec<String>,
    /// For each start of Docker, whether Traefik's files of that moment got in.
    #[cfg(test)]
    let_in: Vec<bool>,
    /// Docker does not start the next time.
    #[cfg(test)]
    docker_refuses: bool,
}

impl World {
    /// The guests beneath this root, with their programs started.
    pub(super) fn start(root: &Path) -> Result<Arc<Self>, String> {
        let world = Arc::new_cyclic(|itself| Self {
            root: root.to_owned(),
            itself: Weak::clone(itself),
            running: Mutex::default(),
        });
        world.restart_docker()?;
        world.restart_traefik()?;
        Ok(world)
    }

    /// The seams of a site whose guests these are.
    pub(super) fn seams(self: &Arc<Self>) -> Seams {
        let world = Arc::clone(self);
        Seams {
            clock: Arc::new(SystemClock),
            commands: Arc::new(WouldRunCommands),
            dial: Arc::clone(self) as Arc<dyn Dial>,
            transports: Arc::new(move |guests, _| {
                let live = guests.iter().filter(|guest| !guest.is_template);
                live.map(|guest| {
                    let world = Arc::clone(&world);
                    let local = Local::beneath(&world.root, guest.id);
                    let local = local.exec(Arc::new(move |guest: GuestId, exec: &Exec| {
                        world.run(guest, exec)
                    }));
                    (guest.id, Arc::new(local) as Arc<dyn GuestTransport>)
                })
                .collect()
            }),
            authority: None,
        }
    }

    /// Stops all that listens.
    pub(super) fn stop(&self) {
        let listeners = std::mem::take(&mut self.running().listeners);
        drop(listeners);
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        // Nothing in here can be left half done.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, guest: GuestId, exec: &Exec) -> Executed {
        let argv: Vec<&str> = exec.argv.iter().map(String::as_str).collect();
        let (status, stdout, stderr) = match self.command(guest, &argv) {
            Ok(stdout) => (0, stdout, String::new()),
            Err(stderr) => (1, String::new(), stderr),
        };
        Executed {
            ended: ExecEnded::Exit(status),
            stdout: stdout.into_bytes(),
            stderr: stderr.into_bytes(),
            truncated: false,
            required: exec.required,
        }
    }

    fn command(&self, guest: GuestId, argv: &[&str]) -> Result<String, String> {
        let (manager, proxy) = (guest == manager(), guest == proxy());
        // Hooks come with what they are told: `env NAME=VALUE... COMMAND`.
        let argv = match argv {
            ["env", rest @ ..] => {
                let words = rest.iter().take_while(|word| word.contains('=')).count();
                &rest[words..]
            }
            _ => argv,
        };
        match argv {
            [
                "systemctl",
                "show",
                "traefik.service",
                "-p",
                "ExecMainStartTimestamp",
                ..,
            ] => Ok(format!("@{}\n", self.running().traefik_started)),
            [
                "systemctl",
                "show",
                "docker.service",
                "-p",
                "ExecMainStartTimestamp",
                ..,
            ] => Ok(format!("@{}\n", self.running().docker_started)),
            ["systemctl", "show" | "is-active", ..] | ["docker", "info", ..] => {
                Ok("active\n".to_owned())
            }
            ["systemctl", "cat", "docker.service"] => Ok(self.docker_unit()),
            ["systemctl", "restart", "docker" | "docker.service"] if manager => {
                self.restart_docker().map(|()| String::new())
            }
            ["systemctl", "restart", "traefik" | "traefik.service"] if proxy => {
                self.restart_traefik().map(|()| String::new())
            }
            ["dockerd", "--version"] => Ok(format!("Docker version {DOCKER}, build 0000000\n")),
            ["dockerd", "--validate", "--config-file", path] => {
                json_object(&self.read(guest, path)?).map(|_| "configuration OK\n".to_owned())
            }
            ["docker", "version", ..] => Ok(json!({ "Server": version() }).to_string()),
            ["docker", "service", "update", ..] if manager => {
                self.restart_portainer().map(|()| String::new())
            }
            ["stat", "-L", "-c", "%Y", path] => self
                .modified(guest, path)
                .map(|seconds| format!("{seconds}\n")),
            ["sh", "-c", _, "sh", _, path] => {
                static_file(path, &self.read(guest, path)?).map(|_| String::new())
            }
            ["journalctl", "-u", "traefik.service", ..] => {
                Ok(self.running().traefik_log.join("\n"))
            }
            [program, "version"] if program.ends_with("/traefik") => {
                Ok(format!("Version:      {TRAEFIK}\nCodename:     demo\n"))
            }
            _ => Ok(String::new()),
        }
    }

    /// The unit with its drop-ins, as `systemctl cat` prints it.
    fn docker_unit(&self) -> String {
        let mut text = format!("# /lib/systemd/system/docker.service\n{DOCKER_UNIT}");
        let dir = self
            .guest_dir(manager())
            .join("etc/systemd/system/docker.service.d");
        let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        files.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "conf")
        });
        files.sort();
        for path in files {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let content = std::fs::read_to_string(&path).unwrap_or_default();
            let _ = write!(
                text,
                "\n# /etc/systemd/system/docker.service.d/{name}\n{content}"
            );
        }
        text
    }

    /// As dockerd does: listeners come from its command or from its file, and TLS from the files named there.
    fn restart_docker(&self) -> Result<(), String> {
        #[cfg(test)]
        if std::mem::take(&mut self.running().docker_refuses) {
            return Err("planted: dockerd does not start".to_owned());
        }
        let text = self.read(manager(), "/etc/docker/daemon.json")?;
        let config = json_object(&text)?;
        let unit = self.docker_unit();
        let command = unit
            .lines()
            .filter_map(|line| line.strip_prefix("ExecStart="))
            .rfind(|line| !line.is_empty());
        let words: Vec<&str> = command.unwrap_or_default().split_whitespace().collect();
        let flags: Vec<String> = words
            .windows(2)
            .filter(|pair| pair[0] == "-H")
            .map(|pair| pair[1].to_owned())
            .collect();
        let listed: Option<Vec<String>> = config["hosts"].as_array().map(|hosts| {
            hosts
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        });
        let hosts = match listed {
            Some(_) if !flags.is_empty() => {
                return Err("unable to configure the Docker daemon with file /etc/docker/daemon.json: the following directives are specified both as a flag and in the configuration file: hosts".to_owned());
            }
            Some(listed) => listed,
            None => flags,
        };
        let tls = if config["tlsverify"] == true {
            let file =
                |key: &str| self.read_bytes(manager(), config[key].as_str().unwrap_or_default());
            Some(server_config(
                &file("tlscert")?,
                &file("tlskey")?,
                Some(&file("tlscacert")?),
            )?)
        } else {
            None
        };
        let answer: Answer = Arc::new(|request| match request.path.as_str() {
            "/_ping" => Reply::ok("OK"),
            "/info" => Reply::ok(
                json!({ "Swarm": { "LocalNodeState": "active" }, "ServerVersion": DOCKER })
                    .to_string(),
            ),
            "/services" => Reply::ok(services().to_string()),
            "/version" => Reply::ok(version().to_string()),
            _ => Reply::not_found(),
        });
        let ports: Vec<u16> = hosts
            .iter()
            .filter_map(|host| {
                host.strip_prefix("tcp://")?
                    .rsplit_once(':')?
                    .1
                    .parse()
                    .ok()
            })
            .collect();
        let mut running = self.running();
        running
            .listeners
            .retain(|(address, port), _| *address != MANAGER || *port == PORTAINER_PORT);
        for port in &ports {
            let endpoint = Endpoint::serve(tls.clone(), Arc::clone(&answer))
                .map_err(|error| error.to_string())?;
            running.listeners.insert((MANAGER, *port), endpoint);
        }
        running.docker_started = seconds(SystemTime::now());
        drop(running);
        let sockets: Vec<String> = ports.iter().map(|port| listening(*port)).collect();
        self.write_sockets(manager(), &sockets)?;
        #[cfg(test)]
        {
            let let_in = self.traefik_gets_in();
            self.running().let_in.push(let_in);
        }
        Ok(())
    }

    /// As Portainer does: TLS with the pair that lies in its volume.
    pub(super) fn restart_portainer(&self) -> Result<(), String> {
        let dir = self.root.join(PORTAINER_CERTS);
        let file =
            |name: &str| std::fs::read(dir.join(name)).map_err(|error| format!("{name}: {error}"));
        let tls = server_config(&file("portainer.crt")?, &file("portainer.key")?, None)?;
        let answer: Answer = Arc::new(|request| match request.path.as_str() {
            "/" => Reply::ok("<!doctype html><title>Portainer</title>"),
            "/api/system/status" => Reply::ok(json!({ "Version": "2.33.3" }).to_string()),
            _ => Reply::not_found(),
        });
        let endpoint = Endpoint::serve(Some(tls), answer).map_err(|error| error.to_string())?;
        self.running()
            .listeners
            .insert((MANAGER, PORTAINER_PORT), endpoint);
        Ok(())
    }

    /// As Traefik does: reads its static file, connects to Docker, serves its API.
    fn restart_traefik(&self) -> Result<(), String> {
        let file = static_file(
            "/etc/traefik/traefik.yml",
            &self.read(proxy(), "/etc/traefik/traefik.yml")?,
        )?;
        let provider = file.provider().ok_or("no provider for Docker")?;
        let name = provider.name.clone();
        let connected = self.docker_services(&file);
        let mut sockets = vec![listening(80), listening(8080)];
        let line = match &connected {
            Ok(_) => {
                if let Some((ip, port)) = docker_address(&file) {
                    sockets.push(established(&ip, port));
                }
                format!(
                    "DBG Provider connection established with docker {DOCKER} (API 1.51) providerName={name}"
                )
            }
            Err(error) => format!(
                "ERR Failed to retrieve information of the docker client error={error:?} providerName={name}"
            ),
        };
        self.write_sockets(proxy(), &sockets)?;
        let world = Weak::clone(&self.itself);
        let api: Answer = Arc::new(move |request| {
            let routers = || {
                let world = world.upgrade()?;
                let mut all = world
                    .docker_services(&file)
                    .map_or_else(|_| Vec::new(), |found| routers(&found, &name));
                all.extend(world.dynamic_routers(&file));
                Some(Value::Array(all))
            };
            let services = || Some(Value::Array(world.upgrade()?.dynamic_services(&file)));
            match request.path.as_str() {
                "/api/http/services" => Reply::ok(services().unwrap_or_else(|| json!([])).to_string()),
                "/api/version" => Reply::ok(json!({ "Version": TRAEFIK, "Codename": "demo" }).to_string()),
                "/api/overview" => Reply::ok(json!({ "providers": ["File", capitalised(&name)] }).to_string()),
                "/api/http/routers" => Reply::ok(routers().unwrap_or_else(|| json!([])).to_string()),
                "/api/entrypoints" => {
                    Reply::ok(json!([{ "name": "web", "address": ":80" }, { "name": "traefik", "address": ":8080" }]).to_string())
                }
                _ => Reply::not_found(),
            }
        });
        let web: Answer = Arc::new(|request| match request.host.as_str() {
            WEB_HOST => Reply::ok("hello from the demo's only service\n"),
            _ => Reply::not_found(),
        });
        let serve = |answer| Endpoint::serve(None, answer).map_err(|error| error.to_string());
        let (api, web) = (serve(api)?, serve(web)?);
        let mut running = self.running();
        running.listeners.insert((PROXY, 8080), api);
        running.listeners.insert((PROXY, 80), web);
        running.traefik_log = vec![line];
        running.traefik_started = seconds(SystemTime::now());
        Ok(())
    }

    /// Routers or services of the dynamic file that lies where Traefik watches, by the reading of one of them.
    fn dynamic(
        &self,
        file: &StaticFile,
        kind: &str,
        read: impl Fn(String, Cursor<'_>) -> Option<Value>,
    ) -> Vec<Value> {
        let document = || {
            let path = file.dynamic_file()?;
            let text = self.read(proxy(), &path.to_string_lossy()).ok()?;
            Document::parse(&path, text.into_bytes(), Format::Yaml).ok()
        };
        let Some(document) = document() else {
            return Vec::new();
        };
        let all = document.root().at(kind);
        let entries = all
            .into_iter()
            .flat_map(|all| all.entries().collect::<Vec<_>>());
        entries
            .filter_map(|entry| read(format!("{}@file", entry.key), entry.value))
            .collect()
    }

    fn dynamic_routers(&self, file: &StaticFile) -> Vec<Value> {
        self.dynamic(file, "/http/routers", |name, router| {
            Some(json!({
                "name": name,
                "rule": router.get("rule")?.as_str()?,
                "status": "enabled",
                "using": ["web"],
                "entryPoints": ["web"],
            }))
        })
    }

    fn dynamic_services(&self, file: &StaticFile) -> Vec<Value> {
        self.dynamic(file, "/http/services", |name, service| {
            let url = service.at("/loadBalancer/servers/0/url")?.as_str()?;
            Some(json!({ "name": name, "loadBalancer": { "servers": [{ "url": url }] } }))
        })
    }

    /// What Docker lists to a client with the files that the static file names.
    fn docker_services(&self, file: &StaticFile) -> Result<Value, String> {
        let provider = file.provider().ok_or("no provider")?;
        let (host, port) = docker_address(file).ok_or("no endpoint")?;
        let files = match &provider.tls {
            None => None,
            Some(tls) => {
                let read = |path: &Option<PathBuf>| {
                    let path = path.as_ref().ok_or("a file of the client is not named")?;
                    self.read_bytes(proxy(), &path.to_string_lossy())
                };
                Some(ClientFiles {
                    ca: read(&tls.ca)?,
                    chain: read(&tls.cert)?,
                    key: read(&tls.key)?,
                })
            }
        };
        let socket = self
            .dial(&host, port, Duration::from_secs(2))
            .map_err(|error| error.to_string())?;
        let body = get(socket, files.as_ref(), &host, "/services")?;
        serde_json::from_str(&body).map_err(|error| error.to_string())
    }

    #[cfg(test)]
    fn traefik_gets_in(&self) -> bool {
        let path = "/etc/traefik/traefik.yml";
        let file = self
            .read(proxy(), path)
            .and_then(|text| static_file(path, &text));
        file.and_then(|file| self.docker_services(&file)).is_ok()
    }

    fn guest_dir(&self, guest: GuestId) -> PathBuf {
        super::site::guest_dir(&self.root, guest)
    }

    fn read_bytes(&self, guest: GuestId, path: &str) -> Result<Vec<u8>, String> {
        let inside = self.guest_dir(guest).join(path.trim_start_matches('/'));
        std::fs::read(inside).map_err(|error| format!("could not read {path}: {error}"))
    }

    fn read(&self, guest: GuestId, path: &str) -> Result<String, String> {
        Ok(String::from_utf8_lossy(&self.read_bytes(guest, path)?).into_owned())
    }

    fn modified(&self, guest: GuestId, path: &str) -> Result<u64, String> {
        let inside = self.guest_dir(guest).join(path.trim_start_matches('/'));
        let modified = std::fs::metadata(inside).and_then(|facts| facts.modified());
        modified.map(seconds).map_err(|error| error.to_string())
    }

    fn write_sockets(&self, guest: GuestId, lines: &[String]) -> Result<(), String> {
        let dir = self.guest_dir(guest).join("proc/net");
        let mut text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n".to_owned();
        for (index, line) in lines.iter().enumerate() {
            let inode = 20_000 + index;
            let _ = writeln!(
                text,
                "{index:4}: {line} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1"
            );
        }
        std::fs::create_dir_all(&dir)
            .and_then(|()| std::fs::write(dir.join("tcp"), text))
            .map_err(|error| error.to_string())
    }
}

impl Dial for World {
    fn dial(&self, host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream> {
        let address = {
            let running = self.running();
            let found = running
                .listeners
                .iter()
                .find(|((name, at), _)| *name == host && *at == port);
            found.map(|(_, endpoint)| endpoint.address)
        };
        match address {
            Some(address) => TcpStream::connect_timeout(&address, timeout),
            None => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }
}

fn manager() -> GuestId {
    GuestId {
        kind: GuestKind::Vm,
        id: 1001,
    }
}

fn proxy() -> GuestId {
    GuestId {
        kind: GuestKind::Lxc,
        id: 102,
    }
}

fn json_object(text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| format!("unable to configure the Docker daemon: {error}"))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err("unable to configure the Docker daemon: not an object".to_owned())
    }
}

fn static_file(path: &str, text: &str) -> Result<StaticFile, String> {
    StaticFile::parse(Path::new(path), text).map_err(|faults| faults.to_string())
}

fn docker_address(file: &StaticFile) -> Option<(String, u16)> {
    let (endpoint, _) = file.provider()?.endpoint?;
    let (host, port) = endpoint.strip_prefix("tcp://")?.rsplit_once(':')?;
    Some((host.to_owned(), port.parse().ok()?))
}

fn version() -> Value {
    json!({ "Version": DOCKER, "ApiVersion": "1.51", "MinAPIVersion": "1.24", "Os": "linux" })
}

fn services() -> Value {
    json!([{
        "ID": "demo1service0of0the0swarm",
        "Spec": {
            "Name": "web",
            "Labels": {
                "traefik.enable": "true",
                "traefik.http.routers.web.rule": format!("Host(`{WEB_HOST}`)"),
                "traefik.http.routers.web.entrypoints": "web",
                "traefik.http.services.web.loadbalancer.server.port": "80",
            },
        },
    }])
}

/// The routers that the services' labels ask for, as Traefik lists them.
fn routers(services: &Value, provider: &str) -> Vec<Value> {
    let rule = "traefik.http.routers.web.rule";
    let all = services.as_array().into_iter().flatten();
    let routers = all.filter_map(|service| {
        let labels = &service["Spec"]["Labels"];
        Some(json!({
            "name": format!("web@{provider}"),
            "rule": labels[rule].as_str()?,
            "status": "enabled",
            "using": ["web"],
            "entryPoints": ["web"],
        }))
    });
    routers.collect()
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn listening(port: u16) -> String {
    format!("00000000:{port:04X} 00000000:0000 0A")
}

/// A connection from Traefik to Docker, as the kernel would list it.
fn established(ip: &str, port: u16) -> String {
    let word = |ip: &str| {
        ip.parse::<Ipv4Addr>()
            .map_or(0, |ip| u32::from_ne_bytes(ip.octets()))
    };
    format!("{:08X}:D2F0 {:08X}:{port:04X} 01", word(PROXY), word(ip))
}

#[cfg(test)]
impl World {
    /// For each start of Docker since the last question, whether Traefik's files of that moment got in.
    pub(super) fn let_in(&self) -> Vec<bool> {
        std::mem::take(&mut self.running().let_in)
    }

    /// Docker does not start the next time.
    pub(super) fn docker_refuses_once(&self) {
        self.running().docker_refuses = true;
    }

    /// Docker was not started again since its files were written.
    pub(super) fn docker_is_old(&self) {
        self.running().docker_started -= 100;
    }

    /// Whether Traefik gets in now.
    pub(super) fn link_holds(&self) -> bool {
        self.traefik_gets_in()
    }
}

/// The Swarm manager's address on the sample site.
const MANAGER: &str = "10.0.0.111";
/// Traefik's address there.
const PROXY: &str = "10.0.0.12";
const PORTAINER_PORT: u16 = 9443;
/// Where Portainer's volume lies on the host, beneath the root.
const PORTAINER_CERTS: &str = "mnt/pve/tank/vm-persistent-data/1001/portainer/certs";
const WEB_HOST: &str = "web.internal.example";
const DOCKER: &str = "28.5.2";
const TRAEFIK: &str = "3.7.1";
const DOCKER_UNIT: &str = "[Unit]
Description=Docker Application Container Engine
[Service]
Type=notify
ExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock
ExecReload=/bin/kill -s HUP $MAINPID
";
