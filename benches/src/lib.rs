//! What the benches share: files of any size that look like an operator's.
//!
//! `cargo bench -p phoenix-benches` measures; `cargo bench -p phoenix-benches -- --test` runs each bench once, on small files.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

/// Whether this run measures, or only shows that the benches still work.
pub fn is_measured() -> bool {
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    has("--bench") && !has("--test")
}

/// Builds the command as this bench was built, and says where it is.
///
/// # Errors
/// When it cannot be built, or the bench stands outside of a target directory.
pub fn built() -> Result<PathBuf, Box<dyn Error>> {
    let own = std::env::current_exe()?;
    let profile = own
        .parent()
        .and_then(Path::parent)
        .ok_or("this bench stands outside of a target directory")?;
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "phoenix-cli"]);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    if !build.status()?.success() {
        return Err("could not build the command".into());
    }
    Ok(profile.join("phoenix"))
}

/// The fastest run: what else the machine does can only add to it.
pub fn least(times: &[Duration]) -> Duration {
    times.iter().min().copied().unwrap_or_default()
}

/// The last time over the one before it.
pub fn growth_of(times: &[Duration]) -> Option<f64> {
    match times {
        [.., less, more] => Some(more.as_secs_f64() / less.as_secs_f64()),
        _ => None,
    }
}

/// A time for people.
pub fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// The most memory that a command ever had, in bytes: asked of a process that has no other child, whose `main` begins with
/// [`peak_of_child`].
///
/// # Errors
/// When the command does not end well.
pub fn peak(command: &Command) -> Result<u64, Box<dyn Error>> {
    let output = Command::new(std::env::current_exe()?)
        .arg(PEAK)
        .arg(command.get_program())
        .args(command.get_args())
        .output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Runs the command of [`peak`], where this process was started for one.
///
/// # Errors
/// When it cannot be run.
pub fn peak_of_child() -> Result<Option<ExitCode>, Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some((PEAK, command)) = words
        .split_first()
        .map(|(flag, command)| (flag.as_str(), command))
    else {
        return Ok(None);
    };
    let (program, words) = command.split_first().ok_or("no command")?;
    let status = Command::new(program)
        .args(words)
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("{command:?}: {status}").into());
    }
    let kilobytes = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    say(&(u64::try_from(kilobytes)? * 1024).to_string());
    Ok(Some(ExitCode::SUCCESS))
}

const PEAK: &str = "--peak-of";

/// A line of a bench's answer.
#[expect(clippy::print_stdout, reason = "a bench's answer")]
pub fn say(line: &str) {
    println!("{line}");
}

/// Guests with firewall rules, indented by four, of at least so many bytes.
pub fn guests(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 4096);
    text.push_str("{\n    \"$schema\": \"./lxc.schema.json\",\n    \"lxc_configs\": {");
    let mut id = 100;
    while id == 100 || text.len() < bytes {
        let comma = if id == 100 { "" } else { "," };
        let _ = write!(
            text,
            "{comma}\n        \"{id}\": {{\n            \"name\": \"guest-{id}\",\n            \"memory_mb\": 2048,\n            \"share\": 0.50,\n            \"features\": [\"base_setup\", \"nginx\"],\n            \"firewall\": {{\n                \"enabled\": true,\n                \"rules\": ["
        );
        for port in 0..4 {
            let comma = if port == 0 { "" } else { "," };
            let _ = write!(
                text,
                "{comma}\n                    {{\n                        \"type\": \"in\",\n                        \"action\": \"ACCEPT\",\n                        \"source\": \"10.0.0.153\",\n                        \"proto\": \"tcp\",\n                        \"port\": \"{}\",\n                        \"comment\": \"Allow the proxy to reach guest {id}\"\n                    }}",
                8000 + port
            );
        }
        text.push_str("\n                ]\n            },\n            \"notes\": []\n        }");
        id += 1;
    }
    text.push_str("\n    }\n}\n");
    text
}

/// A site of so many containers with ten rules each, in a network of its own: the containers and the host-wide file. One
/// of a hundred guests has a rule twice.
pub fn site(guests: usize) -> (String, String) {
    let mut text = String::from("{\n    \"lxc_configs\": {");
    for number in 0..guests {
        let (id, comma) = (100 + number, if number == 0 { "" } else { "," });
        let ip = |number: usize| {
            format!(
                "10.{}.{}.{}",
                number / 62_500,
                number / 250 % 250,
                number % 250 + 2
            )
        };
        let _ = write!(
            text,
            "{comma}\n        \"{id}\": {{\n            \"name\": \"guest-{id}\",\n            \"memory_mb\": 2048,\n            \"unprivileged\": true,\n            \"features\": [\n                \"base_setup\",\n                \"trusted_ca\"\n            ],\n            \"dependencies\": [\n                \"{}\"\n            ],\n            \"network_config\": {{\n                \"name\": \"eth0\",\n                \"bridge\": \"vmbr0\",\n                \"ip\": \"{}/8\",\n                \"gw\": \"10.255.255.1\"\n            }},\n            \"traefik_service\": {{\n                \"name\": \"service-{id}\",\n                \"port\": 8000\n            }},\n            \"mount_points\": [\n                {{\n                    \"host_path\": \"/mnt/pve/tank/lxc/{id}\",\n                    \"container_path\": \"/data\"\n                }}\n            ],\n            \"firewall\": {{\n                \"enabled\": true,\n                \"rules\": [",
            if number == 0 { 101 } else { 100 },
            ip(number)
        );
        for rule in 0..10 {
            let comma = if rule == 0 { "" } else { "," };
            let far = rule / 2 + 1;
            // What one guest lets out the other lets in. One of a hundred has its last rule twice.
            let twice = rule == 9 && number % 100 == 0;
            let (kind, end, other, port) = if rule % 2 == 0 || twice {
                let far = if twice { 5 } else { far };
                (
                    "in",
                    "source",
                    ip((number + guests - far % guests) % guests),
                    8000 + far,
                )
            } else {
                ("out", "dest", ip((number + far) % guests), 8000 + far)
            };
            let _ = write!(
                text,
                "{comma}\n                    {{\n                        \"type\": \"{kind}\",\n                        \"action\": \"ACCEPT\",\n                        \"{end}\": \"{other}\",\n                        \"proto\": \"tcp\",\n                        \"port\": \"{port}\",\n                        \"comment\": \"Allow what guest {id} needs\"\n                    }}"
            );
        }
        text.push_str("\n                ]\n            }\n        }");
    }
    text.push_str("\n    }\n}");
    let host = r#"{"domain_name": "internal.example", "network": {"interfaces": {"name": "vmbr0", "address": "10.255.255.2/8"}}, "firewall": {"enabled": true, "global_firewall_rules": []}}"#;
    (text, host.to_owned())
}

/// The value that the benches set, by pointer and as jq says it.
pub const TARGET: (&str, &str) = (
    "/lxc_configs/100/firewall/rules/2/port",
    ".lxc_configs[\"100\"].firewall.rules[2].port",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_as_large_as_it_should_be() {
        for bytes in [0, 50_000] {
            let text = guests(bytes);
            assert!(text.len() >= bytes && text.len() < bytes + 4096);
            assert_eq!(text.matches('{').count(), text.matches('}').count());
        }
    }
}
