//! `KEY=VALUE`: one field of a rule as an operator states it.

use std::fmt::Display;
use std::str::FromStr;

use super::{Action, Direction, RULE_FIELDS, Rule};
use crate::diagnostic::nearest;

/// A field of a rule and what it shall be; nothing removes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    field: &'static str,
    value: Option<String>,
}

/// Why a text is no assignment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssignError {
    /// No such field.
    #[error("found unknown field `{found}`, expected one of {known}{}", like.map(|like| format!(": did you mean `{like}`?")).unwrap_or_default())]
    Field {
        /// What was found.
        found: String,
        /// All there are.
        known: String,
        /// The nearest of them.
        like: Option<&'static str>,
    },
    /// No `=`.
    #[error("found `{0}`, expected KEY=VALUE, or KEY= to remove the field")]
    NoValue(String),
    /// A rule must have it.
    #[error("could not remove `{0}`: every rule has one")]
    Required(&'static str),
    /// The field cannot be that.
    #[error("`{field}`: {why}")]
    Value {
        /// The field.
        field: &'static str,
        /// Why.
        why: String,
    },
}

impl Assignment {
    /// Sets a field, or removes it.
    ///
    /// # Errors
    /// When there is no such field, or it cannot be that.
    pub fn new(field: &str, value: Option<&str>) -> Result<Self, AssignError> {
        // The flags say `--direction`, the files say `type`.
        let wanted = if field == "direction" { "type" } else { field };
        let Some(info) = RULE_FIELDS.iter().find(|info| info.name == wanted) else {
            let names = || RULE_FIELDS.iter().map(|info| info.name);
            return Err(AssignError::Field {
                found: field.to_owned(),
                known: names().collect::<Vec<_>>().join(", "),
                like: nearest(field, names()),
            });
        };
        if value.is_none() && info.required {
            return Err(AssignError::Required(info.name));
        }
        let mut value = value.map(str::to_owned);
        if let Some(text) = &mut value
            && info.name == "type"
        {
            text.make_ascii_lowercase();
        }
        let assignment = Self {
            field: info.name,
            value,
        };
        // Whether the value can be read at all does not depend on the rule.
        let mut trial = Rule::new(Direction::In, Action::Drop);
        if assignment.apply(&mut trial).is_err() {
            trial.direction = Direction::Group;
            trial.action = Action::Group(String::new());
            assignment.apply(&mut trial)?;
        }
        Ok(assignment)
    }

    /// The field, by its name in the site's JSON.
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// What it shall be; `None` removes it.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// Makes it so in a rule.
    ///
    /// # Errors
    /// When the field cannot be that.
    pub fn apply(&self, rule: &mut Rule) -> Result<(), AssignError> {
        let text = self.value.as_deref();
        match self.field {
            "type" => {
                rule.direction = self.read(text)?.unwrap_or(rule.direction);
            }
            "action" => {
                if let Some(text) = text {
                    rule.action =
                        Action::parse(rule.direction, text).map_err(|error| self.not(&error))?;
                }
            }
            "macro" => rule.macro_name = self.read(text)?,
            "iface" => rule.iface = text.map(str::to_owned),
            "source" => rule.source = self.read(text)?,
            "dest" => rule.dest = self.read(text)?,
            "proto" => rule.proto = self.read(text)?,
            "port" => rule.ports = self.read(text)?.unwrap_or_default(),
            "sport" => rule.source_ports = self.read(text)?.unwrap_or_default(),
            "icmp-type" => rule.icmp_type = self.read(text)?,
            "log" => rule.log = self.read(text)?,
            "enabled" => rule.enabled = self.read(text)?.unwrap_or(true),
            _ => rule.comment = text.map(str::to_owned),
        }
        Ok(())
    }

    fn read<T>(&self, text: Option<&str>) -> Result<Option<T>, AssignError>
    where
        T: FromStr,
        T::Err: Display,
    {
        text.map(str::parse)
            .transpose()
            .map_err(|error| self.not(&error))
    }

    fn not(&self, error: &dyn Display) -> AssignError {
        AssignError::Value {
            field: self.field,
            why: error.to_string(),
        }
    }
}

impl FromStr for Assignment {
    type Err = AssignError;

    fn from_str(text: &str) -> Result<Self, AssignError> {
        let (field, value) = text
            .split_once('=')
            .ok_or_else(|| AssignError::NoValue(text.to_owned()))?;
        Self::new(field, (!value.is_empty()).then_some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_by_their_own_rules() {
        let mut rule = Rule::new(Direction::In, Action::Accept);
        for text in [
            "direction=OUT",
            "dest=10.0.0.12",
            "port=80,443",
            "proto=tcp",
        ] {
            text.parse::<Assignment>()
                .unwrap()
                .apply(&mut rule)
                .unwrap();
        }
        assert_eq!(
            rule.to_string(),
            "OUT ACCEPT -dest 10.0.0.12 -p tcp -dport 80,443"
        );
        let gone: Assignment = "port=".parse().unwrap();
        gone.apply(&mut rule).unwrap();
        assert!(rule.ports.is_empty());
        assert_eq!((gone.field(), gone.value()), ("port", None));
    }

    #[test]
    fn what_cannot_be_is_said_before_any_file_is_read() {
        for (text, word) in [
            ("prot=tcp", "did you mean `proto`?"),
            ("port=70000", "70000"),
            ("action=", "every rule has one"),
            ("type=inn", "did you mean `in`?"),
            ("enabled=maybe", "`enabled`"),
            ("source=10.0.0.5/24", "10.0.0.0/24"),
            ("port", "KEY=VALUE"),
        ] {
            let error = text.parse::<Assignment>().unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
