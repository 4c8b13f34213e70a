//! How a script stands now, by what lies there and beside it.

use std::path::{Path, PathBuf};

use super::ScriptOptions;
use crate::error::Error;
use crate::model::Model;
use crate::scripts::{Facts, Script, State, kept_beside, mark_of, render};
use crate::settings::CaChoice;
use crate::site::{Site, SitePaths};
use crate::system::{FileDigest, FileFacts, FileKind};

/// A file's bytes and what it is.
type File = (Vec<u8>, FileFacts);

/// A script as it stands.
pub(super) struct Found {
    pub(super) script: &'static Script,
    /// Behind links, the file itself.
    pub(super) path: PathBuf,
    pub(super) there: Option<File>,
    pub(super) kept_path: PathBuf,
    pub(super) kept: Option<File>,
    /// Whether the kept script is another than the one that was put aside.
    pub(super) kept_changed: bool,
    pub(super) state: State,
    /// What would stand there now; absent where something is missing for it.
    pub(super) shim: Option<String>,
    pub(super) no_shim: Option<String>,
    pub(super) notes: Vec<String>,
}

impl Site {
    pub(super) fn found(
        &self,
        script: &'static Script,
        options: &ScriptOptions,
    ) -> Result<Found, Error> {
        let usual = script.path(&self.paths.site);
        let asked = options.at.as_ref().unwrap_or(&usual);
        let mut notes = Vec::new();
        let path = match self.root.follow(asked) {
            Ok((path, _)) => path,
            Err(error) if error.is_not_found() => asked.clone(),
            Err(error) => return Err(error.into()),
        };
        if path != *asked {
            notes.push(format!(
                "{} is a link to it; the file behind it changes",
                asked.display()
            ));
        }
        let there = self.file(&path)?;
        let kept_path = kept_beside(&path);
        let kept = self.file(&kept_path)?;
        let marked = there.as_ref().and_then(|(bytes, _)| mark_of(bytes));
        // A script that lies there is the one that a shim would take the place of, whatever is kept.
        let original = match (&there, &marked) {
            (Some(_), None) => there.as_ref(),
            _ => kept.as_ref().or(there.as_ref()),
        };
        let digest = original.map(|(bytes, _)| FileDigest::of(bytes));
        let (shim, no_shim) =
            match digest.map(|digest| self.shim(script, &kept_path, digest, options)) {
                None => (None, None),
                Some(Ok(shim)) => (Some(shim), None),
                Some(Err(why)) => (None, Some(why)),
            };
        let state = match (&there, &marked) {
            (None, _) if kept.is_some() => State::KeptOnly,
            (None, _) => State::Absent,
            (Some((bytes, _)), Some(mark)) => {
                if !mark.untouched || mark.name != script.name {
                    State::EditedShim
                } else if shim
                    .as_ref()
                    .is_none_or(|shim| kept.is_none() || shim.as_bytes() == bytes)
                {
                    State::Replaced
                } else {
                    State::OlderShim
                }
            }
            (Some((bytes, _)), None) if !bytes.starts_with(b"#!") => State::Foreign,
            (Some(_), None) if kept.is_some() => State::ScriptOverShim,
            (Some(_), None) => State::Original,
        };
        let kept_changed = match (&marked, digest) {
            (Some(mark), Some(digest)) if kept.is_some() => mark.original != digest.to_string(),
            _ => false,
        };
        if kept_changed {
            notes.push(format!(
                "{} was changed since it was put aside",
                kept_path.display()
            ));
        }
        if marked.is_some() && kept.is_none() {
            notes.push(format!(
                "the script of before is gone: there is no {}",
                kept_path.display()
            ));
        }
        if let Some((_, facts)) = there.as_ref().filter(|(_, facts)| facts.links > 1) {
            notes.push(format!(
                "it has {} names (hard links); the others keep the script",
                facts.links
            ));
        }
        notes.extend(state.meaning().map(str::to_owned));
        Ok(Found {
            script,
            path,
            there,
            kept_path,
            kept,
            kept_changed,
            state,
            shim,
            no_shim,
            notes,
        })
    }

    /// What would stand in a script's place, or what is missing for it.
    fn shim(
        &self,
        script: &Script,
        kept: &Path,
        original: FileDigest,
        options: &ScriptOptions,
    ) -> Result<String, String> {
        let needs = |name: &str| script.needs(name);
        let usual = SitePaths::default();
        let shown = |path: &Path| path.to_string_lossy().into_owned();
        let mut variables = Vec::new();
        if self.paths.site != usual.site {
            variables.push(("PHOENIX_SITE", shown(&self.paths.site)));
        }
        if self.paths.state != usual.state {
            variables.push(("PHOENIX_STATE", shown(&self.paths.state)));
        }
        let model = if script.needs_site() {
            Some(self.model().map_err(|error| in_one_line(&error))?)
        } else {
            None
        };
        let mut values: Vec<(&'static str, String)> = Vec::new();
        let mut root = String::new();
        if let Some(model) = &model {
            let (traefik, trust) = (&model.settings.traefik, &model.settings.trust);
            values.extend([
                ("PORT", model.settings.docker.port.to_string()),
                ("PLAIN_PORT", model.settings.docker.plain_port.to_string()),
                ("BINARY", shown(&traefik.binary)),
                ("STATIC_FILE", shown(&traefik.static_file)),
                ("CERTS_DIR", shown(&traefik.certs_dir)),
                ("TEMPLATE", shown(&self.paths.site.join(&traefik.template))),
                (
                    "SOURCE",
                    traefik.source.as_deref().map(shown).unwrap_or_default(),
                ),
                ("VERSION", traefik.version.clone().unwrap_or_default()),
                ("SHA256", traefik.sha256.clone().unwrap_or_default()),
                ("DYNAMIC_FILE", dynamic_place(model)),
                ("GUEST_FILE", shown(&trust.guest_file)),
                ("BUNDLE", shown(&trust.bundle)),
            ]);
            if needs("ROOT") || needs("FINGERPRINT") {
                let anchors = super::super::authority::open(self, model, false)
                    .map_err(|error| in_one_line(&error))?
                    .anchors();
                let anchor = anchors
                    .first()
                    .ok_or("the CA has no root yet; a first run makes it")?;
                root = String::from_utf8_lossy(&anchor.to_pem()).into_owned();
                values.push(("FINGERPRINT", anchor.fingerprint.to_string()));
            }
            if needs("CA_URL") {
                let (url, file) = self.named_ca(model);
                values.push(("CA_URL", url));
                values.push(("ROOT_FILE", file));
            }
        }
        Ok(render(
            script,
            &Facts {
                program: &options.program,
                site: &self.paths.site,
                variables: &variables,
                kept,
                original,
                root: &root,
                values: &values,
            },
        ))
    }

    /// The CA's address and the file with its root, as the site names them; empty where it names none.
    fn named_ca(&self, model: &Model) -> (String, String) {
        match crate::settings::discover(&model.settings.ca, &model.ca_hints()) {
            CaChoice::StepCa(choice) => {
                let there = |path: &&PathBuf| matches!(self.root.stat(path), Ok(Some(_)));
                let file = choice.roots.iter().find(there).or(choice.roots.first());
                (
                    choice.urls.first().cloned().unwrap_or_default(),
                    file.map(|file| file.to_string_lossy().into_owned())
                        .unwrap_or_default(),
                )
            }
            _ => (String::new(), String::new()),
        }
    }

    fn file(&self, path: &Path) -> Result<Option<File>, Error> {
        match self.root.stat(path)? {
            None => Ok(None),
            Some(facts) if facts.kind != FileKind::File => {
                // Not read: a device or a directory is no script.
                Ok(Some((Vec::new(), facts)))
            }
            Some(_) => Ok(Some(self.root.read_with_facts(path)?)),
        }
    }
}

fn dynamic_place(model: &Model) -> String {
    match model.dynamic_file() {
        Some(Ok((path, _))) => path.to_string_lossy().into_owned(),
        _ => "/etc/traefik/dynamic/dynamic_conf.yml".to_owned(),
    }
}

/// An error and its causes in one line.
fn in_one_line(error: &Error) -> String {
    crate::inventory::in_words(error)
}
