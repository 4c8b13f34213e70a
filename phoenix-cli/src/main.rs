//! The command `phoenix`.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod demo;
mod env;
mod exit;
mod output;
mod secret_input;
mod stop;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) if usage.use_stderr() && env::wants_json() => {
            let words = usage.render().to_string();
            let words = words.trim().trim_start_matches("error: ");
            output::Output::data(&exit::Failure::new("usage", words, exit::USAGE));
            return ExitCode::from(exit::USAGE);
        }
        Err(usage) => usage.exit(),
    };
    let stop = stop::Stop::default();
    let output = output::Output::new(&cli.global, stop.clone());
    if let Err(error) = stop.listen() {
        let failure = exit::Failure::io("listen for signals", &error);
        output.failure(&failure);
        return ExitCode::from(failure.status);
    }
    match commands::run(&cli, &output) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.status)
        }
    }
}
