//! Signing in on another device (RFC 8628): somebody types a code there, and the provider is asked until they have. Cost: a
//! request each five seconds, or as often as the provider says.

use std::time::Duration;

use ::oauth2::basic::BasicTokenResponse;
use ::oauth2::{DeviceAuthorizationUrl, StandardDeviceAuthorizationResponse};

use super::VaultError;
use super::oauth2::{PATIENCE, Provider, endpoint};

/// However often a provider wants to be asked.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// Lets somebody sign in; `say` tells where, with which code.
pub(super) async fn answer(
    provider: &Provider,
    device_endpoint: &str,
    say: &mut dyn FnMut(&str),
) -> Result<BasicTokenResponse, VaultError> {
    let (device, _) = endpoint(device_endpoint, "device endpoint").map_err(VaultError::Argument)?;
    let (client, requests) = provider.ready().map_err(VaultError::Argument)?;
    let client = client.set_device_authorization_url(DeviceAuthorizationUrl::from_url(device));
    let request = client.exchange_device_code().add_scopes(provider.scopes());
    let told: StandardDeviceAuthorizationResponse =
        request.request_async(&requests).await.map_err(|error| requests.failed(error))?;
    let (address, code) = (told.verification_uri().as_str(), told.user_code().secret());
    say(&format!("Open {} on any device and enter the code {}", plain(address), plain(code)));
    let asking = client.exchange_device_access_token(&told).request_async(
        &requests,
        |pause| tokio::time::sleep(pause.max(PAUSE_MIN)),
        Some(told.expires_in().min(PATIENCE)),
    );
    asking.await.map_err(|error| requests.failed(error))
}

/// Nothing that a terminal would obey.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
