//! One-time passwords that change with time (RFC 6238). Cost: one HMAC.

use std::ops::RangeInclusive;

use nexus_types::Millis;
use reqwest::Url;
use ring::hmac;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::live::Secret;

/// How many digits a password may have, and how many seconds it may hold.
const DIGITS: RangeInclusive<u32> = 6..=8;
const PERIODS: RangeInclusive<u64> = 1..=3_600;

/// What passwords are made from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Totp {
    /// In base 32.
    #[serde(with = "crate::vault::boxed")]
    secret: Secret,
    digits: u32,
    /// For how many seconds a password holds.
    period: u64,
    algorithm: Algorithm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

impl Totp {
    /// Reads an `otpauth://` address, as in a QR code, or a secret in base 32. Errors do not quote it.
    pub fn parse(text: &str) -> Result<Totp, String> {
        let mut totp = Totp { secret: bare(text), digits: 6, period: 30, algorithm: Algorithm::Sha1 };
        if text.trim().starts_with("otpauth:") {
            let url = Url::parse(text.trim()).map_err(|_| "it is no otpauth:// address".to_string())?;
            if url.host_str() != Some("totp") {
                return Err("only otpauth://totp/ is known: passwords that change with time".into());
            }
            totp.secret = Secret::from(String::new());
            for (name, value) in url.query_pairs() {
                match &*name {
                    "secret" => totp.secret = bare(&value),
                    "digits" => totp.digits = value.parse().unwrap_or(0),
                    "period" => totp.period = value.parse().unwrap_or(0),
                    "algorithm" => totp.algorithm = algorithm(&value)?,
                    _ => {}
                }
            }
        }
        if !DIGITS.contains(&totp.digits) || !PERIODS.contains(&totp.period) {
            return Err("a password has 6 to 8 digits and holds for an hour at most".into());
        }
        match base32(totp.secret.expose()) {
            Some(secret) if !secret.is_empty() => Ok(totp),
            _ => Err("give an otpauth:// address, or a secret in base 32: letters and the digits 2 to 7".into()),
        }
    }

    /// The password at that time, and for how many more seconds it holds.
    pub fn code(&self, at: Millis) -> (String, u64) {
        let seconds = u64::try_from(at.div_euclid(1_000)).unwrap_or(0);
        let period = self.period.max(1);
        let secret = base32(self.secret.expose()).unwrap_or_default();
        let algorithm = match self.algorithm {
            Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Algorithm::Sha256 => hmac::HMAC_SHA256,
            Algorithm::Sha512 => hmac::HMAC_SHA512,
        };
        let tag = hmac::sign(&hmac::Key::new(algorithm, &secret), &(seconds / period).to_be_bytes());
        let bytes = tag.as_ref();
        let from = usize::from(bytes.last().copied().unwrap_or(0) & 15);
        let four = bytes.get(from..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        let number = u32::from_be_bytes(four) & (u32::MAX >> 1);
        let width = self.digits as usize;
        (format!("{:0width$}", number % 10_u32.pow(self.digits)), period - seconds % period)
    }
}

/// A secret as people copy it: in groups, in small letters, padded.
fn bare(text: &str) -> Secret {
    let letters = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '='));
    Secret::from(letters.map(|c| c.to_ascii_uppercase()).collect::<String>())
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    match name.to_ascii_uppercase().as_str() {
        "SHA1" => Ok(Algorithm::Sha1),
        "SHA256" => Ok(Algorithm::Sha256),
        "SHA512" => Ok(Algorithm::Sha512),
        _ => Err("algorithm: SHA1, SHA256 and SHA512 are known".into()),
    }
}

fn base32(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let (mut held, mut bits) = (0_u32, 0);
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        held = (held << 5) | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// RFC 6238, appendix B: the secrets are 20, 32 and 64 of these digits.
    #[test]
    fn passwords_are_as_in_the_rfc() {
        let sha1 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let sha256 = format!("{sha1}GEZDGNBVGY3TQOJQGEZA====");
        let sha512 = format!("{sha1}{sha1}{sha1}GEZDGNA=");
        let totp = |secret: &str, algorithm: &str| {
            let text =
                format!("otpauth://totp/A%3Ab?secret={secret}&issuer=A&digits=8&algorithm={algorithm}&period=30");
            Totp::parse(&text).unwrap()
        };
        let all = [totp(sha1, "SHA1"), totp(&sha256, "SHA256"), totp(&sha512, "sha512")];
        for (seconds, expected) in [
            (59, ["94287082", "46119246", "90693936"]),
            (1_111_111_109, ["07081804", "68084774", "25091201"]),
            (1_111_111_111, ["14050471", "67062674", "99943326"]),
            (1_234_567_890, ["89005924", "91819424", "93441116"]),
            (2_000_000_000, ["69279037", "90698825", "38618901"]),
            (20_000_000_000, ["65353130", "77737706", "47863826"]),
        ] {
            let codes: Vec<String> = all.iter().map(|totp| totp.code(seconds * 1_000).0).collect();
            assert_eq!(codes, expected, "{seconds}");
        }
        let copied = Totp::parse(" gezd gnbv gy3t qojq gezd gnbv gy3t qojq\n").unwrap();
        assert_eq!(copied.code(59_000), ("287082".into(), 1));
        assert!(!format!("{copied:?}").contains(sha1));
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_quoted() {
        for wrong in [
            "",
            "hunter1",
            "otpauth://hotp/a?secret=HUNTER",
            "otpauth://totp/a?secret=",
            "otpauth://totp/a",
            "otpauth://totp/a?secret=HUNTER&digits=20",
            "otpauth://totp/a?secret=HUNTER&period=0",
            "otpauth://totp/a?secret=HUNTER&algorithm=MD5",
        ] {
            let error = Totp::parse(wrong).unwrap_err();
            assert!(!error.to_lowercase().contains("hunter"), "{error}");
        }
    }
}
