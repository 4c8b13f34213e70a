//! A way into guests of the program's own, here a directory that stands for one: `own_transport DIR`.
//!
//! All that is needed is something that runs words in the guest; `podman exec` or an agent look the same.
#![expect(clippy::print_stdout, reason = "an example says what it did")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use phoenix_core::names::{FileMode, GuestId, Owner};
use phoenix_core::secret::Secret;
use phoenix_core::system::{Command, CommandError, Commands, HostCommands, Output};
use phoenix_core::transport::{
    Exec, GuestTransport, Inspect, Program, Replace, Shell, Step, StepResult,
};

/// Runs a guest's words: the words are no secret, what comes on standard input is.
struct Here(HostCommands);

impl Commands for Here {
    fn run(&self, command: &Command) -> Result<Output, CommandError> {
        let inside = ["nice"].map(Into::into);
        self.0
            .run(&command.by(inside.into_iter().chain(command.argv.clone())))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).ok_or("expected a directory")?;
    let commands = Here(HostCommands::new("/usr/sbin:/usr/bin:/sbin:/bin"));
    let guest = Shell::new(GuestId::lxc(102), Arc::new(commands)).beneath(dir);

    let owner = {
        use std::os::unix::fs::MetadataExt as _;
        let this = std::fs::metadata("/proc/self")?;
        Owner {
            user: this.uid().to_string(),
            group: this.gid().to_string(),
        }
    };
    let path = "/motd".parse()?;
    let replace = Replace::new(
        path,
        Secret::from("hello\n".to_owned()),
        FileMode::PUBLIC,
        owner,
    );
    let program = Program::new(vec![
        Step::Replace(replace),
        Step::Inspect(Inspect::with_content("/motd".parse()?)),
        Step::Exec(Exec::new(["uname", "-s"])),
    ]);
    let answer = guest.run(&program, Duration::from_secs(30))?;
    if let Some((step, refused)) = answer.failure() {
        return Err(format!("step {step}: {refused:?}").into());
    }
    for result in &answer.results {
        match result {
            StepResult::Inspected(Some(entry)) => println!("{} bytes in /motd", entry.meta.size),
            StepResult::Exec(done) => print!("{}", String::from_utf8_lossy(&done.stdout)),
            _ => {}
        }
    }
    Ok(())
}
