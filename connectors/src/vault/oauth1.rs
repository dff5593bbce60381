//! Requests signed by OAuth 1.0a (RFC 5849), HMAC-SHA1. Cost: a sort of the parameters and one HMAC.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nexus_types::Millis;
use reqwest::Url;
use ring::hmac;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::VaultError;
use super::file::random;
use crate::live::Secret;

/// What requests are signed with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OAuth1 {
    consumer_key: String,
    #[serde(with = "crate::vault::boxed")]
    consumer_secret: Secret,
    token: String,
    #[serde(with = "crate::vault::boxed")]
    token_secret: Secret,
}

impl OAuth1 {
    /// Reads four lines: consumer key, consumer secret, token, token secret. Errors do not quote them.
    pub fn parse(text: &str) -> Result<OAuth1, String> {
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let [consumer_key, consumer_secret, token, token_secret] = lines[..] else {
            return Err("give four lines: consumer key, consumer secret, token, token secret".into());
        };
        let secret = |text: &str| Secret::from(text.to_string());
        Ok(OAuth1 {
            consumer_key: consumer_key.into(),
            consumer_secret: secret(consumer_secret),
            token: token.into(),
            token_secret: secret(token_secret),
        })
    }
}

/// The header `Authorization` of a request without a form, at that time.
pub(crate) fn signed(method: &str, url: &Url, keys: &OAuth1, at: Millis) -> Result<String, VaultError> {
    let mut nonce = [0; 16];
    random(&mut nonce)?;
    let nonce: String = nonce.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(authorization(method, url, &[], keys, &nonce, at))
}

/// The header `Authorization` of a request at that time. `parameters` are those of a form in its body, which are signed with
/// those of the address; `nonce` is never used again.
fn authorization(
    method: &str,
    url: &Url,
    parameters: &[(&str, &str)],
    keys: &OAuth1,
    nonce: &str,
    at: Millis,
) -> String {
    let at = at.div_euclid(1_000).to_string();
    let own = [
        ("oauth_consumer_key", keys.consumer_key.as_str()),
        ("oauth_nonce", nonce),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", at.as_str()),
        ("oauth_token", keys.token.as_str()),
        ("oauth_version", "1.0"),
    ];
    let signed: Vec<(&str, &str)> = own.iter().chain(parameters).copied().collect();
    let signature = signature(method, url, &signed, keys.consumer_secret.expose(), keys.token_secret.expose());
    let all = own.iter().copied().chain([("oauth_signature", signature.as_str())]);
    let parts: Vec<String> = all.map(|(name, value)| format!("{name}=\"{}\"", encoded(value))).collect();
    format!("OAuth {}", parts.join(", "))
}

fn signature(method: &str, url: &Url, parameters: &[(&str, &str)], consumer: &str, token: &str) -> String {
    let of_the_address = url.query_pairs().map(|(name, value)| (encoded(&name), encoded(&value)));
    let given = parameters.iter().map(|(name, value)| (encoded(name), encoded(value)));
    let mut all: Vec<(String, String)> = of_the_address.chain(given).collect();
    all.sort();
    let all: Vec<String> = all.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let address = format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path());
    let base = [method.to_ascii_uppercase(), encoded(&address), encoded(&all.join("&"))].join("&");
    let key = Zeroizing::new(format!("{}&{}", encoded(consumer), encoded(token)));
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    STANDARD.encode(hmac::sign(&key, base.as_bytes()))
}

/// All but letters, digits and `-._~` as percent signs and capital digits.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// RFC 5849, section 1.2: the photograph.
    #[test]
    fn a_signature_is_as_in_the_rfc() {
        let url = Url::parse("http://photos.example.net/photos?file=vacation.jpg&size=original").unwrap();
        let parameters = [
            ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
            ("oauth_token", "nnch734d00sl2jdk"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131202"),
            ("oauth_nonce", "chapoH"),
        ];
        let signature = signature("GET", &url, &parameters, "kd94hf93k423kf44", "pfkkdhi9sl3r4s00");
        assert_eq!(signature, "MdpQcU8iPSUjWoN/UDMsK2sui9I=");
    }

    /// The example of X's documentation, "Creating a signature".
    #[test]
    fn a_header_is_as_x_documents_it() {
        let keys = "xvz1evFS4wEEPTGEFPHBog\nkAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw\n\
                    370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb\nLswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE\n";
        let keys = OAuth1::parse(keys).unwrap();
        let url = Url::parse("https://api.twitter.com/1.1/statuses/update.json?include_entities=true").unwrap();
        let form = [("status", "Hello Ladies + Gentlemen, a signed OAuth request!")];
        let nonce = "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg";
        let header = authorization("post", &url, &form, &keys, nonce, 1_318_622_958_000);
        assert_eq!(
            header,
            "OAuth oauth_consumer_key=\"xvz1evFS4wEEPTGEFPHBog\", \
             oauth_nonce=\"kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg\", oauth_signature_method=\"HMAC-SHA1\", \
             oauth_timestamp=\"1318622958\", oauth_token=\"370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb\", \
             oauth_version=\"1.0\", oauth_signature=\"hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D\""
        );
        let error = OAuth1::parse("hunter2\n").unwrap_err();
        assert!(error.starts_with("give four lines") && !format!("{keys:?}{error}").contains("kAcSO"), "{error}");
    }
}
