//! The `nexus` binary: parse, call the façade, print.

#![deny(clippy::unwrap_used)]

mod args;
mod cost;
mod failure;
mod ingest;
mod models;
mod print;
mod read;
mod recall;
mod repl;
mod run;
mod sql;
mod store;
mod watch;
mod when;
mod write;

use std::io::{Write, stderr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use clap_complete::Shell;
use nexus::{At, ContextOptions, Device, Memory, Nexus, RecallOptions, Settings};

use crate::args::{Cli, Command, Global};
use crate::failure::{Failure, Outcome, Result};
use crate::print::Out;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    let out = Out::new(&cli.global);
    match run(cli.command, &Place::new(&cli.global), &out) {
        Ok(outcome) => outcome.code(),
        Err(failure) => {
            report(&failure, out.json);
            failure.code()
        }
    }
}

fn run(command: Command, place: &Place, out: &Out) -> Result {
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
        Command::Status { at } => store::status(&place.read(&at)?, out),
        Command::Models { action } => models::models(place, out, action),
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

/// The store and the scope that a command works on.
pub(crate) struct Place {
    pub(crate) store: PathBuf,
    pub(crate) scope: String,
    workers: usize,
    pub(crate) device: Device,
}

impl Place {
    fn new(global: &Global) -> Place {
        let store = global.store.clone().unwrap_or_else(|| data_folder().join("nexus").join("memory"));
        Place { store, scope: global.scope.clone(), workers: usize::from(global.workers), device: global.device }
    }

    /// The store as it is, or as it was; nothing is built to read it.
    pub(crate) fn read(&self, at: &args::AsOf) -> Result<Memory> {
        Ok(Memory::open(&self.store, &self.scope, at.as_of.unwrap_or(At::Latest))?)
    }

    /// The store, open for writing.
    pub(crate) fn write(&self) -> Result<Nexus> {
        self.write_with(Settings::default())
    }

    /// The same, with settings; scope and workers are the command line's.
    pub(crate) fn write_with(&self, settings: Settings) -> Result<Nexus> {
        let settings =
            Settings { scope: self.scope.as_str().into(), workers: self.workers, device: self.device, ..settings };
        Ok(Nexus::open_with(&self.store, settings)?)
    }
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

/// `RUST_LOG=nexus=debug` shows what happens inside.
fn log_to_stderr() {
    if std::env::var_os("RUST_LOG").is_some() {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).init();
    }
}

fn report(failure: &Failure, json: bool) {
    // Nowhere is left to say that standard error cannot be written.
    let _ = match failure {
        Failure::Pipe => Ok(()),
        _ if json => {
            let error = serde_json::json!({"error": {"kind": failure.kind(), "message": failure.to_string()}});
            writeln!(stderr(), "{error}")
        }
        _ => writeln!(stderr(), "nexus: {failure}"),
    };
}
