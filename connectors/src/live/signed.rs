//! Pushes that are signed with a shared secret: is this one from who has it, and from now?
//!
//! HMAC-SHA256 in the four manners that are common, compared in constant time, over the body as it came. A time that is
//! signed must be within [`WINDOW`] of ours, either way; GitHub signs none. Pure: the time is given. Cost: a hash of the body
//! for each signature that is offered, of which [`SIGNATURES_MAX`] are looked at.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nexus_types::Millis;
use ring::hmac;

/// How old, or how far ahead, what is signed may be.
pub(crate) const WINDOW: Millis = 5 * 60 * 1000;
/// A secret that is being changed makes two; more are not looked at.
const SIGNATURES_MAX: usize = 8;

/// How a push is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    Standard,
    /// GitHub: `X-Hub-Signature-256`.
    GitHub,
    /// Slack: `X-Slack-Signature`, `X-Slack-Request-Timestamp`.
    Slack,
    /// Stripe: `Stripe-Signature`.
    Stripe,
}

/// Why a push is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A header is missing, or is not as it should be.
    Header(&'static str),
    /// Whoever signed it has not the secret, or something was changed on the way.
    Signature,
    /// It is not from now.
    Time,
}

impl Wrong {
    /// In words, for who sent it.
    pub(crate) fn reason(self) -> String {
        match self {
            Wrong::Header(name) => format!("the header {name} is missing or malformed"),
            Wrong::Signature => "the signature is wrong".into(),
            Wrong::Time => format!("the signed time is more than {} minutes from now", WINDOW / 60_000),
        }
    }
}

/// The key that a secret is.
pub(crate) fn key(manner: Manner, secret: &str) -> Result<hmac::Key, String> {
    let raw = match secret.strip_prefix("whsec_") {
        // Stripe's secrets begin so too, and are used as they are.
        Some(coded) if manner == Manner::Standard => {
            STANDARD.decode(coded).map_err(|_| "what follows whsec_ is not Base64")?
        }
        _ => secret.as_bytes().to_vec(),
    };
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &raw))
}

/// Whether a push is signed rightly, now.
pub(crate) fn verify<'a>(
    manner: Manner,
    key: &hmac::Key,
    header: impl Fn(&'static str) -> Option<&'a str>,
    body: &[u8],
    now: Millis,
) -> Result<(), Wrong> {
    let get = |name: &'static str| header(name).ok_or(Wrong::Header(name));
    let (signatures, before, at) = match manner {
        Manner::Standard => {
            let (id, at) = (get("webhook-id")?, get("webhook-timestamp")?);
            let offered = get("webhook-signature")?.split(' ').filter_map(|one| one.strip_prefix("v1,"));
            let offered = offered.take(SIGNATURES_MAX).filter_map(|one| STANDARD.decode(one).ok()).collect::<Vec<_>>();
            (offered, format!("{id}.{at}."), Some(("webhook-timestamp", at)))
        }
        Manner::GitHub => (hexes([get("x-hub-signature-256")?], "sha256="), String::new(), None),
        Manner::Slack => {
            let at = get("x-slack-request-timestamp")?;
            let offered = hexes([get("x-slack-signature")?], "v0=");
            (offered, format!("v0:{at}:"), Some(("x-slack-request-timestamp", at)))
        }
        Manner::Stripe => {
            let parts = || get("stripe-signature").map(|all| all.split(',').map(str::trim));
            let at = parts()?.find_map(|part| part.strip_prefix("t=")).ok_or(Wrong::Header("stripe-signature"))?;
            (hexes(parts()?, "v1="), format!("{at}."), Some(("stripe-signature", at)))
        }
    };
    let signed: Cow<'_, [u8]> = if before.is_empty() { body.into() } else { [before.as_bytes(), body].concat().into() };
    let right = |tag: &Vec<u8>| hmac::verify(key, &signed, tag).is_ok();
    if !signatures.iter().any(right) {
        return Err(Wrong::Signature);
    }
    // Last: only who has the secret is told what is wrong with the time.
    let Some((name, at)) = at else { return Ok(()) };
    let at = at.parse::<Millis>().ok().and_then(|at| at.checked_mul(1000)).ok_or(Wrong::Header(name))?;
    if now.abs_diff(at) <= WINDOW.unsigned_abs() { Ok(()) } else { Err(Wrong::Time) }
}

/// Signatures in hexadecimal digits behind a mark.
fn hexes<'a>(offered: impl IntoIterator<Item = &'a str>, mark: &str) -> Vec<Vec<u8>> {
    let marked = offered.into_iter().filter_map(|one| one.strip_prefix(mark));
    marked.take(SIGNATURES_MAX).filter_map(unhex).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| (*byte as char).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    };
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A push with these headers, at that second.
    fn tried(manner: Manner, secret: &str, headers: &[(&str, &str)], body: &str, second: Millis) -> Result<(), Wrong> {
        let header = |name: &'static str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        verify(manner, &key(manner, secret).unwrap(), header, body.as_bytes(), second * 1000)
    }

    #[test]
    fn standard_webhooks_as_its_specification_has_them() {
        let right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let several = format!("v1a,AAAA v1,AAAA {right}");
        let push = |signature: &str, body: &str, second| {
            let (id, at) = (("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"), ("webhook-timestamp", "1614265330"));
            let headers = [id, at, ("webhook-signature", signature)];
            tried(Manner::Standard, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &headers, body, second)
        };
        let (body, now) = ("{\"test\": 2432232314}", 1_614_265_330);
        assert_eq!(push(right, body, now), Ok(()));
        assert_eq!(push(&several, body, now + 300), Ok(()));
        assert_eq!([push(right, body, now + 301), push(right, body, now - 301)], [Err(Wrong::Time); 2]);
        assert_eq!(push(right, "{\"test\": 2432232315}", now), Err(Wrong::Signature));
        assert_eq!(push("v1,AAAA", body, now + 301), Err(Wrong::Signature));
        assert_eq!(tried(Manner::Standard, "raw", &[], body, now), Err(Wrong::Header("webhook-id")));
        assert!(key(Manner::Standard, "whsec_!").is_err());
    }

    #[test]
    fn github_as_its_documentation_has_it() {
        let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let push = |signature: &str| {
            let headers = [("x-hub-signature-256", signature)];
            tried(Manner::GitHub, "It's a Secret to Everybody", &headers, "Hello, World!", 0)
        };
        assert_eq!(push(right), Ok(()));
        for wrong in ["", "sha256=", "sha256=7571", "sha256=zz", &right[7..], &right.replace("757", "758")] {
            assert_eq!(push(wrong), Err(Wrong::Signature), "{wrong}");
        }
    }

    #[test]
    fn slack_as_its_documentation_has_it() {
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
                    channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
                    response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F\
                    96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let push = |at: &str, second| {
            let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
            let headers = [("x-slack-signature", signature), ("x-slack-request-timestamp", at)];
            tried(Manner::Slack, "8f742231b10e8888abcd99yyyzzz85a5", &headers, body, second)
        };
        assert_eq!(push("1531420618", 1_531_420_618), Ok(()));
        assert_eq!(push("1531420618", 1_531_421_618), Err(Wrong::Time));
        assert_eq!(push("1531421618", 1_531_421_618), Err(Wrong::Signature));
    }

    #[test]
    fn stripe_with_its_secret_as_it_is() {
        let right = "10b0a2815816a45e6b874658b928cae03296be10637343405aaf1e8306ddffdc";
        let push = |header: &str, second| {
            let headers = [("stripe-signature", header)];
            tried(Manner::Stripe, "whsec_test_secret", &headers, "{\"id\": \"evt_1\"}", second)
        };
        assert_eq!(push(&format!("t=1492774577,v1=00,v1={right},v0=6f"), 1_492_774_577), Ok(()));
        assert_eq!(push(&format!("t=1492774577, v1={right}"), 1_492_775_577), Err(Wrong::Time));
        assert_eq!(push(&format!("t=1492774578,v1={right}"), 1_492_774_577), Err(Wrong::Signature));
        assert_eq!(push(&format!("v1={right}"), 1_492_774_577), Err(Wrong::Header("stripe-signature")));
    }
}
