//! Versions of Docker and Traefik, and whether the two can work together.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A release: three numbers, and the text that they were read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Release {
    /// Major, minor, patch; missing ones are 0.
    pub numbers: (u32, u32, u32),
    /// The text as it was printed: `20.10.24+dfsg1`.
    pub text: String,
}

impl Release {
    /// Reads `v3.7.15`, `29.0.1`, `20.10.24+dfsg1`, `2.0.0-beta.24`.
    ///
    /// # Errors
    /// When it does not begin with a number, as the builds of developers do (`dev`).
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let text = text.trim();
        let bare = text.strip_prefix('v').unwrap_or(text);
        let mut numbers = bare
            .split(['-', '+', '~', ' '])
            .next()
            .unwrap_or("")
            .split('.');
        let mut next = || match numbers.next() {
            None => Some(0),
            Some(digits) => digits.parse().ok(),
        };
        match (next(), next(), next()) {
            (Some(major), Some(minor), Some(patch)) => Ok(Self {
                numbers: (major, minor, patch),
                text: text.to_owned(),
            }),
            _ => Err(VersionError::new(text, "a version such as `29.0.1`")),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A version of Docker's API, such as 1.44.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    /// Major number, always 1 so far.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

impl ApiVersion {
    /// `1.minor`.
    pub const fn v1(minor: u32) -> Self {
        Self { major: 1, minor }
    }

    /// Reads `1.44`.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let numbers = text.trim().split_once('.');
        let numbers = numbers.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        match numbers {
            Some((major, minor)) => Ok(Self { major, minor }),
            None => Err(VersionError::new(text, "an API version such as `1.44`")),
        }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Serialize for ApiVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A Docker daemon's version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DockerVersion {
    /// As it was printed; a developer's build may have no numbers in it.
    pub version: String,
    /// The newest API that it speaks; not known from `dockerd --version` alone.
    pub api: Option<ApiVersion>,
    /// The oldest API that it speaks, told or derived from its release; `None`: neither was possible.
    pub min_api: Option<ApiVersion>,
}

impl DockerVersion {
    /// Reads the answer to `/version`, or the output of `docker version --format json`.
    pub fn from_json(text: &str) -> Result<Self, VersionError> {
        let wire: Wire = serde_json::from_str(text).map_err(|error| VersionError {
            found: excerpt(text),
            expected: "Docker's version as JSON",
            message: Some(error.to_string()),
        })?;
        let (Wire::Daemon(server)
        | Wire::Client {
            server: Some(server),
        }) = wire
        else {
            let expected = "the server's half of `docker version`";
            return Err(VersionError::new(text, expected));
        };
        let api = server.api.as_deref().map(ApiVersion::parse).transpose()?;
        let min_api = server
            .min_api
            .as_deref()
            .map(ApiVersion::parse)
            .transpose()?;
        Ok(Self {
            min_api: min_api.or_else(|| minimum_of(&server.version)),
            version: server.version,
            api,
        })
    }

    /// Reads the output of `dockerd --version`: `Docker version 20.10.24+dfsg1, build 297e128`.
    pub fn from_command(output: &str) -> Result<Self, VersionError> {
        let version = output
            .lines()
            .find_map(|line| line.trim().strip_prefix("Docker version "))
            .and_then(|rest| rest.split(',').next())
            .map(str::trim)
            .filter(|version| !version.is_empty())
            .ok_or_else(|| VersionError::new(output, "`Docker version ...`"))?;
        Ok(Self {
            version: version.to_owned(),
            api: None,
            min_api: minimum_of(version),
        })
    }
}

impl fmt::Display for DockerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Docker {}", self.version)?;
        match (self.api, self.min_api) {
            (Some(api), Some(min)) => write!(f, " (API {api}, minimum {min})"),
            (Some(api), None) => write!(f, " (API {api})"),
            (None, Some(min)) => write!(f, " (minimum API {min})"),
            (None, None) => Ok(()),
        }
    }
}

/// Reads the output of `traefik version`, or the `Version` of its API.
pub fn parse_traefik(output: &str) -> Result<Release, VersionError> {
    let line = output
        .lines()
        .find_map(|line| line.trim().strip_prefix("Version:"));
    Release::parse(line.unwrap_or(output))
}

/// Whether this Traefik's providers can talk to this daemon at all.
///
/// Before 3.6.1 (and 2.11.31 of the older line) Traefik asks in API 1.24 and nothing else, so a daemon that has given
/// that up refuses it: Engine 29 begins at 1.44, later ones of its line at 1.40. An unknown minimum is no obstacle.
pub fn compatible(docker: &DockerVersion, traefik: &Release) -> Result<(), Impossible> {
    let negotiates = match traefik.numbers {
        (2, minor, patch) => (minor, patch) >= (11, 31),
        numbers => numbers >= (3, 6, 1),
    };
    match docker.min_api {
        Some(minimum) if minimum > TRAEFIK_FIXED_API && !negotiates => Err(Impossible {
            docker: docker.version.clone(),
            minimum,
            traefik: traefik.text.clone(),
        }),
        _ => Ok(()),
    }
}

/// The name of the provider that lists a Swarm's services: a block of its own since Traefik 3.
pub fn swarm_provider(traefik: &Release) -> &'static str {
    if traefik.numbers.0 >= 3 {
        "swarm"
    } else {
        "docker"
    }
}

/// A daemon and a Traefik that cannot work together, however sound the link between them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Docker {docker} speaks API {minimum} and newer, Traefik {traefik} only 1.24: found Traefik {traefik}, expected 3.6.1 or newer"
)]
pub struct Impossible {
    /// The daemon's version.
    pub docker: String,
    /// The oldest API that it speaks.
    pub minimum: ApiVersion,
    /// Traefik's version.
    pub traefik: String,
}

/// A text that holds no version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionError {
    /// The beginning of what was found.
    pub found: String,
    /// What was expected, as a noun phrase.
    pub expected: &'static str,
    message: Option<String>,
}

impl VersionError {
    fn new(found: &str, expected: &'static str) -> Self {
        Self {
            found: excerpt(found),
            expected,
            message: None,
        }
    }
}

impl fmt::Display for VersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "found {:?}, expected {}", self.found, self.expected)?;
        match &self.message {
            Some(message) => write!(f, " ({message})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for VersionError {}

#[derive(Deserialize)]
#[serde(untagged)]
enum Wire {
    Daemon(WireServer),
    Client {
        #[serde(rename = "Server")]
        server: Option<WireServer>,
    },
}

#[derive(Deserialize)]
struct WireServer {
    #[serde(rename = "Version")]
    version: String,
    // The client's own output has `APIVersion` where the API has `ApiVersion`.
    #[serde(rename = "ApiVersion", alias = "APIVersion")]
    api: Option<String>,
    #[serde(rename = "MinAPIVersion", alias = "MinApiVersion")]
    min_api: Option<String>,
}

/// What a release is known to begin with, where the daemon has not said it.
fn minimum_of(version: &str) -> Option<ApiVersion> {
    match Release::parse(version).ok()?.numbers {
        // The engine as a Go module counts anew: 2.0 is the line of Engine 29.
        (29.., _, _) | (2, 0, _) => Some(ApiVersion::v1(44)),
        (25..=28, _, _) => Some(ApiVersion::v1(24)),
        (17..=24, _, _) => Some(ApiVersion::v1(12)),
        _ => None,
    }
}

fn excerpt(text: &str) -> String {
    text.trim().chars().take(80).collect()
}

const TRAEFIK_FIXED_API: ApiVersion = ApiVersion::v1(24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_every_place_that_tells_them() {
        let debian =
            DockerVersion::from_command("Docker version 20.10.24+dfsg1, build 297e128\n").unwrap();
        assert_eq!(debian.version, "20.10.24+dfsg1");
        assert_eq!(debian.min_api, Some(ApiVersion::v1(12)));
        let api = r#"{"Platform":{"Name":""},"Version":"29.0.1","ApiVersion":"1.52","MinAPIVersion":"1.44","Os":"linux"}"#;
        let daemon = DockerVersion::from_json(api).unwrap();
        assert_eq!(daemon.to_string(), "Docker 29.0.1 (API 1.52, minimum 1.44)");
        let client =
            format!(r#"{{"Client":{{"Version":"28.0.0","ApiVersion":"1.48"}},"Server":{api}}}"#);
        assert_eq!(DockerVersion::from_json(&client).unwrap(), daemon);
        let developer =
            r#"{"Version":"library-import","ApiVersion":"1.56","MinAPIVersion":"1.40"}"#;
        let developer = DockerVersion::from_json(developer).unwrap();
        assert_eq!(developer.min_api, Some(ApiVersion::v1(40)));
        let beta = DockerVersion::from_command("Docker version 2.0.0-beta.24, build x").unwrap();
        assert_eq!(beta.min_api, Some(ApiVersion::v1(44)));
        for bad in [
            "",
            "{}",
            "[]",
            r#"{"Client":{}}"#,
            r#"{"Version":"1","ApiVersion":"x"}"#,
        ] {
            assert!(DockerVersion::from_json(bad).is_err(), "{bad}");
        }
        assert!(DockerVersion::from_command("dockerd: not found").is_err());
    }

    #[test]
    fn traefik_tells_its_version_on_a_line_or_bare() {
        let output = "Version:      3.7.15\nCodename:     x\nGo version:   go1.25.1\n";
        assert_eq!(parse_traefik(output).unwrap().numbers, (3, 7, 15));
        assert_eq!(parse_traefik("v3.6").unwrap().numbers, (3, 6, 0));
        assert_eq!(parse_traefik("3.7.0-ea.3").unwrap().numbers, (3, 7, 0));
        assert!(parse_traefik("dev").is_err());
        assert!(parse_traefik("").is_err());
    }

    #[test]
    fn an_old_traefik_is_refused_by_a_daemon_that_gave_up_its_api() {
        let docker = |min| DockerVersion {
            version: "29.0.0".to_owned(),
            api: None,
            min_api: min,
        };
        let works = |min, traefik: &str| {
            compatible(&docker(min), &Release::parse(traefik).unwrap()).is_ok()
        };
        let (engine_29, engine_28) = (Some(ApiVersion::v1(44)), Some(ApiVersion::v1(24)));
        assert!(!works(engine_29, "3.6.0") && works(engine_29, "3.6.1"));
        assert!(!works(engine_29, "2.11.30") && works(engine_29, "2.11.31"));
        assert!(!works(Some(ApiVersion::v1(40)), "3.4.0"));
        assert!(works(engine_28, "3.1.0") && works(None, "3.1.0"));
        let error = compatible(&docker(engine_29), &Release::parse("3.5.2").unwrap());
        assert_eq!(
            error.unwrap_err().to_string(),
            "Docker 29.0.0 speaks API 1.44 and newer, Traefik 3.5.2 only 1.24: found Traefik 3.5.2, expected 3.6.1 or newer"
        );
    }
}
