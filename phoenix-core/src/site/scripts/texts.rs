//! Where callers of scripts are looked for: cron, units, the site's `bin`, its JSON, the dispatcher.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::guests::Guests;
use crate::model::SourceFile;
use crate::names::GuestKind;
use crate::scripts::{Caller, How, Script, Text, kept_beside};
use crate::site::Site;
use crate::system::FileKind;

impl Site {
    /// Every text in which a call may stand.
    pub(super) fn caller_texts(&self) -> Result<Vec<Text>, Error> {
        let mut texts: Vec<Text> = self
            .cron_files()?
            .into_iter()
            .map(|file| text(file, true))
            .collect();
        let one = |path: &str, cron: bool| {
            let path = PathBuf::from(path);
            let bytes = self.root.read_optional(&path).ok().flatten()?;
            Some(text(SourceFile { path, bytes }, cron))
        };
        texts.extend(one("/etc/crontab", true));
        self.gather(Path::new("/var/spool/cron/crontabs"), 0, true, &mut texts)?;
        for dir in ["hourly", "daily", "weekly", "monthly"] {
            self.gather(
                &Path::new("/etc").join(format!("cron.{dir}")),
                0,
                false,
                &mut texts,
            )?;
        }
        self.gather(Path::new("/etc/systemd/system"), 0, false, &mut texts)?;
        self.gather(&self.paths.site.join("bin"), DEPTH, false, &mut texts)?;
        self.gather(&self.paths.site.join("etc"), 0, false, &mut texts)?;
        let dispatcher = Path::new("/usr/local/bin/phoenix");
        for path in [dispatcher.to_owned(), kept_beside(dispatcher)] {
            texts.extend(one(&path.to_string_lossy(), false));
        }
        texts.retain(|text| !text.text.contains('\0'));
        texts.sort_by(|a, b| a.path.cmp(&b.path));
        texts.dedup_by(|a, b| a.path == b.path);
        Ok(texts)
    }

    /// The texts in a directory, and in those below it down to `depth`; none where it is not there.
    fn gather(
        &self,
        dir: &Path,
        depth: usize,
        cron: bool,
        into: &mut Vec<Text>,
    ) -> Result<(), Error> {
        if self.root.stat(dir)?.is_none() {
            return Ok(());
        }
        for name in self.root.list(dir)? {
            let path = dir.join(&name);
            // What is kept for the way back is not called, and a page about scripts calls none.
            let prose = ["md", "txt", "rst"]
                .iter()
                .any(|ending| path.extension().is_some_and(|found| found == *ending));
            if prose || name.to_string_lossy().contains(".before-phoenix") {
                continue;
            }
            let Some(facts) = self.root.stat(&path)? else {
                continue;
            };
            match facts.kind {
                FileKind::Directory if depth > 0 => self.gather(&path, depth - 1, cron, into)?,
                FileKind::File if facts.size <= LARGEST => {
                    let bytes = self.root.read(&path)?;
                    into.push(text(SourceFile { path, bytes }, cron));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The site's guests, or why they are not known: a faulty file hides their features, nothing else.
    pub(super) fn guests_for_callers(&self) -> (Guests, Option<String>) {
        match self.model() {
            Ok(model) => (model.guests, None),
            Err(error) => (
                Guests::default(),
                Some(format!("the guests' features were not read: {error}")),
            ),
        }
    }

    /// The guests whose features have the script run.
    pub(super) fn by_feature(&self, script: &Script, guests: &Guests) -> Vec<Caller> {
        let Some((kind, feature)) = script.feature else {
            return Vec::new();
        };
        let (kind, file) = match kind {
            "lxc" => (GuestKind::Lxc, "etc/phoenix_lxc_configs.json"),
            _ => (GuestKind::Vm, "etc/phoenix_vm_configs.json"),
        };
        guests
            .iter()
            .filter(|guest| guest.id.kind == kind && guest.has_feature(feature))
            .map(|guest| Caller {
                file: self.paths.site.join(file),
                line: None,
                how: How::Feature {
                    guest: guest.id.to_string(),
                    feature: feature.to_owned(),
                },
            })
            .collect()
    }
}

fn text(file: SourceFile, cron: bool) -> Text {
    Text {
        path: file.path,
        text: String::from_utf8_lossy(&file.bytes).into_owned(),
        cron,
    }
}

/// How deep the site's `bin` is looked through.
const DEPTH: usize = 4;
/// Larger files are no scripts.
const LARGEST: u64 = 1 << 20;
