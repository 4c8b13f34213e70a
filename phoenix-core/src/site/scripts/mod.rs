//! The old scripts: how they stand, replaced one at a time, and brought back.

mod found;
mod texts;
mod ways;

use std::path::PathBuf;
use std::time::Duration;

use self::found::Found;
use self::ways::{Way, replacement, restoration};
use super::change::LOCK_TIMEOUT;
use super::{Site, UnitOptions};
use crate::diagnostic::{Fault, Faults, Place};
use crate::document::unified_diff;
use crate::error::Error;
use crate::scripts::{
    Act, CATALOGUE, Differs, Listed, Move, Script, ScriptDiff, ScriptReport, State, callers,
};

/// How scripts are replaced and brought back.
#[derive(Debug, Clone)]
pub struct ScriptOptions {
    /// The program that shims call.
    pub program: PathBuf,
    /// Where the script lies, where that is not its usual place; for one script only.
    pub at: Option<PathBuf>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Go on where somebody changed something meanwhile; what lay in the way is put aside, never lost.
    pub force: bool,
    /// How long to wait for another run to end. Default 60 s.
    pub lock_timeout: Duration,
}

impl ScriptOptions {
    /// With every default.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            at: None,
            dry_run: false,
            force: false,
            lock_timeout: LOCK_TIMEOUT,
        }
    }
}

impl Site {
    /// Every script that Phoenix can stand in for: where it lies, how it stands, who calls it. Reads only.
    ///
    /// # Errors
    ///
    /// When a script or a place where callers are looked for cannot be read.
    pub fn scripts(&self, options: &ScriptOptions) -> Result<Vec<Listed>, Error> {
        let texts = self.caller_texts()?;
        let (guests, unread) = self.guests_for_callers();
        CATALOGUE
            .iter()
            .map(|script| {
                let found = self.found(script, options)?;
                let mut callers = callers(script, &found.path, &texts);
                callers.extend(self.by_feature(script, &guests));
                let mut notes = found.notes.clone();
                if script.feature.is_some() {
                    notes.extend(unread.clone());
                }
                let meant = matches!(
                    found.state,
                    State::EditedShim | State::OlderShim | State::ScriptOverShim
                );
                let differs = meant.then(|| diff_of(&found));
                Ok(Listed {
                    name: script.name,
                    differs: differs.as_ref().and_then(Differs::of),
                    state: found.state,
                    kept: found.kept.is_some().then(|| found.kept_path.clone()),
                    path: found.path,
                    arguments: script.arguments,
                    does: script.does,
                    callers,
                    notes,
                })
            })
            .collect()
    }

    /// Puts shims in the places of scripts, all of them or none; each script is kept beside its shim.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with every script that is not there, is none, or was changed by hand meanwhile; nothing is
    /// changed then.
    pub fn replace_scripts(
        &self,
        scripts: &[&'static Script],
        options: &ScriptOptions,
    ) -> Result<ScriptReport, Error> {
        self.move_scripts("scripts replace", scripts, options, replacement)
    }

    /// Brings scripts back as they were: bytes, mode and owner.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with every script that cannot be brought back, or whose place was changed by hand meanwhile;
    /// nothing is changed then.
    pub fn restore_scripts(
        &self,
        scripts: &[&'static Script],
        options: &ScriptOptions,
    ) -> Result<ScriptReport, Error> {
        self.move_scripts("scripts restore", scripts, options, restoration)
    }

    /// What differs: between the script and what stands, or would stand, in its place; or what somebody changed there.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn script_diff(
        &self,
        script: &'static Script,
        options: &ScriptOptions,
    ) -> Result<ScriptDiff, Error> {
        Ok(diff_of(&self.found(script, options)?))
    }

    fn move_scripts(
        &self,
        what: &str,
        scripts: &[&'static Script],
        options: &ScriptOptions,
        way: fn(&Self, &Found, bool) -> Result<Way, Fault>,
    ) -> Result<ScriptReport, Error> {
        if options.at.is_some() && scripts.len() != 1 {
            return Err(Error::Argument(
                "the place of one script was named, expected exactly one script with it".to_owned(),
            ));
        }
        let _lock = self.lock_for_edit(options.dry_run, options.lock_timeout)?;
        let mut faults = Faults::new();
        let mut changes = Vec::new();
        let mut moves: Vec<Move> = Vec::new();
        for script in scripts {
            if moves.iter().any(|done| done.name == script.name) {
                continue;
            }
            let found = self.found(script, options)?;
            match way(self, &found, options.force) {
                Err(fault) => faults.push(fault.at(Place::file(&found.path))),
                Ok(way) => {
                    changes.extend(way.changes);
                    moves.push(told(found, way.act, way.put_aside, way.after.as_deref()));
                }
            }
        }
        if !faults.is_empty() {
            return Err(Error::Refused(faults));
        }
        let written = !options.dry_run && !changes.is_empty();
        if written {
            self.commit(what, &[], changes)?;
        }
        for done in &mut moves {
            if done.act == Act::Restored && done.name == AUTO_RENEWAL {
                self.cron_back(done, options)?;
            }
        }
        Ok(ScriptReport {
            scripts: moves,
            written,
        })
    }

    /// What the shim of the automatic renewal put in place goes with it: the timer, and the cron file is back.
    fn cron_back(&self, done: &mut Move, options: &ScriptOptions) -> Result<(), Error> {
        let mut units = UnitOptions::new(&options.program);
        units.dry_run = options.dry_run;
        if self.timer_instead_of_cron(&units.dir)?.is_none() {
            return Ok(());
        }
        let report = self.remove_units_locked(&units)?;
        let would = if report.written { "" } else { "would be " };
        if let Some(moved) = &report.cron {
            done.notes
                .push(format!("{} {would}back", moved.to.display()));
        }
        for file in &report.files {
            done.notes
                .push(format!("{} {would}removed", file.path.display()));
        }
        done.notes.extend(report.notes);
        Ok(())
    }
}

/// What is compared, by how the script stands.
fn diff_of(found: &Found) -> ScriptDiff {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let there = found.there.as_ref().map(|(bytes, _)| lossy(bytes));
    let kept = found.kept.as_ref().map(|(bytes, _)| lossy(bytes));
    let shim = found.shim.clone().unwrap_or_default();
    let there = there.unwrap_or_default();
    let kept = kept.unwrap_or_default();
    let (what, from, to) = match found.state {
        State::Original => ("what `scripts replace` would change", there, shim),
        State::Replaced => (
            "from the script of before to what stands there",
            kept,
            there,
        ),
        State::OlderShim => ("what `scripts replace` would change now", there, shim),
        State::EditedShim => ("what somebody changed in what stands there", shim, there),
        State::ScriptOverShim => (
            "from the script of before to the one that somebody put there",
            kept,
            there,
        ),
        State::KeptOnly => ("what `scripts restore` would bring back", there, kept),
        State::Absent | State::Foreign => ("nothing to compare", String::new(), String::new()),
    };
    ScriptDiff {
        name: found.script.name,
        state: found.state,
        what,
        diff: unified_diff(&found.path, &from, &to, 3),
        path: found.path.clone(),
    }
}

/// A script's way, as the report has it.
fn told(found: Found, act: Act, put_aside: Option<PathBuf>, after: Option<&[u8]>) -> Move {
    let text = |bytes: Option<&[u8]>| {
        bytes.map_or_else(String::new, |bytes| {
            String::from_utf8_lossy(bytes).into_owned()
        })
    };
    let before = text(found.there.as_ref().map(|(bytes, _)| bytes.as_slice()));
    let diff = match act {
        Act::Nothing => String::new(),
        _ => unified_diff(&found.path, &before, &text(after), 3),
    };
    let mut notes = found.notes;
    if matches!(act, Act::Replaced | Act::Renewed) {
        notes.extend(found.script.afterwards().map(str::to_owned));
    }
    let kept = match act {
        Act::Replaced | Act::Renewed => true,
        Act::Restored => false,
        Act::Nothing => found.kept.is_some() && found.state != State::Original,
    };
    Move {
        name: found.script.name,
        path: found.path,
        act,
        before: found.state,
        kept: kept.then_some(found.kept_path),
        put_aside,
        notes,
        diff,
    }
}

/// The script whose shim installs a timer.
const AUTO_RENEWAL: &str = "hypervisor_feature_setup_auto_renewal";

#[cfg(test)]
mod crash_tests;
