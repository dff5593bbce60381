//! `nexus vault`: an encrypted file of the secrets that feeds use. No secret is taken from the command line, and none printed.

use std::io::{IsTerminal, Read, Write, stderr, stdin};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use nexus::connectors::live::Secret;
use nexus::connectors::vault::{KeySource, Provider};
use nexus::{Error, Vault};
use serde_json::json;

use crate::failure::{Outcome, Result};
use crate::print::{Out, Sheet};
use crate::when;

/// Which vault, and what to do with it.
#[derive(Debug, Args)]
pub(crate) struct Command {
    /// The encrypted file [default: nexus/vault in the user's configuration folder]
    #[arg(long, global = true, value_name = "FILE", env = "NEXUS_VAULT", hide_env = true)]
    vault: Option<PathBuf>,
    /// The file of its key, if the key is in one
    #[arg(long, global = true, value_name = "FILE", env = "NEXUS_VAULT_KEY_FILE", hide_env = true)]
    key_file: Option<PathBuf>,
    #[command(subcommand)]
    action: Action,
}

/// What to do with a vault.
#[derive(Debug, Subcommand)]
enum Action {
    /// Make an empty one; its key is in --key-file, in the keyring, or made from a passphrase
    Init {
        /// Keep the key in the system's keyring
        #[arg(long)]
        keyring: bool,
    },
    /// Put a secret in, from standard input or typed
    Set {
        /// What configurations call it: { vault = "NAME" }
        name: String,
        /// What it is
        #[arg(long, value_enum, default_value_t = Kind::Secret)]
        kind: Kind,
    },
    /// Show names, kinds and when tokens run out; never what is secret
    List,
    /// Take a secret out
    Remove {
        /// Its name
        name: String,
    },
    /// Sign in to an account; again with NAME alone
    Login(Login),
    /// Show a one-time password
    Code {
        /// The name of what it is made from
        name: String,
    },
}

/// What a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A password or token
    Secret,
    /// An otpauth:// address, or base 32, for one-time passwords
    Totp,
    /// Four lines: consumer key, consumer secret, token, token secret
    Oauth1,
}

/// Where to sign in.
#[derive(Debug, Args)]
struct Login {
    /// What configurations call it: { vault = "NAME" }
    name: String,
    /// Endpoints that are known
    #[arg(long, value_name = "NAME", value_parser = ["google", "microsoft"])]
    provider: Option<String>,
    /// Where one signs in with a browser
    #[arg(long, value_name = "URL")]
    authorization_endpoint: Option<String>,
    /// Where tokens are given
    #[arg(long, value_name = "URL")]
    token_endpoint: Option<String>,
    /// Where codes for another device are given: sign in there
    #[arg(long, value_name = "URL")]
    device_endpoint: Option<String>,
    /// Sign in on another device
    #[arg(long, requires = "provider")]
    another_device: bool,
    /// The name under which you registered Nexus with the provider
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The environment variable that holds the client's secret, if it has one
    #[arg(long, value_name = "VAR")]
    client_secret_env: Option<String>,
    /// What the token is for; may be repeated
    #[arg(long, value_name = "SCOPE")]
    token_scope: Vec<String>,
}

pub(crate) fn vault(out: &Out, command: Command) -> Result {
    let Command { vault, key_file, action } = command;
    let with_key_file = key_file.is_some();
    let mut vault = Vault::at(vault, key_file);
    match action {
        Action::Init { keyring } => init(out, vault, keyring, with_key_file),
        Action::Set { name, kind } => {
            unlock(&mut vault)?;
            set(out, &vault, &name, kind)
        }
        Action::List => {
            unlock(&mut vault)?;
            list(out, &vault)
        }
        Action::Remove { name } => {
            unlock(&mut vault)?;
            vault.remove(&name)?;
            done(out, json!({"removed": name}), &format!("{name} is gone."))
        }
        Action::Login(login) => {
            unlock(&mut vault)?;
            log_in(out, &vault, login)
        }
        Action::Code { name } => {
            unlock(&mut vault)?;
            code(out, &vault, &name)
        }
    }
}

fn init(out: &Out, mut vault: Vault, keyring: bool, with_key_file: bool) -> Result {
    let source = match (with_key_file, keyring) {
        (true, true) => return Err(Error::argument("give --key-file or --keyring, not both").into()),
        (true, false) => KeySource::File,
        (false, true) => KeySource::Keyring,
        (false, false) => KeySource::Passphrase,
    };
    if source == KeySource::Passphrase && !Vault::has_passphrase() {
        let passphrase = asked("Passphrase: ", "set NEXUS_VAULT_PASSPHRASE, or give --key-file or --keyring")?;
        if passphrase != asked("Once more: ", "it was asked for")? {
            return Err(Error::argument("the passphrases differ: nothing was made").into());
        }
        vault.with_passphrase(passphrase);
    }
    vault.create(source)?;
    let path = vault.path().display().to_string();
    done(out, json!({"vault": path}), &format!("Made {path}. Without its key nobody can read it: keep that safe."))
}

fn set(out: &Out, vault: &Vault, name: &str, kind: Kind) -> Result {
    let text = if stdin().is_terminal() && kind != Kind::Oauth1 {
        asked(&format!("{name}: "), "give it on standard input")?
    } else {
        let mut text = String::new();
        stdin().read_to_string(&mut text).map_err(|error| Error::io("standard input", error))?;
        text
    };
    let kind = match kind {
        Kind::Secret => "secret",
        Kind::Totp => "totp",
        Kind::Oauth1 => "oauth1",
    };
    let replaced = vault.set(name, kind, &text)?;
    let how = if replaced { "replaced" } else { "in the vault" };
    done(out, json!({"set": name, "kind": kind, "replaced": replaced}), &format!("{name} is {how}."))
}

fn list(out: &Out, vault: &Vault) -> Result {
    let entries = vault.list()?;
    if out.json {
        out.value(&entries)?;
        return Ok(Outcome::Done);
    }
    let mut sheet = Sheet::new(&["name", "kind", "runs out", "renewed"], "the vault is empty");
    for entry in entries {
        let (ends, renewed) = match (entry.expires_at, entry.renewable) {
            (Some(at), true) => (when::minute(at), "by itself"),
            (Some(at), false) => (when::minute(at), "by signing in"),
            (None, _) => (String::new(), ""),
        };
        sheet.row([entry.name, entry.kind.into(), ends, renewed.into()]);
    }
    out.table(sheet)?;
    Ok(Outcome::Done)
}

fn log_in(out: &Out, vault: &Vault, login: Login) -> Result {
    let name = login.name.clone();
    let mut say = |text: &str| {
        // Nowhere is left to say that standard error cannot be written.
        let _ = writeln!(stderr(), "{text}");
    };
    let entry = vault.log_in(&name, provider(login)?, &mut say)?;
    if !entry.renewable {
        out.hint("The provider gives no refresh token: when this one runs out, sign in again.");
    }
    done(out, json!(entry), &format!("Signed in: {name} is in the vault."))
}

/// Where to sign in; nothing if it is to be where one did before.
fn provider(login: Login) -> Result<Option<Provider>> {
    let known = login.provider.as_deref().and_then(Provider::known);
    let provider = match (known, login.token_endpoint) {
        (None, None) if login.client_id.is_none() => return Ok(None),
        (None, None) => return Err(Error::argument("say where to sign in: --provider or --token-endpoint").into()),
        (Some(known), None) => known,
        (known, Some(token_endpoint)) => {
            let authorization_endpoint = known.and_then(|known| known.authorization_endpoint);
            let redirect_host = "127.0.0.1".to_string();
            let (client_id, scopes) = (String::new(), Vec::new());
            Provider {
                authorization_endpoint,
                token_endpoint,
                device_endpoint: None,
                client_id,
                client_secret: None,
                scopes,
                redirect_host,
            }
        }
    };
    let Some(client_id) = login.client_id else {
        return Err(Error::argument("--client-id: the provider gave you one when you registered Nexus there").into());
    };
    let client_secret = match login.client_secret_env {
        None => None,
        Some(variable) => {
            let unset = |_| Error::argument(format!("--client-secret-env: the variable {variable} is not set"));
            Some(Secret::from(std::env::var(&variable).map_err(unset)?))
        }
    };
    let device_endpoint = login.device_endpoint.or(provider.device_endpoint.filter(|_| login.another_device));
    let authorization_endpoint = login.authorization_endpoint.or(provider.authorization_endpoint);
    let scopes = login.token_scope;
    let parts = Provider { authorization_endpoint, device_endpoint, client_id, client_secret, scopes, ..provider };
    Ok(Some(parts))
}

fn code(out: &Out, vault: &Vault, name: &str) -> Result {
    let (code, seconds) = vault.code(name)?;
    out.hint(&format!("It holds for {seconds} s."));
    done(out, json!({"code": code, "seconds": seconds}), &code)
}

/// Asks for the passphrase, if it takes one that the environment does not hold.
fn unlock(vault: &mut Vault) -> Result<()> {
    if vault.asks_for_passphrase()? {
        let path = vault.path().display().to_string();
        vault.with_passphrase(asked(&format!("Passphrase of {path}: "), "set NEXUS_VAULT_PASSPHRASE")?);
    }
    Ok(())
}

/// What somebody types, unseen; `instead` is what to do where nobody sits.
fn asked(prompt: &str, instead: &str) -> Result<String> {
    let typed = rpassword::prompt_password(prompt);
    typed.map_err(|_| Error::argument(format!("there is no terminal to ask at: {instead}")).into())
}

fn done(out: &Out, value: serde_json::Value, text: &str) -> Result {
    if out.json {
        out.value(&value)?
    } else {
        out.line(text)?
    }
    Ok(Outcome::Done)
}
