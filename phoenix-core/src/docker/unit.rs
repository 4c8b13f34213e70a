//! The unit that starts dockerd: its effective command, and the drop-in that leaves the listeners to `daemon.json`.
//!
//! dockerd refuses to start when an option stands in its command and in its file. Packages start it with `-H fd://`;
//! docker-ce and docker.io differ in the rest, so the drop-in is derived from the command that is in effect.

use std::path::Path;

/// The unit as it is in effect, and what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitPlan {
    /// The command in effect now, ours included.
    pub command: String,
    /// The drop-in to write; `None`: the command needs none, or ours is there already and right.
    pub drop_in: Option<DropIn>,
    /// Paths of drop-ins of ours that are no longer of use.
    pub obsolete: Vec<String>,
    /// The options that the drop-in takes out of the command.
    pub removed: Vec<String>,
    /// Environment variables that the command expands; each may hold options that are not seen here.
    pub variables: Vec<String>,
}

/// A drop-in file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropIn {
    /// File name, sorted behind every other drop-in of the unit.
    pub name: String,
    /// Its whole text.
    pub text: String,
}

/// A unit that no drop-in can be derived from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitFault {
    /// There is no `ExecStart=`.
    #[error("could not find an `ExecStart=` in docker.service")]
    NoCommand,
    /// Something else starts dockerd, with options that are not seen here.
    #[error("docker.service starts `{program}`, expected dockerd itself")]
    NotDockerd {
        /// The program.
        program: String,
    },
    /// systemd itself refuses this for a service like dockerd.
    #[error("found {count} commands in effect in docker.service, expected one")]
    SeveralCommands {
        /// How many.
        count: usize,
    },
    /// A quote is not closed.
    #[error("could not split the command of docker.service into words: {command}")]
    Words {
        /// The command.
        command: String,
    },
}

/// Plans the drop-in from the output of `systemctl cat docker.service`.
pub fn plan(cat: &str) -> Result<UnitPlan, UnitFault> {
    let files = split_files(cat);
    let command = effective(files.iter())?;
    let theirs = effective(files.iter().filter(|file| !file.is_ours()))?;
    let stripped = strip_options(&theirs)?;

    let wanted = (!stripped.removed.is_empty()).then(|| DropIn {
        name: drop_in_name(&files),
        text: format!(
            "# Written by phoenix: the listeners and TLS of dockerd stand in /etc/docker/daemon.json.\n[Service]\nExecStart=\nExecStart={}\n",
            stripped.command
        ),
    });
    let mut obsolete = Vec::new();
    let mut is_there = false;
    for file in files.iter().filter(|file| file.is_ours()) {
        match &wanted {
            Some(wanted) if file.name() == wanted.name => {
                is_there = command == stripped.command && file.text.trim() == wanted.text.trim();
            }
            _ => obsolete.push(file.path.clone()),
        }
    }
    Ok(UnitPlan {
        command,
        drop_in: wanted.filter(|_| !is_there),
        obsolete,
        removed: stripped.removed,
        variables: stripped.variables,
    })
}

/// The command that systemd has loaded, from `systemctl show -p ExecStart docker.service`. Quotes are lost in it: it
/// serves to see whether a `daemon-reload` is due, not to derive a drop-in.
pub fn loaded_command(show: &str) -> Option<String> {
    let line = show
        .lines()
        .find_map(|line| line.trim().strip_prefix("ExecStart="))?;
    let argv = line.split_once("argv[]=")?.1;
    let argv = argv.split(" ; ").next()?.trim();
    (!argv.is_empty()).then(|| argv.to_owned())
}

/// One file of `systemctl cat`, which heads each with a comment of its path.
struct UnitFile {
    path: String,
    text: String,
}

impl UnitFile {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or("")
    }

    fn is_drop_in(&self) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|e| e == "conf")
    }

    fn is_ours(&self) -> bool {
        self.is_drop_in() && self.name().ends_with(OUR_NAME)
    }
}

fn split_files(cat: &str) -> Vec<UnitFile> {
    let mut files = vec![UnitFile {
        path: String::new(),
        text: String::new(),
    }];
    for line in cat.lines() {
        let path = line.strip_prefix("# /").map(str::trim).filter(|path| {
            let extension = Path::new(path).extension();
            extension.is_some_and(|e| e == "conf" || e == "service") && !path.contains(' ')
        });
        match (path, files.last_mut()) {
            (Some(path), _) => files.push(UnitFile {
                path: format!("/{path}"),
                text: String::new(),
            }),
            (None, Some(file)) => {
                file.text.push_str(line);
                file.text.push('\n');
            }
            (None, None) => {}
        }
    }
    files
}

/// The one command in effect: each `ExecStart=` adds, an empty one forgets all before it.
fn effective<'f>(files: impl Iterator<Item = &'f UnitFile>) -> Result<String, UnitFault> {
    let mut commands: Vec<String> = Vec::new();
    for file in files {
        let mut in_service = false;
        for line in logical_lines(&file.text) {
            let line = line.trim();
            if line.starts_with('[') {
                in_service = line == "[Service]";
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            if !in_service || key.trim_end() != "ExecStart" {
                continue;
            }
            match value.trim() {
                "" => commands.clear(),
                command => commands.push(command.to_owned()),
            }
        }
    }
    match commands.len() {
        0 => Err(UnitFault::NoCommand),
        1 => Ok(commands.remove(0)),
        count => Err(UnitFault::SeveralCommands { count }),
    }
}

/// Lines without comments, continuations joined by a blank; a comment inside a continuation does not end it
/// (systemd.syntax(7)).
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let (part, continues) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        let joined = match open.take() {
            None => part.to_owned(),
            Some(before) => format!("{} {}", before.trim_end(), part.trim_start()),
        };
        if continues {
            open = Some(joined);
        } else {
            lines.push(joined);
        }
    }
    lines.extend(open);
    lines
}

struct Stripped {
    command: String,
    removed: Vec<String>,
    variables: Vec<String>,
}

/// Takes the options out that `daemon.json` will hold, and leaves every other byte: quoting is the operator's.
fn strip_options(command: &str) -> Result<Stripped, UnitFault> {
    let words = split_words(command).ok_or_else(|| UnitFault::Words {
        command: command.to_owned(),
    })?;
    // systemd's own marks stand before the program (systemd.service(5)).
    let program = words.first().map_or("", |word| {
        word.value
            .trim_start_matches(['@', '-', ':', '+', '!', '|'])
    });
    if program.rsplit('/').next() != Some("dockerd") {
        return Err(UnitFault::NotDockerd {
            program: program.to_owned(),
        });
    }
    let mut kept: Vec<String> = Vec::new();
    let mut removed = Vec::new();
    let mut rest = words.iter().peekable();
    while let Some(word) = rest.next() {
        match option(&word.value) {
            Kept::Whole => kept.push(word.raw.to_owned()),
            Kept::Not => removed.push(word.value.clone()),
            Kept::NotNorValue => {
                let value = rest.next().map(|value| format!(" {}", value.value));
                removed.push(format!("{}{}", word.value, value.unwrap_or_default()));
            }
        }
    }
    let variables = words
        .iter()
        .filter(|word| word.value.starts_with('$') && !word.value.starts_with("$$"))
        .map(|word| {
            word.value
                .trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .to_owned()
        })
        .collect();
    Ok(Stripped {
        command: if removed.is_empty() {
            command.to_owned()
        } else {
            kept.join(" ")
        },
        removed,
        variables,
    })
}

enum Kept {
    Whole,
    Not,
    NotNorValue,
}

fn option(word: &str) -> Kept {
    const WITH_VALUE: [&str; 5] = ["-H", "--host", "--tlscacert", "--tlscert", "--tlskey"];
    const FLAGS: [&str; 2] = ["--tls", "--tlsverify"];
    if WITH_VALUE.contains(&word) {
        return Kept::NotNorValue;
    }
    let name = word.split_once('=').map_or(word, |(name, _)| name);
    if WITH_VALUE.contains(&name) || FLAGS.contains(&name) || word.starts_with("-H") {
        return Kept::Not;
    }
    Kept::Whole
}

struct Word<'c> {
    /// As it stands in the command.
    raw: &'c str,
    /// Without its quotes.
    value: String,
}

/// Splits as systemd does: blanks, both kinds of quotes, backslashes. `None` if a quote stays open.
fn split_words(command: &str) -> Option<Vec<Word<'_>>> {
    let mut words = Vec::new();
    let mut start: Option<usize> = None;
    let mut value = String::new();
    let mut quote: Option<char> = None;
    let mut chars = command.char_indices();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (None, c) if c.is_ascii_whitespace() => {
                if let Some(start) = start.take() {
                    words.push(Word {
                        raw: &command[start..at],
                        value: std::mem::take(&mut value),
                    });
                }
                continue;
            }
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (_, '\\') => match chars.next() {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            (_, c) => value.push(c),
        }
        start.get_or_insert(at);
    }
    if quote.is_some() {
        return None;
    }
    if let Some(start) = start {
        words.push(Word {
            raw: &command[start..],
            value,
        });
    }
    Some(words)
}

/// A name behind every other drop-in's: systemd reads them in the order of their names, whatever their directory.
fn drop_in_name(files: &[UnitFile]) -> String {
    let last = files
        .iter()
        .filter(|file| file.is_drop_in() && !file.is_ours())
        .map(UnitFile::name)
        .max();
    match last {
        Some(last) if last > DROP_IN_NAME => {
            let stem = last.strip_suffix(".conf").unwrap_or(last);
            format!("{stem}{OUR_NAME}")
        }
        _ => DROP_IN_NAME.to_owned(),
    }
}

const DROP_IN_NAME: &str = "zz-phoenix.conf";
const OUR_NAME: &str = "z-phoenix.conf";

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKER_CE: &str = "\
# /lib/systemd/system/docker.service
[Unit]
Description=Docker Application Container Engine
Requires=docker.socket

[Service]
Type=notify
# the default is not to use systemd for cgroups
ExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock
ExecReload=/bin/kill -s HUP $MAINPID

[Install]
WantedBy=multi-user.target
";
    const DOCKER_IO: &str = "\
# /lib/systemd/system/docker.service
[Service]
Type=notify
EnvironmentFile=-/etc/default/docker
ExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS
";

    fn exec_start(text: &str) -> &str {
        text.lines()
            .last()
            .unwrap()
            .strip_prefix("ExecStart=")
            .unwrap()
    }

    #[test]
    fn socket_activation_is_taken_out_of_either_package() {
        let ce = plan(DOCKER_CE).unwrap();
        let drop_in = ce.drop_in.unwrap();
        assert_eq!(drop_in.name, "zz-phoenix.conf");
        assert!(drop_in.text.ends_with("\n[Service]\nExecStart=\nExecStart=/usr/bin/dockerd --containerd=/run/containerd/containerd.sock\n"));
        assert_eq!(ce.removed, ["-H fd://"]);
        let io = plan(DOCKER_IO).unwrap();
        assert_eq!(
            exec_start(&io.drop_in.unwrap().text),
            "/usr/sbin/dockerd --containerd=/run/containerd/containerd.sock $DOCKER_OPTS"
        );
        assert_eq!(io.variables, ["DOCKER_OPTS"]);
    }

    #[test]
    fn with_our_drop_in_there_is_nothing_to_do_until_the_package_changes() {
        let drop_in = plan(DOCKER_CE).unwrap().drop_in.unwrap();
        let with = |unit: &str, name: &str, text: &str| {
            format!("{unit}\n# /etc/systemd/system/docker.service.d/{name}\n{text}")
        };
        let settled = plan(&with(DOCKER_CE, &drop_in.name, &drop_in.text)).unwrap();
        assert_eq!((settled.drop_in, settled.obsolete.len()), (None, 0));
        assert_eq!(
            settled.command,
            "/usr/bin/dockerd --containerd=/run/containerd/containerd.sock"
        );

        let upgraded = DOCKER_CE.replace("--containerd", "--debug --containerd");
        let upgraded = plan(&with(&upgraded, &drop_in.name, &drop_in.text)).unwrap();
        assert!(exec_start(&upgraded.drop_in.unwrap().text).contains("--debug"));

        let clean = DOCKER_CE.replace("-H fd:// ", "");
        assert_eq!(plan(&clean).unwrap().drop_in, None);
        let clean = plan(&with(&clean, &drop_in.name, &drop_in.text)).unwrap();
        assert_eq!(clean.drop_in, None);
        assert_eq!(
            clean.obsolete,
            ["/etc/systemd/system/docker.service.d/zz-phoenix.conf"]
        );
    }

    #[test]
    fn the_last_reset_wins_and_our_name_sorts_behind_every_other() {
        let cat = format!(
            "{DOCKER_CE}\n# /run/systemd/system/docker.service.d/10-a.conf\n[Service]\nExecStart=\nExecStart=/opt/dockerd --a\n\
             \n# /etc/systemd/system/docker.service.d/zzz.conf\n[Service]\nExecStart =\nExecStart=-/usr/bin/dockerd \\\n  # not the end\n  -H tcp://0.0.0.0:2375 \\\n  --label \"a b\"\n"
        );
        let plan = plan(&cat).unwrap();
        assert_eq!(
            plan.command,
            "-/usr/bin/dockerd -H tcp://0.0.0.0:2375 --label \"a b\""
        );
        let drop_in = plan.drop_in.unwrap();
        assert_eq!(
            exec_start(&drop_in.text),
            "-/usr/bin/dockerd --label \"a b\""
        );
        assert!(drop_in.name.as_str() > "zzz.conf", "{}", drop_in.name);
        assert!(drop_in.name.ends_with(OUR_NAME));
    }

    #[test]
    fn every_spelling_of_a_listener_and_of_tls_is_taken_out() {
        let stripped =
            |options: &str| strip_options(&format!("/usr/bin/dockerd {options}")).unwrap();
        for options in [
            "-H fd://",
            "-H=fd://",
            "-Hfd://",
            "--host fd://",
            "--host=fd://",
            "'-H' \"unix:///a b\"",
            "--tlsverify --tlscacert=/a --tlscert /b --tlskey /c",
            "--tls=false",
            "-H",
        ] {
            assert_eq!(stripped(options).command, "/usr/bin/dockerd", "{options}");
        }
        for options in ["--hostname-x", "--label 'H -H'", "--data-root=/a"] {
            assert!(stripped(options).removed.is_empty(), "{options}");
        }
    }

    #[test]
    fn commands_that_hide_dockerd_are_faults() {
        let with = |line: &str| plan(&format!("# /a/docker.service\n[Service]\n{line}\n"));
        assert_eq!(with("Type=notify"), Err(UnitFault::NoCommand));
        assert!(matches!(
            with("ExecStart=/bin/sh -c 'dockerd -H fd://'"),
            Err(UnitFault::NotDockerd { .. })
        ));
        assert!(matches!(
            with("ExecStart=/usr/bin/dockerd 'x"),
            Err(UnitFault::Words { .. })
        ));
        assert_eq!(
            with("ExecStart=/usr/bin/dockerd\nExecStart=/usr/bin/dockerd"),
            Err(UnitFault::SeveralCommands { count: 2 })
        );
        assert_eq!(plan(""), Err(UnitFault::NoCommand));
        assert_eq!(
            plan("[Unit]\nExecStart=/usr/bin/dockerd\n"),
            Err(UnitFault::NoCommand)
        );
    }

    #[test]
    fn the_loaded_command_is_read_from_systemd() {
        let show = "ExecStart={ path=/usr/bin/dockerd ; argv[]=/usr/bin/dockerd -H fd:// ; ignore_errors=no ; pid=0 }\n";
        assert_eq!(
            loaded_command(show).as_deref(),
            Some("/usr/bin/dockerd -H fd://")
        );
        assert_eq!(loaded_command("ExecStart=\n"), None);
    }
}
