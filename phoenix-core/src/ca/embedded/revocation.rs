//! Revocation: the signed list in the CA's directory is the record itself, so that both can never differ.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber,
};

use super::make::whole_seconds;
use super::{CRL, EmbeddedCa, damaged, keep};
use crate::ca::{EnrollError, Revoked};
use crate::x509::{Chain, Crl, RevocationReason, RevokedAt, Serial};

impl EmbeddedCa {
    /// The revocation list as it lies in the directory, which may be stale; `None` in one of an earlier version.
    pub fn kept_crl(&self) -> Result<Option<Crl>, EnrollError> {
        let pem = keep::crl(&self.files, &self.dir).map_err(|source| self.unusable(source))?;
        let Some(pem) = pem else {
            return Ok(None);
        };
        let fault = |detail: String| damaged(&self.dir, format!("{CRL}: {detail}"));
        let list = Crl::from_pem(&pem).map_err(|error| fault(error.to_string()))?;
        // Its age does not matter here: the entries count for ever.
        list.verify(std::slice::from_ref(&self.issuer), list.this_update)
            .map_err(|error| fault(error.to_string()))?;
        Ok(Some(list))
    }

    /// The revocation list as it lies in the directory, unless half of its time is over.
    pub fn fresh_crl(&self) -> Result<Option<Crl>, EnrollError> {
        let now = self.clock.now();
        let fresh =
            |list: &Crl| list.this_update <= now && now < list.this_update + CRL_LIFETIME / 2;
        Ok(self.kept_crl()?.filter(fresh))
    }

    /// The revocation list, made again where it is not fresh. Whoever calls it holds the lock of the CA's site.
    pub fn crl(&self) -> Result<Crl, EnrollError> {
        match self.fresh_crl()? {
            Some(list) => Ok(list),
            None => self.replace_crl(self.kept_crl()?.as_ref(), None),
        }
    }

    /// Puts a certificate on the revocation list, or takes one off that was on hold ([`RevocationReason::RemoveFromCrl`]).
    ///
    /// Whoever calls it holds the lock of the CA's site. The CA keeps no list of what it issued, so any number is taken.
    pub fn revoke(
        &self,
        serial: &Serial,
        reason: RevocationReason,
    ) -> Result<Revoked, EnrollError> {
        let list = self.kept_crl()?;
        let there = list.as_ref().and_then(|list| list.reason(serial));
        let on_hold = there == Some(RevocationReason::CertificateHold);
        if reason == RevocationReason::RemoveFromCrl && !on_hold {
            return Err(EnrollError::NotOnHold {
                serial: serial.clone(),
                reason: there,
            });
        }
        // Only a hold can end or become final.
        if there == Some(reason) || there.is_some() && !on_hold {
            return Ok(Revoked::Already);
        }
        self.replace_crl(list.as_ref(), Some((serial, reason)))?;
        Ok(Revoked::Now)
    }

    /// Whether it issued the leaf, by issuer and signature.
    pub fn issued(&self, chain: &Chain) -> bool {
        let leaf = &chain.certificates()[0];
        self.issuer.signed(leaf)
    }

    pub(super) fn refuse_revoked(&self, chain: &Chain) -> Result<(), EnrollError> {
        let serial = chain.leaf().serial_number();
        let reason = self.kept_crl()?.and_then(|list| list.reason(&serial));
        match reason {
            None => Ok(()),
            Some(reason) => Err(EnrollError::Revoked {
                common_name: chain.leaf().common_name.clone().unwrap_or_default(),
                serial,
                reason,
            }),
        }
    }

    fn replace_crl(
        &self,
        before: Option<&Crl>,
        change: Option<(&Serial, RevocationReason)>,
    ) -> Result<Crl, EnrollError> {
        let now = self.clock.now();
        let fault = |detail: String| damaged(&self.dir, format!("{CRL}: {detail}"));
        let number: u64 = match before.and_then(|list| list.number.as_ref()) {
            None => 0,
            Some(number) => number
                .to_string()
                .parse()
                .map_err(|_| fault(format!("its number {number} is none of ours")))?,
        };
        let mut revoked = before.map(|list| list.revoked.clone()).unwrap_or_default();
        match change {
            None => {}
            Some((serial, RevocationReason::RemoveFromCrl)) => drop(revoked.remove(serial)),
            Some((serial, reason)) => {
                let at = revoked.get(serial).map_or(now, |there| there.at);
                revoked.insert(serial.clone(), RevokedAt { at, reason });
            }
        }
        let issuer = Issuer::from_ca_cert_der(self.issuer.der(), self.key.pair())
            .map_err(|error| fault(error.to_string()))?;
        let list = sign(&issuer, number.saturating_add(1), &revoked, now).map_err(fault)?;
        keep::replace_crl(&self.files, &self.dir, &list.to_pem())
            .map_err(|source| self.unusable(source))?;
        Ok(list)
    }
}

/// Signs a list.
pub(super) fn sign(
    issuer: &Issuer<'_, &KeyPair>,
    number: u64,
    revoked: &BTreeMap<Serial, RevokedAt>,
    now: SystemTime,
) -> Result<Crl, String> {
    let params = CertificateRevocationListParams {
        this_update: whole_seconds(now),
        next_update: whole_seconds(now + CRL_LIFETIME),
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: revoked
            .iter()
            .map(|(serial, revoked)| RevokedCertParams {
                serial_number: SerialNumber::from_slice(serial.as_bytes()),
                revocation_time: whole_seconds(revoked.at),
                reason_code: Some(reason_code(revoked.reason)),
                invalidity_date: None,
            })
            .collect(),
        // As the intermediate's own identifier is made.
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let signed = params
        .signed_by(issuer)
        .map_err(|error| error.to_string())?;
    Crl::from_der(signed.der()).map_err(|error| error.to_string())
}

fn reason_code(reason: RevocationReason) -> rcgen::RevocationReason {
    use rcgen::RevocationReason as Code;
    match reason {
        RevocationReason::Unspecified => Code::Unspecified,
        RevocationReason::KeyCompromise => Code::KeyCompromise,
        RevocationReason::CaCompromise => Code::CaCompromise,
        RevocationReason::AffiliationChanged => Code::AffiliationChanged,
        RevocationReason::Superseded => Code::Superseded,
        RevocationReason::CessationOfOperation => Code::CessationOfOperation,
        RevocationReason::CertificateHold => Code::CertificateHold,
        RevocationReason::RemoveFromCrl => Code::RemoveFromCrl,
        RevocationReason::PrivilegeWithdrawn => Code::PrivilegeWithdrawn,
        RevocationReason::AaCompromise => Code::AaCompromise,
    }
}

/// How long a list counts. It is made again when half of that is over.
const CRL_LIFETIME: Duration = Duration::from_secs(7 * 86_400);
