//! Single certificates as text: what was done with one, and what one says.

use std::fmt::Write as _;
use std::time::SystemTime;

use super::{Paint, word};
use crate::answers::{CertReport, InspectedCertificate, Inspection, RevokeReport, State};
use crate::ca::Revoked;
use crate::diagnostic::Style;
use crate::time::{human, rfc3339};

/// What was done with one certificate, or would be.
pub fn cert(report: &CertReport, now: SystemTime, style: Style) -> String {
    if let Some(request) = &report.request {
        return request.clone();
    }
    let mut out = String::new();
    let name = &report.common_name;
    if let Some(why) = &report.kept {
        let _ = writeln!(out, "{}{name}  {why}", word("keep", Paint::Dim, style));
        return out;
    }
    let done = match (report.act, report.written) {
        ("issue", true) => "issued",
        ("renew", true) => "renewed",
        ("rekey", true) => "rekeyed",
        ("csr", true) => "made",
        (act, _) => act,
    };
    let paint = if report.written {
        Paint::Good
    } else {
        Paint::Dim
    };
    let _ = write!(out, "{}{name}", word(done, paint, style));
    if let Some(authority) = &report.authority {
        let _ = write!(out, "  by {authority}");
    }
    out.push('\n');
    line(&mut out, "names", &report.names.join(", "));
    if let Some(certificate) = &report.certificate {
        let left = certificate
            .not_after
            .duration_since(now)
            .unwrap_or_default();
        let words = format!("{}, for {}", rfc3339(certificate.not_after), human(left));
        line(&mut out, "until", &words);
        line(&mut out, "serial", &certificate.serial.to_string());
        line(&mut out, "sha256", &certificate.fingerprint.to_string());
    }
    for file in &report.files {
        line(&mut out, "file", &file.display().to_string());
    }
    for warning in &report.warnings {
        let _ = writeln!(out, "{}{warning}", word("warning", Paint::Warn, style));
    }
    if !report.written {
        out.push_str("nothing was asked of the CA and nothing was written\n");
    }
    out
}

/// What became of a revocation.
pub fn revoked(report: &RevokeReport, style: Style) -> String {
    let (opening, paint) = match report.outcome {
        Some(Revoked::Now) => ("revoked", Paint::Good),
        Some(Revoked::Already) => ("keep", Paint::Dim),
        None => ("revoke", Paint::Dim),
    };
    let mut out = word(opening, paint, style);
    if let Some(name) = &report.common_name {
        let _ = write!(out, "{name}  ");
    }
    let _ = write!(out, "serial {} ({})", report.serial, report.reason);
    let _ = match report.outcome {
        Some(Revoked::Now) => writeln!(
            out,
            "\n{}by {}\n{}it is renewed no more; whoever does not ask for a revocation list accepts it until it ends",
            word("", Paint::Dim, Style::Plain),
            report.authority,
            word("note", Paint::Dim, style),
        ),
        Some(Revoked::Already) => writeln!(out, "  was revoked before"),
        None => writeln!(out, "\nnothing was asked of {}", report.authority),
    };
    out
}

/// What a certificate or a request says.
pub fn inspection(seen: &Inspection, now: SystemTime, style: Style) -> String {
    let mut out = format!("{}\n", seen.source);
    if let Some(request) = &seen.request {
        line(
            &mut out,
            "request",
            request
                .common_name
                .as_deref()
                .unwrap_or("without a common name"),
        );
        line(&mut out, "names", &or_none(&request.names));
        line(&mut out, "key", &request.key);
    }
    for (at, one) in seen.certificates.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        certificate(&mut out, one, at, now, style);
    }
    if seen.trust.is_some() || seen.key_fits.is_some() || seen.order.is_some() {
        out.push('\n');
    }
    if let Some(wrong) = &seen.order {
        let _ = writeln!(
            out,
            "{}the chain is not in order: {wrong}",
            word("wrong", Paint::Bad, style)
        );
    }
    if let Some(trust) = &seen.trust {
        let root = format!(
            "`{}` {} ({})",
            trust.root,
            trust.fingerprint.short(),
            trust.from
        );
        let _ = match &trust.fault {
            None => writeln!(out, "{}leads to {root}", word("ok", Paint::Good, style)),
            Some(fault) => writeln!(
                out,
                "{}not under {root}: {fault}",
                word("wrong", Paint::Bad, style)
            ),
        };
    }
    let _ = match seen.key_fits {
        Some(true) => writeln!(
            out,
            "{}the key belongs to it",
            word("ok", Paint::Good, style)
        ),
        Some(false) => writeln!(
            out,
            "{}the key belongs to another certificate",
            word("wrong", Paint::Bad, style)
        ),
        None => Ok(()),
    };
    out
}

fn certificate(
    out: &mut String,
    one: &InspectedCertificate,
    at: usize,
    now: SystemTime,
    style: Style,
) {
    let what = match (at, one.is_ca) {
        (0, false) => "leaf".to_owned(),
        (_, true) if one.subject == one.issuer => "root".to_owned(),
        (_, true) => "issuer".to_owned(),
        _ => format!("number {}", at + 1),
    };
    line(out, &what, &one.subject);
    if !one.names.is_empty() || !one.is_ca {
        line(out, "names", &or_none(&one.names));
    }
    let mut usage = if one.details.extended_key_usage.is_empty() {
        if one.is_ca {
            Vec::new()
        } else {
            vec!["anything".to_owned()]
        }
    } else {
        one.details.extended_key_usage.clone()
    };
    usage.extend(one.details.key_usage.iter().cloned());
    if let Some(length) = one.details.path_length {
        usage.push(format!("at most {length} CAs below it"));
    }
    line(out, "usage", &usage.join(", "));
    let paint = match one.state {
        State::Valid => Paint::Good,
        State::Expired | State::NotYetValid => Paint::Bad,
    };
    let lifetime = one
        .not_after
        .duration_since(one.not_before)
        .unwrap_or_default();
    let (opening, when) = match one.state {
        State::Valid => {
            let left = one.not_after.duration_since(now).unwrap_or_default();
            ("valid", format!("ends in {}", human(left)))
        }
        State::Expired => {
            let ago = now.duration_since(one.not_after).unwrap_or_default();
            ("expired", format!("ended {} ago", human(ago)))
        }
        State::NotYetValid => {
            let left = one.not_before.duration_since(now).unwrap_or_default();
            ("not yet", format!("begins in {}", human(left)))
        }
    };
    let _ = writeln!(
        out,
        "{}{when}, lasts {}: {} to {}",
        word(opening, paint, style),
        human(lifetime),
        rfc3339(one.not_before),
        rfc3339(one.not_after)
    );
    line(out, "key", &one.details.key);
    line(out, "issuer", &one.issuer);
    if let Some(name) = &one.details.provisioner {
        line(out, "from", &format!("step-ca's provisioner `{name}`"));
    }
    for url in &one.details.revocation_lists {
        line(out, "revoked", &format!("listed at {url}"));
    }
    line(
        out,
        "serial",
        &format!("{} (0x{})", one.serial, one.serial_hex),
    );
    line(out, "sha256", &one.fingerprint.to_string());
}

fn or_none(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn line(out: &mut String, what: &str, text: &str) {
    let _ = writeln!(out, "{}{text}", word(what, Paint::Dim, Style::Plain));
}
