//! What is answered about single certificates.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::record::record;
use crate::value::{Time, Tuple};

record! {
    /// What a new certificate is.
    struct CertificateFacts {
        /// From when it is valid.
        not_before: Time,
        /// Until when it is valid.
        not_after: Time,
        /// Its serial number, decimal.
        serial: String,
        /// SHA-256 of it, hexadecimal.
        fingerprint: String,
    }
}

record! {
    /// What was done with a certificate.
    struct CertReport {
        /// `csr`, `issue`, `renew` or `rekey`.
        act: String,
        /// Its common name.
        common_name: String,
        /// Its names.
        names: Tuple<String>,
        /// Which CA was asked.
        authority: Option<String>,
        /// The new certificate.
        certificate: Option<CertificateFacts>,
        /// The request as PEM, where it goes into no file.
        request: Option<String>,
        /// The files that were written.
        files: Tuple<PathBuf>,
        /// What is worth knowing.
        warnings: Tuple<String>,
        /// Why nothing was done.
        kept: Option<String>,
        /// Whether anything was written.
        written: bool,
    }
}

record! {
    /// What became of a revocation.
    struct RevokeReport {
        /// The serial number, decimal.
        serial: String,
        /// The common name, where it is known.
        common_name: Option<String>,
        /// Why, by the names of RFC 5280.
        reason: String,
        /// Which CA was asked.
        authority: String,
        /// `now` or `already`; `None` where it was only shown.
        outcome: Option<String>,
    }
}

record! {
    /// A certificate of the manifest that is installed.
    struct InstalledCertificate {
        /// Its names.
        names: Tuple<String>,
        /// Who signed it.
        issuer: String,
        /// Its serial number, decimal.
        serial: String,
        /// SHA-256 of it, hexadecimal.
        fingerprint: String,
        /// The type of its key.
        key_type: Option<String>,
        /// From when it is valid.
        not_before: Time,
        /// Until when it is valid.
        not_after: Time,
        /// When it is renewed.
        due: Time,
    }
}

record! {
    /// A certificate of the manifest as it lies on the host.
    struct ListedCertificate {
        /// Its name.
        certificate: String,
        /// `good`, `due`, `expired`, `missing`, `key-mismatch` or `unreadable`.
        state: String,
        /// `server` or `client`.
        usage: String,
        /// The chain's path.
        cert_path: PathBuf,
        /// The key's path.
        key_path: PathBuf,
        /// Where else it goes, `lxc:102:/etc/tls/web.crt`.
        delivered_to: Tuple<String>,
        /// What is installed.
        installed: Option<InstalledCertificate>,
        /// Why it cannot be read.
        trouble: Option<String>,
    }
}

record! {
    /// What was seen of one certificate.
    struct InspectedCertificate {
        /// Its subject.
        subject: String,
        /// Who signed it.
        issuer: String,
        /// Its names.
        names: Tuple<String>,
        /// Whether it may sign others.
        is_ca: bool,
        /// Its key: `EC P-256`.
        key: String,
        /// What its key may be used for, by the names of RFC 5280.
        key_usage: Tuple<String>,
        /// What it may identify, by the names of RFC 5280.
        extended_key_usage: Tuple<String>,
        /// How many intermediates may stand below it.
        path_length: Option<u32>,
        /// The step-ca provisioner that it came from.
        provisioner: Option<String>,
        /// Where its issuer's revocation list is to be had.
        revocation_lists: Tuple<String>,
        /// From when it is valid.
        not_before: Time,
        /// Until when it is valid.
        not_after: Time,
        /// `valid`, `expired` or `not_yet_valid`.
        state: String,
        /// Its serial number, decimal.
        serial: String,
        /// Its serial number, hexadecimal.
        serial_hex: String,
        /// SHA-256 of it, hexadecimal.
        fingerprint: String,
    }
}

record! {
    /// What was seen of a request.
    struct InspectedRequest {
        /// Its common name.
        common_name: Option<String>,
        /// Its names.
        names: Tuple<String>,
        /// Its key.
        key: String,
    }
}

record! {
    /// Whether a root is led to.
    struct TrustVerdict {
        /// The root's subject.
        root: String,
        /// The root's fingerprint.
        fingerprint: String,
        /// Where the root comes from.
        #[serde(rename = "from")]
        from_: String,
        /// What is wrong; `None` where all is well.
        fault: Option<String>,
    }
}

record! {
    /// What was seen in a file, or of a server.
    struct Inspection {
        /// What was looked at.
        source: String,
        /// The certificates.
        certificates: Tuple<InspectedCertificate>,
        /// The request, where it is one.
        request: Option<InspectedRequest>,
        /// Whether a root is led to, where one is known.
        trust: Option<TrustVerdict>,
        /// Whether the key belongs to it, where one was given.
        key_fits: Option<bool>,
        /// What is wrong with the order of the certificates.
        order: Option<String>,
        /// Whether nothing is wrong with it.
        is_sound: bool,
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<CertificateFacts>()?;
    module.add_class::<CertReport>()?;
    module.add_class::<RevokeReport>()?;
    module.add_class::<InstalledCertificate>()?;
    module.add_class::<ListedCertificate>()?;
    module.add_class::<InspectedCertificate>()?;
    module.add_class::<InspectedRequest>()?;
    module.add_class::<TrustVerdict>()?;
    module.add_class::<Inspection>()
}
