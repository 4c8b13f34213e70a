//! `phoenix migrate`.

use phoenix_core::migrate::{DockerTlsOptions, ProviderName};
use phoenix_core::present;
use phoenix_core::settings::ClientCa;
use phoenix_core::site::{MigrateOptions, Site};

use crate::args::{ClientCaArg, Provider};
use crate::exit::{Failure, OK};
use crate::output::Output;

pub(super) fn docker_tls(
    site: &Site,
    options: MigrateOptions,
    provider: Provider,
    client_ca: Option<ClientCaArg>,
    output: &Output,
) -> Result<u8, Failure> {
    let provider = match provider {
        Provider::Docker => ProviderName::Docker,
        Provider::Swarm => ProviderName::Swarm,
    };
    let client_ca = client_ca.map(|which| match which {
        ClientCaArg::Dedicated => ClientCa::Dedicated,
        ClientCaArg::Shared => ClientCa::Shared,
    });
    let report = site.migrate_docker_tls(MigrateOptions {
        edits: DockerTlsOptions {
            provider,
            client_ca,
        },
        ..options
    })?;
    output.answer(&report, |style| present::migrate(&report, style))?;
    Ok(OK)
}
