//! `phoenix manifest`.

use std::time::Duration;

use clap::{Args, Subcommand};
use phoenix_core::manifest::{Assignment, AssignmentError, ENTRY_FIELDS, schema};
use phoenix_core::names::CommonName;
use phoenix_core::present;
use phoenix_core::site::{ChangeOptions, Site};

use crate::exit::{Failure, OK, USAGE};
use crate::output::Output;

/// Commands about the manifest.
#[derive(Debug, Subcommand)]
pub(crate) enum ManifestCommand {
    /// Add an entry; nothing is done when there is one that says all of this already
    #[command(after_help = fields(
        "phoenix manifest add web.internal.example --cert /etc/web/tls.crt --key /etc/web/tls.key --san 10.0.0.7",
        "phoenix manifest add db.internal.example --cert /etc/db/tls.crt --key /etc/db/tls.key --set validity=720h",
    ))]
    Add(AddArgs),
    /// Take an entry out; its files stay where they are
    #[command(
        after_help = "Examples:\n  phoenix manifest remove web.internal.example --dry-run\n  phoenix manifest remove web.internal.example"
    )]
    Remove {
        /// The entry's common name
        name: CommonName,
        #[command(flatten)]
        how: How,
    },
    /// Print the JSON Schema of the manifest
    #[command(
        after_help = "Examples:\n  phoenix manifest schema > certificate-manifest.schema.json\n  phoenix manifest schema | jq '.items.properties | keys'"
    )]
    Schema,
    /// Change fields of an entry: KEY=VALUE sets, KEY= removes, KEY+=VALUE adds to a list
    #[command(after_help = fields(
        "phoenix manifest set web.internal.example permissions=640 owner=root:www-data sans+=10.0.0.7",
        "phoenix manifest set web.internal.example deploy.0.owner=0:33 'hook={\"command\": \"nginx -s reload\"}' post_renewal_command=",
    ))]
    Set {
        /// The entry's common name
        name: CommonName,
        /// KEY=VALUE, KEY= or KEY+=VALUE; a list or a record may be given as JSON, `hook.timeout` and `deploy.0.owner` lead into them
        #[arg(value_name = "KEY=VALUE", required = true)]
        fields: Vec<Assignment>,
        #[command(flatten)]
        how: How,
    },
    /// Show the entries with every default resolved
    #[command(
        after_help = "Examples:\n  phoenix manifest show\n  phoenix manifest show web.internal.example\n  phoenix manifest show --output-format json | jq -r '.[].cert_path'"
    )]
    Show {
        /// Only this entry, with all its fields
        name: Option<CommonName>,
    },
}

/// A new entry.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The entry's common name
    name: CommonName,
    /// Absolute path of the chain on the host
    #[arg(long, value_name = "PATH")]
    cert: String,
    /// Absolute path of the private key on the host
    #[arg(long, value_name = "PATH")]
    key: String,
    /// A further name: DNS name, wildcard, IP address, e-mail address or URI; may be repeated
    #[arg(long, value_name = "NAME")]
    san: Vec<String>,
    /// Owner of the files
    #[arg(long, value_name = "USER:GROUP")]
    owner: Option<String>,
    /// Octal mode of the certificate, and of the key where it does not open it
    #[arg(long, value_name = "MODE")]
    permissions: Option<String>,
    /// What is run after a deployment
    #[arg(long, value_name = "COMMAND")]
    hook: Option<String>,
    /// Any other field, KEY=VALUE; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Assignment>,
    #[command(flatten)]
    how: How,
}

/// How an edit is made.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct How {
    /// Show the diff, write nothing
    #[arg(long)]
    dry_run: bool,
    /// How long to wait for another run to end
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    lock_timeout: u64,
}

impl How {
    fn options(self) -> ChangeOptions {
        ChangeOptions {
            dry_run: self.dry_run,
            lock_timeout: Duration::from_secs(self.lock_timeout),
        }
    }
}

pub(super) fn run(site: &Site, command: &ManifestCommand, output: &Output) -> Result<u8, Failure> {
    let report = match command {
        ManifestCommand::Add(args) => {
            let fields = args
                .fields()
                .map_err(|error| Failure::new("usage", error.to_string(), USAGE))?;
            site.manifest_add(&args.name, &fields, args.how.options())?
        }
        ManifestCommand::Remove { name, how } => site.manifest_remove(name, how.options())?,
        ManifestCommand::Set { name, fields, how } => {
            site.manifest_set(name, fields, how.options())?
        }
        ManifestCommand::Schema => {
            Output::json(&schema())?;
            return Ok(OK);
        }
        ManifestCommand::Show { name } => {
            let manifest = site.manifest_show(name.as_ref())?;
            output.answer(&manifest, |_| match name {
                Some(_) => present::manifest_entry(&manifest),
                None => present::manifest_table(&manifest),
            })?;
            return Ok(OK);
        }
    };
    output.answer(&report, |style| present::change(&report, style))?;
    Ok(OK)
}

impl AddArgs {
    fn fields(&self) -> Result<Vec<Assignment>, AssignmentError> {
        let mut fields = vec![
            Assignment::set("cert_path", &self.cert)?,
            Assignment::set("key_path", &self.key)?,
        ];
        for name in &self.san {
            fields.push(Assignment::append("sans", name)?);
        }
        let single = [
            ("owner", &self.owner),
            ("permissions", &self.permissions),
            ("post_renewal_command", &self.hook),
        ];
        for (key, value) in single {
            if let Some(value) = value {
                fields.push(Assignment::set(key, value)?);
            }
        }
        fields.extend(self.set.iter().cloned());
        Ok(fields)
    }
}

/// Two examples, and the fields of an entry as the table has them.
fn fields(first: &str, second: &str) -> String {
    let mut text = format!("Examples:\n  {first}\n  {second}\n\nFields:");
    for field in ENTRY_FIELDS {
        text.push_str(&format!("\n  {:<21} {}", field.name, field.doc));
        text.push_str(&format!(" ({})", field.kind.what()));
        for inner in field.kind.fields().unwrap_or_default() {
            text.push_str(&format!("\n    .{:<18} {}", inner.name, inner.doc));
        }
    }
    text
}
