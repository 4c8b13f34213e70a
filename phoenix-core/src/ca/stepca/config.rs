//! How long the CA lets certificates live, from its own configuration, where that can be read.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::time::GoDuration;

/// The longest life that the CA gives a certificate, as its `ca.json` says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Longest {
    /// The provisioner whose certificates it is about.
    pub provisioner: String,
    /// How long.
    pub duration: GoDuration,
}

impl Longest {
    /// Reads it out of a `ca.json`: the provisioner's own claims, else the CA's, else what step-ca has built in.
    ///
    /// Without a name it is the only JWK provisioner. `None` where the file lists none that fits: step-ca may keep them in
    /// its database.
    ///
    /// # Errors
    ///
    /// In words, where the file is none.
    pub fn read(config: &[u8], provisioner: Option<&str>) -> Result<Option<Self>, String> {
        let config: Config = serde_json::from_slice(config).map_err(|error| error.to_string())?;
        let authority = config.authority;
        let mut fitting = authority.provisioners.into_iter().filter(|one| {
            one.kind.eq_ignore_ascii_case("jwk") && provisioner.is_none_or(|name| name == one.name)
        });
        let (Some(chosen), None) = (fitting.next(), fitting.next()) else {
            return Ok(None);
        };
        let of = |claims: &Option<Claims>, name: &str| {
            let text = claims.as_ref()?.get(name)?.as_str()?;
            text.parse::<GoDuration>().ok()
        };
        let global = of(&authority.claims, MOST).unwrap_or(BUILT_IN);
        // A default above the maximum raises it.
        let duration = of(&chosen.claims, MOST)
            .or_else(|| of(&chosen.claims, DEFAULT).filter(|default| *default > global))
            .unwrap_or(global);
        Ok(Some(Self {
            provisioner: chosen.name,
            duration,
        }))
    }

    /// The command that raises it.
    pub fn raise(&self, to: GoDuration) -> String {
        raise(&self.provisioner, to)
    }
}

/// The command that lets a provisioner give longer lives.
pub(super) fn raise(provisioner: &str, to: GoDuration) -> String {
    format!(
        "step ca provisioner update {} --x509-max-dur {}",
        shell_words::quote(provisioner),
        to.whole_hours()
    )
}

type Claims = BTreeMap<String, serde_json::Value>;

#[derive(Deserialize)]
struct Config {
    authority: Authority,
}

#[derive(Deserialize)]
struct Authority {
    #[serde(default)]
    claims: Option<Claims>,
    #[serde(default)]
    provisioners: Vec<Provisioner>,
}

#[derive(Deserialize)]
struct Provisioner {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    claims: Option<Claims>,
}

const MOST: &str = "maxTLSCertDuration";
const DEFAULT: &str = "defaultTLSCertDuration";
/// What step-ca allows where nothing is said.
const BUILT_IN: GoDuration = GoDuration(std::time::Duration::from_secs(24 * 3_600));

#[cfg(test)]
mod tests {
    use super::*;

    fn longest(claims: &str, own: &str) -> String {
        let config = format!(
            r#"{{"authority": {{"claims": {claims}, "provisioners": [
                {{"type": "ACME", "name": "a"}}, {{"type": "JWK", "name": "admin", "claims": {own}}}]}}}}"#
        );
        let found = Longest::read(config.as_bytes(), Some("admin")).unwrap();
        found.unwrap().duration.to_string()
    }

    #[test]
    fn a_provisioners_own_claims_come_before_those_of_the_ca() {
        for (claims, own, expected) in [
            ("null", "null", "24h0m0s"),
            (r#"{"maxTLSCertDuration": "48h"}"#, "null", "48h0m0s"),
            (
                r#"{"maxTLSCertDuration": "48h"}"#,
                r#"{"maxTLSCertDuration": "720h0m0s"}"#,
                "720h0m0s",
            ),
            ("null", r#"{"defaultTLSCertDuration": "72h"}"#, "72h0m0s"),
            ("null", r#"{"defaultTLSCertDuration": "2h"}"#, "24h0m0s"),
        ] {
            assert_eq!(longest(claims, own), expected, "{claims} {own}");
        }
    }

    #[test]
    fn provisioners_that_the_file_does_not_have_say_nothing() {
        let two = br#"{"authority": {"provisioners": [{"type": "JWK", "name": "a"}, {"type": "JWK", "name": "b"}]}}"#;
        assert_eq!(Longest::read(two, None), Ok(None));
        assert_eq!(Longest::read(two, Some("c")), Ok(None));
        assert!(Longest::read(two, Some("b")).unwrap().is_some());
        assert!(Longest::read(b"{}", None).is_err());
        let one = Longest::read(two, Some("b")).unwrap().unwrap();
        for (asked, allowed) in [("720h", "720h0m0s"), ("719h59m1s", "720h0m0s")] {
            assert_eq!(
                one.raise(asked.parse().unwrap()),
                format!("step ca provisioner update b --x509-max-dur {allowed}")
            );
        }
    }
}
