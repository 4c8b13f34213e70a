//! How a script gets its shim, and how it comes back: by what lies there and beside it. Nothing is written here.

use std::path::{Path, PathBuf};

use super::found::Found;
use crate::diagnostic::Fault;
use crate::scripts::{Act, State, turns};
use crate::secret::Secret;
use crate::site::Site;
use crate::system::{Attributes, Change, Expect, FileDigest, FileFacts};

/// What one script's way there or back comes to.
pub(super) struct Way {
    pub(super) act: Act,
    pub(super) put_aside: Option<PathBuf>,
    pub(super) changes: Vec<Change>,
    pub(super) after: Option<Vec<u8>>,
}

/// Puts the shim in a script's place.
pub(super) fn replacement(site: &Site, found: &Found, force: bool) -> Result<Way, Fault> {
    let shim = || {
        found.shim.clone().ok_or_else(|| {
            refused(format!(
                "could not make what stands in its place: {}",
                found.no_shim.as_deref().unwrap_or("its text is not known")
            ))
        })
    };
    let there = found.there.as_ref();
    match (found.state, there, &found.kept) {
        (State::Absent, ..) => Err(refused("found no script there, expected one to replace")
            .help("`--at FILE` says where it lies on this host")),
        (State::Foreign, ..) => Err(refused(
            "found a program or a text without `#!`, expected a script",
        )),
        (State::Replaced, ..) => Ok(nothing()),
        (State::Original, Some((bytes, facts)), _) => {
            let shim = shim()?;
            Ok(Way {
                act: Act::Replaced,
                put_aside: None,
                changes: vec![
                    put(&found.kept_path, bytes, facts, Expect::Absent),
                    put(&found.path, shim.as_bytes(), facts, content(bytes)),
                ],
                after: Some(shim.into_bytes()),
            })
        }
        (State::KeptOnly, _, Some((_, facts))) => {
            let shim = shim()?;
            Ok(Way {
                act: Act::Renewed,
                put_aside: None,
                changes: vec![put(&found.path, shim.as_bytes(), facts, Expect::Absent)],
                after: Some(shim.into_bytes()),
            })
        }
        (State::OlderShim, Some((bytes, facts)), _) => {
            let shim = shim()?;
            Ok(Way {
                act: Act::Renewed,
                put_aside: None,
                changes: vec![put(&found.path, shim.as_bytes(), facts, content(bytes))],
                after: Some(shim.into_bytes()),
            })
        }
        (State::EditedShim, Some((bytes, facts)), _) => {
            if !force {
                return Err(edited());
            }
            let shim = shim()?;
            let aside = site.free_name(&found.path, EDITED)?;
            Ok(Way {
                act: Act::Renewed,
                changes: vec![
                    put(&aside, bytes, facts, Expect::Absent),
                    put(&found.path, shim.as_bytes(), facts, content(bytes)),
                ],
                put_aside: Some(aside),
                after: Some(shim.into_bytes()),
            })
        }
        (State::ScriptOverShim, Some((bytes, facts)), Some((kept, kept_facts))) => {
            let shim = shim()?;
            let over = put(&found.path, shim.as_bytes(), facts, content(bytes));
            if bytes == kept {
                return Ok(Way {
                    act: Act::Replaced,
                    put_aside: None,
                    changes: vec![over],
                    after: Some(shim.into_bytes()),
                });
            }
            if !force {
                return Err(refused(
                    "found a script that somebody put over what stood in its place, and it is not the one that is kept",
                )
                .help("`phoenix scripts diff` shows what differs; `--force` keeps both: the one that lies there becomes the script of before, that of before is put aside"));
            }
            let aside = site.free_name(&found.kept_path, "-2")?;
            Ok(Way {
                act: Act::Replaced,
                changes: vec![
                    put(&aside, kept, kept_facts, Expect::Absent),
                    put(&found.kept_path, bytes, facts, content(kept)),
                    over,
                ],
                put_aside: Some(aside),
                after: Some(shim.into_bytes()),
            })
        }
        // The states say what there is.
        _ => Err(refused("found it changed while it was looked at")),
    }
}

/// Brings a script back.
pub(super) fn restoration(site: &Site, found: &Found, force: bool) -> Result<Way, Fault> {
    let Some((kept, kept_facts)) = &found.kept else {
        return match found.state {
            State::Original | State::Absent | State::Foreign => Ok(nothing()),
            _ => Err(refused(format!(
                "found no script of before at {}, expected the one to bring back",
                found.kept_path.display()
            ))),
        };
    };
    if found.kept_changed && !force {
        return Err(refused(format!(
            "found {} changed since it was put aside",
            found.kept_path.display()
        ))
        .help("`--force` brings it back as it is now"));
    }
    let gone = Change::Remove {
        path: found.kept_path.clone(),
    };
    let mut way = Way {
        act: Act::Restored,
        put_aside: None,
        changes: Vec::new(),
        after: Some(kept.clone()),
    };
    match &found.there {
        None => way
            .changes
            .push(put(&found.path, kept, kept_facts, Expect::Absent)),
        Some((bytes, facts)) => {
            let same = bytes == kept
                && facts.mode == kept_facts.mode
                && facts.owner() == kept_facts.owner();
            if !same {
                let by_hand = matches!(found.state, State::EditedShim | State::ScriptOverShim)
                    && bytes != kept;
                if by_hand {
                    if !force {
                        return Err(if found.state == State::EditedShim {
                            edited()
                        } else {
                            refused(
                                "found a script that somebody put over what stood in its place, and it is not the one that is kept",
                            )
                            .help("`--force` brings the kept one back and puts the other aside")
                        });
                    }
                    let aside = site.free_name(&found.path, EDITED)?;
                    way.changes.push(put(&aside, bytes, facts, Expect::Absent));
                    way.put_aside = Some(aside);
                }
                way.changes
                    .push(put(&found.path, kept, kept_facts, content(bytes)));
            }
        }
    }
    way.changes.push(gone);
    Ok(way)
}

fn nothing() -> Way {
    Way {
        act: Act::Nothing,
        put_aside: None,
        changes: Vec::new(),
        after: None,
    }
}

fn edited() -> Fault {
    refused("found what stands in its place changed by hand")
        .help("`phoenix scripts diff` shows what was changed; `--force` goes on and puts the changed one aside")
}

fn refused(message: impl Into<String>) -> Fault {
    Fault::error("script", message)
}

fn put(path: &Path, bytes: &[u8], as_of: &FileFacts, expect: Expect) -> Change {
    Change::Replace {
        path: path.to_owned(),
        content: Secret::new(bytes.to_vec()).into(),
        attributes: Attributes {
            mode: Some(as_of.mode),
            owner: Some(as_of.owner()),
        },
        expect,
    }
}

fn content(bytes: &[u8]) -> Expect {
    Expect::Content(FileDigest::of(bytes))
}

impl Site {
    /// The first free name beside a path.
    fn free_name(&self, path: &Path, ending: &'static str) -> Result<PathBuf, Fault> {
        for name in turns(path, ending) {
            match self.root.stat(&name) {
                Ok(None) => return Ok(name),
                Ok(Some(_)) => {}
                Err(error) => {
                    return Err(refused(format!("could not look for a free name: {error}")));
                }
            }
        }
        Err(refused(format!(
            "found a hundred files `{}{ending}...` beside it, expected a free name",
            path.file_name().unwrap_or_default().to_string_lossy()
        )))
    }
}

/// What is put aside for somebody who changed it.
const EDITED: &str = ".edited-by-hand";
