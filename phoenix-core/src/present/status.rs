//! How the site stands, as a table.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use super::{Paint, count, surroundings, word};
use crate::diagnostic::Style;
use crate::report::{CertificateState, CertificateStatus, Pending, SiteStatus};
use crate::time::human;

/// One line per certificate, what is wrong with its places below it, what is pending, the last run; the last line sums up.
pub fn status(status: &SiteStatus, style: Style) -> String {
    let mut out = format!("CA: {}\n", status.authority);
    let names = status
        .certificates
        .iter()
        .map(|c| c.certificate.to_string().len());
    let width = names.max().unwrap_or(0).max(NAME.len());
    if !status.certificates.is_empty() {
        let _ = writeln!(
            out,
            "{:9}{NAME:width$}  {:11}  {:16}  PLACES",
            "STATE", "ENDS", "WINDOW"
        );
    }
    for certificate in &status.certificates {
        certificate_line(certificate, status.seen, width, style, &mut out);
    }
    out.push_str(&pending(&status.pending, status.seen, style));
    out.push_str(&surroundings(&[], &status.blocked, &[], status.seen, style));
    if let Some(run) = &status.last_run {
        let failed = match (&run.error, run.failed.as_slice()) {
            (Some(error), _) => format!(", {error}"),
            (None, []) => String::new(),
            (None, failed) => format!(", failed: {}", failed.join(", ")),
        };
        let _ = writeln!(
            out,
            "{}{} ago, status {}, {} done{failed}",
            word("last run", Paint::Dim, style),
            age(run.ended, status.seen),
            run.exit_status,
            count(run.done, "step")
        );
    }
    out.push_str(&summary(status));
    out.push('\n');
    out
}

/// Pending items with their age, tries and last error, two lines each.
pub fn pending(pending: &[Pending], now: SystemTime, style: Style) -> String {
    let mut out = String::new();
    for Pending { id, item } in pending {
        let opening = word("pending", Paint::Warn, style);
        let _ = write!(
            out,
            "{opening}{}  since {}, tried {}",
            item.kind,
            age(item.since, now),
            count(item.tries as usize, "time")
        );
        if let Some(error) = &item.last_error {
            let _ = write!(out, ", last: {error}");
        }
        let _ = writeln!(out, "\n{:9}id {id}", "");
    }
    out
}

fn certificate_line(
    certificate: &CertificateStatus,
    now: SystemTime,
    width: usize,
    style: Style,
    out: &mut String,
) {
    let (state, paint) = match certificate.state {
        CertificateState::Expired => ("expired", Paint::Bad),
        CertificateState::Good => ("good", Paint::Good),
        CertificateState::Missing => ("missing", Paint::Bad),
        CertificateState::Unreadable => ("damaged", Paint::Bad),
        CertificateState::Work => ("to do", Paint::Warn),
    };
    let left = |time: Option<SystemTime>, past: &str, before: &str| match time {
        None => "-".to_owned(),
        Some(time) => time.duration_since(now).map_or_else(
            |_| past.to_owned(),
            |left| format!("{before}{}", human(left)),
        ),
    };
    let good = certificate.places.iter().filter(|place| place.good).count();
    let _ = writeln!(
        out,
        "{}{:width$}  {:11}  {:16}  {good} of {}",
        word(state, paint, style),
        certificate.certificate.to_string(),
        left(certificate.not_after, "over", "in "),
        left(
            certificate.due,
            "open",
            if certificate.held {
                "waits "
            } else {
                "opens in "
            }
        ),
        certificate.places.len(),
    );
    for place in certificate.places.iter().filter(|place| !place.good) {
        let _ = writeln!(out, "{:9}{}  {}", "", place.place, place.detail);
    }
}

fn summary(status: &SiteStatus) -> String {
    let good = status
        .certificates
        .iter()
        .filter(|certificate| certificate.state == CertificateState::Good)
        .count();
    let mut words = format!(
        "{good} of {} good",
        count(status.certificates.len(), "certificate")
    );
    match status.pending.len() {
        0 => words.push_str(", nothing pending"),
        number => {
            let _ = write!(words, ", {number} pending");
        }
    }
    words
}

fn age(then: SystemTime, now: SystemTime) -> String {
    human(now.duration_since(then).unwrap_or(Duration::ZERO))
}

const NAME: &str = "CERTIFICATE";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::PlaceStatus;
    use crate::store::{LastRun, PendingItem, PendingKind};

    #[test]
    fn the_table_shows_ends_windows_places_and_what_is_pending() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let place = |place: &str, detail: &str| PlaceStatus {
            place: place.to_owned(),
            good: detail.is_empty(),
            detail: detail.to_owned(),
        };
        let certificate = |name: &str, state, not_after, places| CertificateStatus {
            certificate: name.parse().unwrap(),
            state,
            not_after,
            due: not_after.map(|end| end - Duration::from_secs(3_600)),
            held: name == "a.internal",
            places,
            work: Vec::new(),
        };
        let item = PendingItem {
            kind: PendingKind::Restart {
                service: "docker".to_owned(),
                guest: "vm:1001".parse().unwrap(),
            },
            since: at(400),
            tries: 2,
            last_try: None,
            last_error: Some("it did not start".to_owned()),
        };
        let seen = SiteStatus {
            seen: at(1_000),
            authority: "a CA".to_owned(),
            certificates: vec![
                certificate(
                    "a.internal",
                    CertificateState::Good,
                    Some(at(8_200)),
                    vec![place("/a.crt", "")],
                ),
                certificate(
                    "long-name.internal",
                    CertificateState::Work,
                    Some(at(2_000)),
                    vec![place("/b.crt", ""), place("lxc:102:/b.crt", "missing")],
                ),
                certificate("c.internal", CertificateState::Missing, None, vec![]),
            ],
            pending: vec![item.into()],
            blocked: Vec::new(),
            last_run: Some(LastRun {
                started: at(300),
                ended: at(400),
                exit_status: 1,
                done: 3,
                failed: vec!["configure docker vm:1001".to_owned()],
                error: None,
            }),
        };
        assert_eq!(
            status(&seen, Style::Plain),
            "CA: a CA\n\
             STATE    CERTIFICATE         ENDS         WINDOW            PLACES\n\
             good     a.internal          in 2h        waits 1h          1 of 1\n\
             to do    long-name.internal  in 16m 40s   open              1 of 2\n         \
             lxc:102:/b.crt  missing\n\
             missing  c.internal          -            -                 0 of 0\n\
             pending  restart docker vm:1001  since 10m, tried 2 times, last: it did not start\n         \
             id restart-docker-vm-1001-4febfaf4\n\
             last run 10m ago, status 1, 3 steps done, failed: configure docker vm:1001\n\
             1 of 3 certificates good, 1 pending\n"
        );
    }
}
