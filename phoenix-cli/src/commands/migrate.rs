//! `phoenix migrate`.

use phoenix_core::migrate::{DockerTlsOptions, ProviderName};
use phoenix_core::present;
use phoenix_core::site::{MigrateOptions, Site};

use crate::args::Provider;
use crate::exit::{Failure, OK};
use crate::output::Output;

pub(super) fn docker_tls(
    site: &Site,
    options: MigrateOptions,
    provider: Provider,
    output: &Output,
) -> Result<u8, Failure> {
    let provider = match provider {
        Provider::Docker => ProviderName::Docker,
        Provider::Swarm => ProviderName::Swarm,
    };
    let report = site.migrate_docker_tls(MigrateOptions {
        edits: DockerTlsOptions { provider },
        ..options
    })?;
    output.answer(&report, |style| present::migrate(&report, style))?;
    Ok(OK)
}
