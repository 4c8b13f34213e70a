//! Serial numbers: up to 20 bytes, which step-ca wants in decimal digits and everybody else prints in hexadecimal ones.

use std::fmt;
use std::str::FromStr;

use super::hex;
use crate::names::{NameError, text_serde};

/// A certificate's serial number.
///
/// Reads decimal digits, or hexadecimal ones after `0x` or with `:` between the bytes; prints decimal ones.
///
/// ```
/// use phoenix_core::x509::Serial;
///
/// let serial: Serial = "0x0100".parse().unwrap();
/// assert_eq!(serial.to_string(), "256");
/// assert_eq!("01:00".parse::<Serial>().unwrap(), serial);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// From the number's bytes, the highest first.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Self(bytes[zeros..].to_vec())
    }

    /// Its bytes, the highest first.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The number in lower-case hexadecimal digits.
    pub fn to_hex(&self) -> String {
        if self.0.is_empty() {
            return "00".to_owned();
        }
        hex(&self.0)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Long division by ten, digit by digit: 20 bytes are 49 of them.
        let mut number = self.0.clone();
        let mut digits = Vec::new();
        while number.iter().any(|byte| *byte != 0) {
            let mut rest = 0_u16;
            for byte in &mut number {
                let value = rest << 8 | u16::from(*byte);
                // Below 256, since `rest` is below 10.
                *byte = u8::try_from(value / 10).unwrap_or(u8::MAX);
                rest = value % 10;
            }
            digits.push(char::from(b'0' + u8::try_from(rest).unwrap_or(0)));
        }
        if digits.is_empty() {
            digits.push('0');
        }
        f.write_str(&digits.iter().rev().collect::<String>())
    }
}

impl FromStr for Serial {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || {
            NameError::new(
                text,
                "a serial number: decimal digits, or hexadecimal ones after `0x` or with `:` between the bytes",
            )
        };
        let hexadecimal = text
            .strip_prefix("0x")
            .or_else(|| text.strip_prefix("0X"))
            .or_else(|| text.contains(':').then_some(text));
        let (digits, radix): (String, u32) = match hexadecimal {
            Some(rest) => (rest.replace(':', ""), 16),
            None => (text.to_owned(), 10),
        };
        if digits.is_empty() || digits.len() > MOST_DIGITS {
            return Err(error());
        }
        let mut bytes: Vec<u8> = Vec::new();
        for c in digits.chars() {
            let mut carry = c.to_digit(radix).ok_or_else(error)?;
            for byte in bytes.iter_mut().rev() {
                let value = u32::from(*byte) * radix + carry;
                *byte = u8::try_from(value & 0xff).unwrap_or(0);
                carry = value >> 8;
            }
            if carry > 0 {
                bytes.insert(0, u8::try_from(carry).unwrap_or(0));
            }
        }
        Ok(Self::from_bytes(&bytes))
    }
}

text_serde!(Serial);

/// 20 bytes have at most 49 decimal digits; some CAs use more than RFC 5280 allows.
const MOST_DIGITS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_serial_is_refused() {
        for bad in ["", "0x", "12a", "-1", " 1", "1.5", &"9".repeat(129), "０"] {
            assert!(bad.parse::<Serial>().is_err(), "{bad:?}");
        }
        assert_eq!("0".parse::<Serial>().unwrap().to_hex(), "00");
        assert_eq!("000".parse::<Serial>().unwrap().to_string(), "0");
    }

    proptest! {
        #[test]
        fn decimal_and_hexadecimal_name_the_same_number(number: u128) {
            let serial = Serial::from_bytes(&number.to_be_bytes());
            prop_assert_eq!(serial.to_string(), number.to_string());
            prop_assert_eq!(&number.to_string().parse::<Serial>().unwrap(), &serial);
            prop_assert_eq!(&format!("0x{number:X}").parse::<Serial>().unwrap(), &serial);
            let pairs: Vec<String> = number.to_be_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(pairs.join(":").parse::<Serial>().unwrap(), serial);
        }
    }
}
