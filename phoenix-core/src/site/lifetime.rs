//! How long the CA lets certificates live, where its own configuration can be read on this host.

use super::Site;
use crate::ca::Longest;
use crate::inventory::in_words;
use crate::model::Model;
use crate::settings::{CaChoice, StepCaChoice, discover};

impl Site {
    /// What the first of the CA's files that is there says; in words where it cannot be used.
    pub(super) fn longest_life(&self, choice: &StepCaChoice) -> Result<Option<Longest>, String> {
        for path in &choice.configs {
            let bytes = match self.root.read_optional(path) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => continue,
                Err(error) => return Err(in_words(&error)),
            };
            let read = Longest::read(&bytes, choice.provisioner.as_deref());
            return read.map_err(|what| format!("{} is no ca.json: {what}", path.display()));
        }
        Ok(None)
    }

    /// What a plan should say: certificates that are to live longer than the CA allows, and the command that allows it.
    pub(super) fn lifetime_note(&self, model: &Model) -> Option<String> {
        if self.seams.authority.is_some() {
            return None;
        }
        let CaChoice::StepCa(choice) = discover(&model.settings.ca, &model.ca_hints()) else {
            return None;
        };
        let longest = match self.longest_life(&choice) {
            Ok(longest) => longest?,
            Err(what) => {
                return Some(format!(
                    "how long the CA lets certificates live is not known: {what}"
                ));
            }
        };
        let wanted = model
            .manifest
            .entries
            .iter()
            .filter_map(|located| located.value.validity)
            .filter(|validity| *validity > longest.duration)
            .max()?;
        Some(format!(
            "the CA lets certificates of `{}` live {}, and {wanted} is asked for; to allow it, in the CA's guest: {}",
            longest.provisioner,
            longest.duration,
            longest.raise(wanted)
        ))
    }
}
