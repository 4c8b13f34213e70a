//! The command `phoenix`.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod demo;
mod env;
mod exit;
mod output;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let output = output::Output::new(&cli.global);
    match commands::run(&cli, &output) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.status)
        }
    }
}
