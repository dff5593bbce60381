//! The `nexus` binary: parse, call the façade, print.

#![deny(clippy::unwrap_used)]

mod args;
mod cost;
mod elsewhere;
mod failure;
mod feeds;
mod health;
mod ingest;
mod letters;
mod models;
mod place;
mod print;
mod progress;
mod read;
mod recall;
mod relay;
mod repl;
mod run;
mod sql;
mod store;
mod vault;
mod watch;
mod when;
mod write;

use std::io::{Write, stderr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use clap_complete::Shell;
use nexus::{ContextOptions, RecallOptions};

use crate::args::{Cli, Command};
use crate::failure::{Failure, Outcome, Result};
use crate::place::Place;
use crate::print::Out;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut cli = Cli::parse();
    log_to_stderr();
    let (out, place) = (Out::new(&cli.global), Place::new(&cli.global));
    if cli.command.is_done_elsewhere()
        && let Some(code) = relay::through(&place, &out, &mut cli.command)
    {
        return ExitCode::from(code);
    }
    ExitCode::from(match run(cli.command, &place, &out) {
        Ok(outcome) => outcome.number(),
        Err(failure) => {
            if let Some(text) = told(&failure, out.json) {
                // Nowhere is left to say that standard error cannot be written.
                let _ = writeln!(stderr(), "{text}");
            }
            failure.number()
        }
    })
}

pub(crate) fn run(command: Command, place: &Place, out: &Out) -> Result {
    match command {
        Command::Init { me, time_zone } => write::init(place, out, me, time_zone),
        Command::Ingest(ingest) => ingest::ingest(place, out, ingest),
        Command::Run { config, check } => run::run(place, out, &config, check),
        Command::Remember { text, author } => write::remember(place, out, &text.join(" "), author),
        Command::Recall { question, k, rerank, explain, exact, limits, at } => {
            let options = RecallOptions { explain, exact, ..limits.recall(k.into()) };
            recall::recall(&place.read(&at)?, out, &question.join(" "), &options, rerank)
        }
        Command::Context { question, tokens, tokenizer, talk, limits, at } => {
            let options = ContextOptions { tokens, talk, tokenizer, recall: limits.recall(0) };
            recall::context(&place.read(&at)?, out, &question.join(" "), &options)
        }
        Command::Watch { question, .. } if question.is_empty() => watch::list(place, out),
        Command::Watch { question, k, once } => watch::watch(place, out, &question.join(" "), k, once),
        Command::Unwatch { question } => watch::unwatch(place, out, &question.join(" ")),
        Command::Feedback { question, forget: true, .. } => watch::forget_feedback(place, out, &question),
        Command::Feedback { question, message, useless, .. } => {
            watch::feedback(place, out, &question, &message.unwrap_or_default(), !useless)
        }
        Command::Facts(facts) => read::facts(&place.read(&facts.at)?, out, facts),
        Command::Entity { name, at } => read::entity(&place.read(&at)?, out, &name),
        Command::Conflicts { name, at } => read::conflicts(&place.read(&at)?, out, name.as_deref()),
        Command::Why { fact, at } => read::why(&place.read(&at)?, out, &fact),
        Command::Correct { fact, is, .. } => write::correct(place, out, &fact, is),
        Command::Same { a, b } => write::same(place, out, &a, &b),
        Command::NotSame { a, b } => write::not_same(place, out, &a, &b),
        Command::Sql { statement: Some(statement), at, .. } => sql::statement(&place.read(&at)?, out, &statement),
        Command::Sql { file: Some(file), at, .. } => sql::file(&place.read(&at)?, out, &file),
        Command::Sql { at, .. } => repl::repl(&place.read(&at)?, out),
        Command::Forget(forget) => write::forget(place, out, forget),
        Command::Erase { yes } => write::erase(place, out, yes),
        Command::Reconsolidate { policy: Some(policy), dry_run, .. } => {
            write::reconsolidate(place, out, &policy, dry_run)
        }
        Command::Reconsolidate { extractor, dry_run, yes, .. } => {
            write::reread(place, out, &extractor.unwrap_or_default(), dry_run, yes)
        }
        Command::Policy => store::policy(place, out),
        Command::Verify => store::verify(place, out),
        Command::Status { at } => store::status(place, out, &at),
        Command::Feeds { action } => feeds::feeds(place, out, action),
        Command::Letters { action } => letters::letters(place, out, action),
        Command::Models { action } => models::models(place, out, action),
        Command::Vault(command) => vault::vault(out, command),
        Command::Export { file, policy } => store::export(place, out, &file, policy),
        Command::Import { file } => store::import(place, out, &file),
        Command::Completions { shell } => completions(shell, out),
    }
}

/// Written to memory first: the generator knows no reader that leaves.
fn completions(shell: Shell, out: &Out) -> Result {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "nexus", &mut script);
    out.text(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}

/// Where a user's data lives: `$XDG_DATA_HOME`, or `~/.local/share`.
fn data_folder() -> PathBuf {
    user_folder("XDG_DATA_HOME", ".local/share")
}

/// A folder of the user's, as the XDG rules say: from the variable, else below the home folder.
pub(crate) fn user_folder(variable: &str, below_home: &str) -> PathBuf {
    let given = std::env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute());
    given.unwrap_or_else(|| std::env::home_dir().unwrap_or_default().join(below_home))
}

/// `RUST_LOG=nexus=debug` shows what happens inside, `NEXUS_LOG_FORMAT=json` does so in JSON.
fn log_to_stderr() {
    let json = std::env::var_os("NEXUS_LOG_FORMAT").is_some_and(|format| format == "json");
    let filter = match std::env::var_os("RUST_LOG") {
        Some(_) => tracing_subscriber::EnvFilter::from_default_env(),
        None if json => tracing_subscriber::EnvFilter::new("nexus=info"),
        None => return,
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    if json { log.json().init() } else { log.init() }
}

/// A failure in words; nothing where nobody is left to tell.
pub(crate) fn told(failure: &Failure, json: bool) -> Option<String> {
    match failure {
        Failure::Pipe => None,
        _ if json => {
            let error = serde_json::json!({"error": {"kind": failure.kind(), "message": failure.to_string()}});
            Some(error.to_string())
        }
        _ => Some(format!("nexus: {failure}")),
    }
}
