//! The link between Traefik and a Swarm manager, from plain TCP to mutual TLS: manifest, template and firewall rules.
//!
//! Every name, number and address comes from what the site says. Only bytes of changed values change; a second run finds
//! nothing to do.

use std::net::IpAddr;
use std::path::Path;

use super::entries::{WantedEntry, upsert};
use super::{Migration, NewFile};
use crate::change::FileEdit;
use crate::diagnostic::{Fault, Faults, Place};
use crate::document::{Cursor, Document, Edit, Format, Located, NodeId, Position, Value};
use crate::firewall::{
    Action, Direction, Edited, Rule, RuleScope, covers, decode_rules, move_port, opens,
};
use crate::guests::Guest;
use crate::manifest::EntriesEdit;
use crate::model::Model;
use crate::names::SubjectAltName;
use crate::settings::{ClientCa, Setting, edited, fresh};
use crate::template::Template;
use crate::traefik::StaticFile;

/// The name of the provider block in Traefik's static file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ProviderName {
    /// Stays `docker`. On Traefik 3 it lists no Swarm service.
    Docker,
    /// Becomes `swarm`, which Traefik 3 needs for a Swarm manager. The default.
    #[default]
    Swarm,
}

/// What may be chosen.
#[derive(Debug, Clone, Copy, Default)]
pub struct DockerTlsOptions {
    /// The provider block's name.
    pub provider: ProviderName,
    /// Whose clients dockerd shall admit; `None`: what the settings say.
    pub client_ca: Option<ClientCa>,
}

/// The two ends of the link.
struct Ends<'m> {
    manager: &'m Guest,
    manager_ip: IpAddr,
    traefik: &'m Guest,
    traefik_ip: IpAddr,
}

/// Computes the edits that move the link to mutual TLS.
///
/// # Errors
///
/// Faults when the site does not say who the two ends are, or when a file cannot be edited safely.
pub fn docker_tls(model: &Model, options: DockerTlsOptions) -> Result<Migration, Faults> {
    let ends = ends(model)?;
    let mut faults = Faults::new();
    let files = [
        manifest(model, &ends),
        template(model, &ends, options),
        guest_rules(model, &ends, model.documents.vms.as_ref(), ends.manager),
        guest_rules(model, &ends, model.documents.lxcs.as_ref(), ends.traefik),
        host_rules(model, &ends),
    ];
    let mut migration = Migration::default();
    for file in files {
        match file {
            Ok(Some(edit)) => migration.files.push(edit),
            Ok(None) => {}
            Err(found) => faults.extend(found),
        }
    }
    match settings(model, options.client_ca) {
        Ok(Some(Written::Edit(edit))) => migration.files.push(edit),
        Ok(Some(Written::New(file))) => migration.new_files.push(file),
        Ok(None) => {}
        Err(found) => faults.extend(found),
    }
    faults.into_result(migration)
}

enum Written {
    Edit(FileEdit),
    New(NewFile),
}

/// Whose clients dockerd admits stands in the settings; the rest follows from there, run by run.
fn settings(model: &Model, wanted: Option<ClientCa>) -> Result<Option<Written>, Faults> {
    let Some(wanted) = wanted.filter(|wanted| *wanted != model.settings.docker.client_ca) else {
        return Ok(None);
    };
    let setting: [Setting; 1] = [(
        "client_ca",
        wanted.as_str().to_owned(),
        "Whose clients may command Docker: `dedicated`, a small CA of ours that issues Traefik's certificate alone, or `shared`.",
    )];
    Ok(Some(match &model.documents.settings {
        Some(document) => Written::Edit(edited(document, "docker", &setting)?),
        None => Written::New(NewFile {
            path: model
                .documents
                .manifest
                .path()
                .with_file_name("phoenix.toml"),
            text: fresh("docker", &setting),
            reason: format!("docker.client_ca is {}", wanted.as_str()),
        }),
    }))
}

fn ends(model: &Model) -> Result<Ends<'_>, Faults> {
    let host = model.documents.host.path();
    let one = |what: &str, found: Vec<&'_ Guest>| match found.as_slice() {
        [] => Err(Faults::from(
            Fault::error(
                "migrate-ends",
                format!("found no guest that is {what}, expected one"),
            )
            .at(Place::file(host)),
        )),
        [guest] => Ok(guest.id),
        several => {
            let ids: Vec<String> = several.iter().map(|guest| guest.id.to_string()).collect();
            Err(Faults::from(
                Fault::error(
                    "migrate-ends",
                    format!("found {} that are {what}, expected one", ids.join(" and ")),
                )
                .at(Place::file(host)),
            ))
        }
    };
    let managers: Vec<&Guest> = model.docker_managers().collect();
    let managers = if managers.len() > 1 {
        managers
            .into_iter()
            .filter(|guest| guest.swarm_role.as_deref() == Some("manager"))
            .collect()
    } else {
        managers
    };
    let manager = one(
        "a Swarm manager (`swarm_role: manager`, feature `docker_proxy`)",
        managers,
    )?;
    let traefik = one("a Traefik (feature `traefik`)", model.traefiks().collect())?;
    let address = |id| {
        let guest = model.guests.guest(id);
        guest
            .and_then(|guest| Some((guest, guest.address.ip()?)))
            .ok_or_else(|| {
                Faults::from(
                    Fault::error(
                        "migrate-address",
                        format!("found no fixed address of {id}, expected `network_config.ip`"),
                    )
                    .at(guest.map_or_else(|| Place::file(host), |guest| guest_place(model, guest))),
                )
            })
    };
    let (manager, manager_ip) = address(manager)?;
    let (traefik, traefik_ip) = address(traefik)?;
    Ok(Ends {
        manager,
        manager_ip,
        traefik,
        traefik_ip,
    })
}

fn guest_place(model: &Model, guest: &Guest) -> Place {
    model.documents.of(guest.id.kind).map_or_else(
        || Place::file(Path::new("")),
        |document| document.place(guest.node),
    )
}

fn manifest(model: &Model, ends: &Ends<'_>) -> Result<Option<FileEdit>, Faults> {
    let document = &model.documents.manifest;
    let directory = |guest: &Guest| {
        model.persistent_dir(guest).ok_or_else(|| {
            Faults::from(
                Fault::error(
                    "migrate-directory",
                    format!("found no directory of the host that belongs to {}, expected a mount or volume named by its number", guest.id),
                )
                .at(guest_place(model, guest)),
            )
        })
    };
    let (server_dir, client_dir) = (directory(ends.manager)?, directory(ends.traefik)?);
    let missing_name = || {
        Faults::from(
            Fault::error("migrate-name", "found no usable domain").at(document.root().place()),
        )
    };
    let server_name = model.docker_common_name().ok_or_else(missing_name)?;
    let client_name = model.traefik_common_name().ok_or_else(missing_name)?;
    let tls_dir = &model.settings.docker.tls_dir;
    let certs_dir = &model.settings.traefik.certs_dir;
    let path = |dir: &Path, file: &str| Value::from(dir.join(file).to_string_lossy().into_owned());
    let deploy = |guest: &Guest, dir: &Path, cert: &str, key: &str, ca: &str, mode: &str| {
        Value::Array(vec![Value::Object(vec![
            ("guest".to_owned(), Value::from(guest.id.to_string())),
            ("cert".to_owned(), path(dir, cert)),
            ("key".to_owned(), path(dir, key)),
            ("ca".to_owned(), path(dir, ca)),
            ("permissions".to_owned(), Value::from(mode)),
        ])])
    };
    let defaults = || {
        vec![
            ("owner", Value::from("root:root")),
            ("permissions", Value::from("600")),
        ]
    };
    let server = WantedEntry {
        common_name: server_name.to_string(),
        sans: [SubjectAltName::Ip(ends.manager_ip)].into(),
        fields: vec![
            (
                "cert_path",
                path(&server_dir, "docker/certs/server-cert.pem"),
            ),
            ("key_path", path(&server_dir, "docker/certs/server-key.pem")),
            (
                "post_renewal_command",
                Value::from(format!(
                    "qm guest exec {} -- systemctl restart docker",
                    ends.manager.id.id
                )),
            ),
            (
                "deploy",
                deploy(
                    ends.manager,
                    tls_dir,
                    "server-cert.pem",
                    "server-key.pem",
                    "ca.pem",
                    "600",
                ),
            ),
        ],
        defaults: defaults(),
    };
    let client = WantedEntry {
        common_name: client_name.to_string(),
        sans: [].into(),
        fields: vec![
            ("cert_type", Value::from("client")),
            (
                "cert_path",
                path(&client_dir, "traefik/certs/client-cert.pem"),
            ),
            (
                "key_path",
                path(&client_dir, "traefik/certs/client-key.pem"),
            ),
            (
                "post_renewal_command",
                Value::from(format!(
                    "pct exec {} -- systemctl restart traefik",
                    ends.traefik.id.id
                )),
            ),
            (
                "deploy",
                deploy(
                    ends.traefik,
                    certs_dir,
                    "client-cert.pem",
                    "client-key.pem",
                    "ca.pem",
                    "600",
                ),
            ),
        ],
        defaults: defaults(),
    };
    let mut entries = EntriesEdit::new(document);
    upsert(&mut entries, &server)?;
    upsert(&mut entries, &client)?;
    Ok(Some(entries.finish()?).filter(FileEdit::changes))
}

fn template(
    model: &Model,
    ends: &Ends<'_>,
    options: DockerTlsOptions,
) -> Result<Option<FileEdit>, Faults> {
    let Some(Template {
        path, source: text, ..
    }) = &model.template
    else {
        let path = &model.settings.traefik.template;
        return Err(Faults::from(
            Fault::error(
                "migrate-template",
                "found no template of Traefik's static file",
            )
            .at(Place::file(path)),
        ));
    };
    // A template is edited as YAML; Jinja outside quoted scalars is refused here, with its place.
    let document = Document::parse(path, text.as_bytes().to_vec(), Format::Yaml)?;
    let file = StaticFile::parse(path, text)?;
    let Some(provider) = file.provider() else {
        return Err(Faults::from(
            Fault::error(
                "migrate-provider",
                "found neither `providers.docker` nor `providers.swarm`, expected one",
            )
            .at(document
                .root()
                .get("providers")
                .unwrap_or_else(|| document.root())
                .place()),
        ));
    };
    let mut edit = Edit::new(&document);
    let mut reasons = Vec::new();
    let block = document.cursor(provider.node);
    let endpoint = format!(
        "tcp://{}:{}",
        host_in_url(ends.manager_ip),
        model.settings.docker.port
    );
    match &provider.endpoint {
        Some((found, _)) if *found == endpoint => {}
        Some((found, node)) => {
            edit.set_text(*node, &endpoint);
            reasons.push(format!(
                "providers.{}.endpoint: {found} -> {endpoint}, the encrypted port",
                provider.name
            ));
        }
        None => {
            edit.insert(
                provider.node,
                Position::First,
                Some("endpoint"),
                Value::from(endpoint.as_str()),
            );
            reasons.push(format!("providers.{}.endpoint: {endpoint}", provider.name));
        }
    }
    let mut removed = |key: &str, why: &str, edit: &mut Edit<'_>| {
        if let Some(node) = block.get(key) {
            edit.remove(node.node());
            reasons.push(format!("providers.{}.{key}: removed, {why}", provider.name));
        }
    };
    removed(
        "apiVersion",
        "Traefik 3.7 refuses the field and does not start",
        &mut edit,
    );
    let renamed = options.provider == ProviderName::Swarm && provider.name == "docker";
    if renamed {
        removed(
            "swarmMode",
            "`providers.swarm` takes its place and refuses the field",
            &mut edit,
        );
    }
    tls_block(model, block, &mut edit, &mut reasons);
    if renamed {
        edit.rename_key(provider.node, "swarm");
        reasons.push(
            "providers.docker: now `swarm`, since Traefik 3 lists no Swarm service under `docker` (`--provider docker` keeps the name)"
                .to_owned(),
        );
    }
    finish(&document, &edit, reasons)
}

/// The `tls` block: our three files, verification on.
fn tls_block(model: &Model, provider: Cursor<'_>, edit: &mut Edit<'_>, reasons: &mut Vec<String>) {
    let certs = &model.settings.traefik.certs_dir;
    let file = |name: &str| Value::from(certs.join(name).to_string_lossy().into_owned());
    let wanted = [
        ("ca", file("ca.pem")),
        ("cert", file("client-cert.pem")),
        ("key", file("client-key.pem")),
        ("insecureSkipVerify", Value::Bool(false)),
    ];
    let Some(tls) = provider.get("tls") else {
        let members = wanted.map(|(key, value)| (key.to_owned(), value));
        edit.insert(
            provider.node(),
            Position::Last,
            Some("tls"),
            Value::Object(members.into()),
        );
        reasons.push(format!(
            "tls: Traefik shows its certificate from {} and verifies Docker's",
            certs.display()
        ));
        return;
    };
    for (key, value) in wanted {
        match tls.get(key) {
            Some(found) if found.to_value().as_ref() == Some(&value) => {}
            Some(found) => {
                edit.set(found.node(), value.clone());
                reasons.push(format!("tls.{key}: now {}", value.to_json()));
            }
            // Verification is Traefik's default; a block without the field is right as it is.
            None if key == "insecureSkipVerify" => {}
            None => {
                edit.insert(tls.node(), Position::Last, Some(key), value.clone());
                reasons.push(format!("tls.{key}: {}", value.to_json()));
            }
        }
    }
}

fn guest_rules(
    model: &Model,
    ends: &Ends<'_>,
    document: Option<&Document>,
    owner: &Guest,
) -> Result<Option<FileEdit>, Faults> {
    let Some(document) = document else {
        return Ok(None);
    };
    let mut edit = Edit::new(document);
    let mut reasons = Vec::new();
    let mut faults = Faults::new();
    for guest in model
        .guests
        .iter()
        .filter(|guest| guest.id.kind == owner.id.kind)
    {
        let Some(list) = guest.rules else {
            continue;
        };
        let all = decode_rules(document, list, RuleScope::Guest, &mut faults);
        let is_manager = guest.id == ends.manager.id;
        let concerned: Vec<Located<Rule>> = all
            .iter()
            .filter(|rule| match rule.value.direction {
                Direction::In => is_manager,
                Direction::Out => covers(rule.value.dest.as_ref(), ends.manager_ip),
                Direction::Forward | Direction::Group => false,
            })
            .cloned()
            .collect();
        moved(
            model,
            document,
            &concerned,
            &guest.id.to_string(),
            &mut edit,
            &mut reasons,
        );
        if is_manager {
            let (from, to) = (model.settings.docker.plain_port, model.settings.docker.port);
            let admits = |port| {
                opens(&concerned, port).any(|rule| {
                    rule.value.direction == Direction::In
                        && covers(rule.value.source.as_ref(), ends.traefik_ip)
                })
            };
            if !admits(from) && !admits(to) {
                add_inbound(list, &all, ends, to, &mut edit);
                reasons.push(format!(
                    "{}: a new rule admits {} on port {to}",
                    guest.id, ends.traefik_ip
                ));
            }
        }
    }
    faults.into_result(())?;
    finish(document, &edit, reasons)
}

fn host_rules(model: &Model, ends: &Ends<'_>) -> Result<Option<FileEdit>, Faults> {
    let document = &model.documents.host;
    let Some(list) = model.host.rules else {
        return Ok(None);
    };
    let mut faults = Faults::new();
    let concerned: Vec<Located<Rule>> =
        decode_rules(document, list, RuleScope::Cluster, &mut faults)
            .into_iter()
            .filter(|rule| covers(rule.value.dest.as_ref(), ends.manager_ip))
            .collect();
    faults.into_result(())?;
    let mut edit = Edit::new(document);
    let mut reasons = Vec::new();
    moved(
        model,
        document,
        &concerned,
        "host-wide",
        &mut edit,
        &mut reasons,
    );
    finish(document, &edit, reasons)
}

/// Moves the plain port to the encrypted one and says so for each rule.
fn moved(
    model: &Model,
    document: &Document,
    rules: &[Located<Rule>],
    whose: &str,
    edit: &mut Edit<'_>,
    reasons: &mut Vec<String>,
) {
    let (from, to) = (model.settings.docker.plain_port, model.settings.docker.port);
    for edited in move_port(edit, document, rules, from, to) {
        reasons.push(match edited {
            Edited::Port { rule, ports } => {
                format!(
                    "{whose}: the rule at line {} now has port {ports}",
                    document.place(rule).line
                )
            }
            Edited::Removed { rule, twin } => format!(
                "{whose}: the rule at line {} went, since the one at line {} already opens {to}",
                document.place(rule).line,
                document.place(twin).line
            ),
        });
    }
}

/// Adds the inbound rule that the link needs, behind its like and with its neighbours' key order.
fn add_inbound(
    list: NodeId,
    rules: &[Located<Rule>],
    ends: &Ends<'_>,
    port: u16,
    edit: &mut Edit<'_>,
) {
    let position = rules
        .iter()
        .rfind(|rule| rule.value.direction == Direction::In && rule.value.action == Action::Accept)
        .map_or(Position::First, |rule| Position::After(rule.node));
    let text = |key: &str, value: String| (key.to_owned(), Value::from(value));
    let rule = Value::Object(vec![
        text("type", "in".to_owned()),
        text("action", "ACCEPT".to_owned()),
        text("source", ends.traefik_ip.to_string()),
        text("proto", "tcp".to_owned()),
        text("port", port.to_string()),
        text(
            "comment",
            "Allow Traefik to connect to the secure Docker API".to_owned(),
        ),
    ]);
    edit.insert(list, position, None, rule);
}

fn host_in_url(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

fn finish(
    document: &Document,
    edit: &Edit<'_>,
    reasons: Vec<String>,
) -> Result<Option<FileEdit>, Faults> {
    let patch = edit.finish().map_err(Faults::from)?;
    if patch.is_empty() {
        return Ok(None);
    }
    Ok(Some(FileEdit {
        before: document.clone(),
        after: patch.apply(document)?,
        reasons,
    }))
}
