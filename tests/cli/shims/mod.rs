//! What stands in the old scripts' places, called as their callers call them: as a file, sourced, as a text, by cron.

mod dispatcher;
mod guests;
mod host;
mod step;
mod timer;

use std::os::unix::fs::PermissionsExt as _;

use super::mounts::{phoenix_with_tools, tool};
use super::run::real_site;
use super::*;

/// A way in which a script is called.
#[derive(Debug, Clone, Copy)]
enum By {
    /// As a program.
    File,
    /// `source SCRIPT`, its status printed by a caller that goes on.
    Source,
    /// `bash -c "$(cat SCRIPT)"`, as the guest agent is used.
    Text,
}

const WAYS: [By; 3] = [By::File, By::Source, By::Text];

/// A host whose site lies in the test's directory, with old scripts of the tests' own.
struct Host(Scratch);

impl Host {
    fn new(hook: &str) -> Self {
        let scratch = real_site(hook);
        fs::create_dir(scratch.0.join("bin")).unwrap();
        Self(scratch)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.0.join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn tool(&self, name: &str, script: &str) {
        tool(&self.0, name, script);
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn phoenix(&self, words: &[&str]) -> Output {
        phoenix_with_tools(&self.0, words)
    }

    /// Puts an old script in its place, and the shim in the place of that; gives its path.
    fn replaced(&self, place: &str) -> PathBuf {
        self.replaced_by(place, env!("CARGO_BIN_EXE_phoenix"))
    }

    fn replaced_by(&self, place: &str, program: &str) -> PathBuf {
        let path = self.path("site/bin").join(place);
        if !path.exists() {
            Self::old(
                &path,
                "#!/bin/bash\necho 'the script of before ran' >&2\nexit 9\n",
            );
        }
        let words = [
            "scripts",
            "replace",
            path.to_str().unwrap(),
            "--program",
            program,
        ];
        let output = self.phoenix(&words);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        path
    }

    fn old(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn call(&self, by: By, script: &Path, words: &[&str]) -> Called {
        let path = script.to_str().unwrap();
        let (argv, sourced): (Vec<&str>, bool) = match by {
            By::File => (vec![path], false),
            By::Text => (
                vec![
                    "bash",
                    "-c",
                    "eval \"bash -c \\\"\\$(cat '$0')\\\" bash \\\"\\$@\\\"\"",
                    path,
                ],
                false,
            ),
            // Variables, functions, options and arguments of the caller are looked at before and after.
            By::Source => (vec!["bash", "-c", SOURCING, path], true),
        };
        let argv: Vec<&str> = argv.into_iter().chain(words.iter().copied()).collect();
        let output = self.run(&argv);
        let text = said(&output);
        if !sourced {
            return Called {
                status: output.status.code().unwrap(),
                text,
            };
        }
        assert_eq!(output.status.code(), Some(0), "the caller ended: {text}");
        assert!(text.contains("caller: as before\n"), "{text}");
        let status = text
            .lines()
            .find_map(|line| line.strip_prefix("status: "))
            .unwrap_or_else(|| panic!("{text}"));
        Called {
            status: status.parse().unwrap(),
            text,
        }
    }

    fn run(&self, argv: &[&str]) -> Output {
        Command::new(argv[0])
            .args(&argv[1..])
            .env("PATH", self.search())
            .env_remove("PHOENIX_SITE")
            .env_remove("PHOENIX_STATE")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
    }

    fn search(&self) -> String {
        format!(
            "{}:/usr/sbin:/usr/bin:/sbin:/bin",
            self.path("bin").display()
        )
    }
}

/// What a caller saw.
#[derive(Debug)]
struct Called {
    status: i32,
    text: String,
}

fn said(output: &Output) -> String {
    format!("{}{}", stdout(output), stderr(output))
}

/// A caller that sources a script and goes on: what it had before it still has afterwards.
const SOURCING: &str = r#"script=$0
force=mine program=mine IFS=:
phoenix() { echo "the caller's own"; }
log_info() { echo "info $*"; }
set -u
before=$(set +o; shopt; declare -f; trap -p)
words="$*"
status=0
. "$script" "$@" || status=$?
after=$(set +o; shopt; declare -f; trap -p)
IFS=' '
[ "$before" = "$after" ] && [ "$force$program" = minemine ] && [ "$(phoenix)" = "the caller's own" ] && echo "caller: as before"
echo "status: $status"
"#;
