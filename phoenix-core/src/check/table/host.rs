//! What else is on the host.

use super::{Needs, Rule, Severity, example, rule};

pub(super) const RULES: &[Rule] = &[Rule {
    severity: Severity::Warning,
    needs: Needs::Host,
    why: "It writes the plain port, or a certificate of its own, over what Phoenix did.",
    mend: "`phoenix migrate docker-tls --disarm` moves cron files aside; remove the scripts.",
    example: example(
        "/etc/cron.d/certificates",
        "17 * * * * root phoenix sync all --unattended",
        "0 * * * * root /usr/local/phoenix_hypervisor/bin/managers/certificate-renewal-manager.sh",
    ),
    ..rule(
        "PX049",
        "old-script-undoes",
        "an old script or cron line would undo what Phoenix did",
    )
}];
