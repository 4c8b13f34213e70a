//! Adds a firewall rule to a guest of a site on a copy of a host, unless that locks somebody out who is needed, and asks what it
//! admits: `firewall_edit COPY_OF_A_HOST GUEST FROM`.
#![expect(clippy::print_stdout, reason = "an example says what it did")]

use std::error::Error;
use std::path::PathBuf;

use phoenix_core::diagnostic::Style;
use phoenix_core::firewall::{Assignment, RuleEdit, Target};
use phoenix_core::present;
use phoenix_core::site::{FirewallOptions, Seams, Site, SitePaths};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [root, guest, from] = &words[..] else {
        return Err("expected COPY_OF_A_HOST GUEST FROM".into());
    };
    let root = PathBuf::from(root);
    let seams = Seams::copy(&root);
    let paths = SitePaths {
        root: Some(root),
        ..SitePaths::default()
    };
    let site = Site::open(paths, seams)?;

    let fields = [
        "type=in",
        "action=ACCEPT",
        "proto=tcp",
        "port=8443",
        "comment=web",
    ];
    let edit = RuleEdit::Add {
        fields: fields
            .iter()
            .map(|field| field.parse())
            .collect::<Result<Vec<Assignment>, _>>()?,
        beside: None,
    };
    let target: Target = guest.parse()?;
    let report = site.edit_firewall(&[target], &edit, FirewallOptions::default())?;
    print!("{}", present::change(&report, Style::Plain));

    let verdict = site.test_firewall(
        from.parse()?,
        guest.parse()?,
        &"tcp".parse()?,
        Some(8443),
        false,
    )?;
    print!("{}", present::test(&verdict));
    Ok(())
}
