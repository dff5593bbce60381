//! The command line's grammar: what can be typed, with help that shows it.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use nexus::connectors::Format;
use nexus::{At, Device, Kind, Millis, RecallOptions};

use crate::when;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  nexus init --me \"Sam Okafor\"
  nexus ingest ~/mail.mbox ~/slack-export.zip ~/irclogs
  nexus remember \"I moved to Lisbon in May\"
  nexus recall \"where does Anna live?\"
  nexus facts Anna            nexus why 3f2a9c
  nexus sql \"SELECT * FROM facts WHERE predicate = 'lives_in'\"

Exit codes:
  0  done                          4  the store or archive cannot be used as it is
  1  nothing found, or different   5  disk, file or model failed
  2  wrong usage                   70  a bug
  3  another process is writing    130  stopped by ctrl-C; run it again to go on";

/// Keeps an agent's memory: what happened, what holds, since when, and which message says so.
#[derive(Debug, Parser)]
#[command(name = "nexus", version, styles = STYLES, after_help = EXAMPLES, max_term_width = 100)]
#[command(disable_help_subcommand = true, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// The store's folder [default: nexus/memory in the user's data folder]
    #[arg(long, global = true, value_name = "DIR", env = "NEXUS_STORE", hide_env = true)]
    pub(crate) store: Option<PathBuf>,
    /// Whose memory: scopes in one store never see each other
    #[arg(long, global = true, value_name = "NAME", env = "NEXUS_SCOPE", hide_env = true, default_value = "default")]
    pub(crate) scope: String,
    /// Print JSON for machines
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print results only: no progress, no hints
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    pub(crate) color: Color,
    /// Threads that keep memory up to date
    #[arg(long, global = true, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) workers: u8,
    /// Where encoders read: auto, cpu, wgpu or cuda
    #[arg(long, global = true, value_name = "DEVICE", env = "NEXUS_DEVICE", hide_env = true, default_value = "auto")]
    pub(crate) device: Device,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a store, say who "I" is
    Init {
        /// Who "I" is: a full name, a mail address, or a key such as account:slack/anna
        #[arg(long, value_name = "NAME")]
        me: Option<String>,
        /// Where "yesterday" is meant, e.g. Europe/Berlin
        #[arg(long, value_name = "ZONE")]
        time_zone: Option<String>,
    },
    /// Take in mail, chats, logs: files, folders, or - for standard input
    Ingest(Ingest),
    /// Follow live feeds into memory until ctrl-C
    Run {
        /// Which feeds: see docs/connectors.md
        #[arg(value_name = "CONFIG")]
        config: PathBuf,
        /// Only say whether the configuration is right and every feed is let in; takes nothing in
        #[arg(long)]
        check: bool,
    },
    /// See how far live feeds are read; forget one that is followed no more
    Feeds {
        #[command(subcommand)]
        action: Option<Feeds>,
    },
    /// See what live feeds could not read; read it again, or let it go
    Letters {
        #[command(subcommand)]
        action: Option<Letters>,
    },
    /// Remember one thing, said here and now
    Remember {
        /// What to remember; - reads it from standard input
        #[arg(required = true)]
        text: Vec<String>,
        /// Who says it, if not you
        #[arg(long, value_name = "WHO")]
        author: Option<String>,
    },
    /// Find what was said about something, best first
    Recall {
        /// A question, or words
        #[arg(required = true)]
        question: Vec<String>,
        /// How many messages
        #[arg(short, long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
        k: u16,
        /// Read the first 32 or more again, each with the question; about a second for 32
        #[arg(long)]
        rerank: bool,
        /// Show how each score came about
        #[arg(long)]
        explain: bool,
        /// Look at every message instead of those that indexes find
        #[arg(long)]
        exact: bool,
        #[command(flatten)]
        limits: Limits,
        #[command(flatten)]
        at: AsOf,
    },
    /// Print what a model should read before it answers
    Context {
        /// The question
        #[arg(required = true)]
        question: Vec<String>,
        /// At most so many tokens
        #[arg(short, long, value_name = "N", default_value_t = 2000)]
        tokens: usize,
        /// Count by this tokenizer.json instead of BERT's word pieces
        #[arg(long, value_name = "FILE")]
        tokenizer: Option<PathBuf>,
        /// What was said before in this conversation, oldest first; may be given several times
        #[arg(long, value_name = "TEXT")]
        talk: Vec<String>,
        #[command(flatten)]
        limits: Limits,
        #[command(flatten)]
        at: AsOf,
    },
    /// Keep a question's ranking and follow it; without one, list those kept
    Watch {
        /// The question
        question: Vec<String>,
        /// How many messages
        #[arg(short, long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=64))]
        k: u16,
        /// Print the ranking and end, instead of following it
        #[arg(long)]
        once: bool,
    },
    /// Let a watched question go
    Unwatch {
        /// The question, as it was asked
        #[arg(required = true)]
        question: Vec<String>,
    },
    /// Say that a recalled message helped, or did not
    Feedback {
        /// The question
        question: String,
        /// The message's id, or the beginning of it, as recall --json shows it
        #[arg(required_unless_present = "forget")]
        message: Option<String>,
        /// It did not help
        #[arg(long)]
        useless: bool,
        /// Take back all that was said of this question
        #[arg(long, conflicts_with_all = ["message", "useless"])]
        forget: bool,
    },
    /// Show what is held about somebody, or about everybody
    Facts(Facts),
    /// Show who somebody is: names, accounts, facts, messages
    Entity {
        /// A name, an account, a mail address, or an id
        name: String,
        #[command(flatten)]
        at: AsOf,
    },
    /// List what contradicts itself: two values, said at one time
    Conflicts {
        /// About whom: a name, an account, a mail address
        name: Option<String>,
        #[command(flatten)]
        at: AsOf,
    },
    /// Show which messages a fact comes from, and each step
    Why {
        /// A fact's id, or its first digits
        fact: String,
        #[command(flatten)]
        at: AsOf,
    },
    /// Correct a fact
    #[command(group = ArgGroup::new("how").required(true))]
    Correct {
        /// A fact's id, or its first digits
        fact: String,
        /// It was never so
        #[arg(long, group = "how")]
        wrong: bool,
        /// It is this instead, by your word
        #[arg(long, group = "how", value_name = "VALUE")]
        is: Option<String>,
    },
    /// Say that two names or accounts are one person
    Same {
        /// A name, an account, or a key
        a: String,
        /// Another
        b: String,
    },
    /// Say that two names or accounts are two people
    NotSame {
        /// A name, an account, or a key
        a: String,
        /// Another
        b: String,
    },
    /// Ask in SQL: one statement, a file, or (with neither) a prompt
    Sql {
        /// The statement
        statement: Option<String>,
        /// A file of statements, each ended by a semicolon; - for standard input
        #[arg(short, long, value_name = "FILE", conflicts_with = "statement")]
        file: Option<PathBuf>,
        #[command(flatten)]
        at: AsOf,
    },
    /// Forget messages and all that follows from them; shows what would go until --yes
    Forget(Forget),
    /// Remove the bytes of all that was forgotten, deleted or edited
    Erase {
        /// Do it: what goes cannot come back
        #[arg(long)]
        yes: bool,
    },
    /// Consolidate the same history under another policy; prints the difference in facts
    Reconsolidate {
        /// The policy, as `nexus policy` prints it
        #[arg(long, value_name = "FILE", required_unless_present = "extractor")]
        policy: Option<PathBuf>,
        /// Read everything with another extractor: clauses, patterns or an endpoint
        #[arg(long, value_name = "NAME", conflicts_with = "policy")]
        extractor: Option<String>,
        /// Only print the difference
        #[arg(long)]
        dry_run: bool,
        /// Send texts to an endpoint without asking first
        #[arg(long, requires = "extractor")]
        yes: bool,
    },
    /// Print the policy: how predicates consolidate and whom to trust
    Policy,
    /// Recompute memory from its inputs and compare
    Verify,
    /// Show what the store holds
    Status {
        #[command(flatten)]
        at: AsOf,
    },
    /// List models, fetch or add one, use another
    Models {
        #[command(subcommand)]
        action: Option<Models>,
    },
    /// Keep the secrets that feeds use in an encrypted file
    Vault(crate::vault::Command),
    /// Write the scope's inputs to one portable file
    Export {
        /// The new file
        file: PathBuf,
        /// With the policy too
        #[arg(long)]
        policy: bool,
    },
    /// Take in a file that `nexus export` wrote
    Import {
        /// The file
        file: PathBuf,
    },
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// The store as it was.
#[derive(Clone, Debug, Args)]
pub(crate) struct AsOf {
    /// The store as it was: an epoch, or a time such as 2025-06-01T12:00:00Z
    #[arg(long, value_name = "THEN", value_parser = when::at)]
    pub(crate) as_of: Option<At>,
}

/// Which messages may be recalled. All that is given must hold.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Only messages")]
pub(crate) struct Limits {
    /// On this platform
    #[arg(long, value_name = "NAME")]
    pub(crate) platform: Option<String>,
    /// In this channel
    #[arg(long, value_name = "NAME")]
    pub(crate) channel: Option<String>,
    /// In this thread
    #[arg(long, value_name = "NAME")]
    pub(crate) thread: Option<String>,
    /// Said by this author
    #[arg(long, value_name = "WHO")]
    pub(crate) author: Option<String>,
    /// That speak of somebody, or that they said
    #[arg(long, value_name = "WHO")]
    pub(crate) about: Option<String>,
    /// Of this kind: message, response or post
    #[arg(long, value_parser = kind)]
    pub(crate) kind: Option<Kind>,
    /// Said then or later
    #[arg(long, value_name = "TIME", value_parser = when::time)]
    pub(crate) since: Option<Millis>,
    /// Said before
    #[arg(long, value_name = "TIME", value_parser = when::time)]
    pub(crate) until: Option<Millis>,
    /// At least so important (salience.score)
    #[arg(long, value_name = "N")]
    pub(crate) importance: Option<i64>,
}

impl Limits {
    /// A recall of so many within these limits.
    pub(crate) fn recall(self, k: usize) -> RecallOptions {
        let Limits { platform, channel, thread, author, about, kind, since, until, importance } = self;
        let plain = RecallOptions::default();
        RecallOptions { k, platform, channel, thread, author, about, kind, since, until, importance, ..plain }
    }
}

fn kind(text: &str) -> Result<Kind, String> {
    let spoken = [Kind::Message, Kind::Response, Kind::Post];
    spoken.into_iter().find(|kind| kind.name() == text).ok_or_else(|| "give message, response or post".into())
}

/// What to take in, and how.
#[derive(Debug, Args)]
pub(crate) struct Ingest {
    /// Files and folders; - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The format, if it is not detected
    #[arg(long, value_parser = format)]
    pub(crate) format: Option<Format>,
    /// The account or feed [default: the platform]
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// The platform, where the input does not say
    #[arg(long)]
    pub(crate) platform: Option<String>,
    /// The room, mailbox or conversation, where the input does not say
    #[arg(long)]
    pub(crate) channel: Option<String>,
    /// The zone of times without one, e.g. Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
    /// These inputs are all there is of their channels: what is held of them and missing here was deleted
    #[arg(long)]
    pub(crate) whole: bool,
    /// Leave the embedder out: faster, and recall finds by words only until it has caught up
    #[arg(long)]
    pub(crate) no_embed: bool,
}

/// Which facts.
#[derive(Debug, Args)]
pub(crate) struct Facts {
    /// About whom: a name, an account, a mail address
    pub(crate) name: Option<String>,
    /// Only this predicate, e.g. lives_in
    #[arg(long, short)]
    pub(crate) predicate: Option<String>,
    /// Past ones too
    #[arg(long)]
    pub(crate) history: bool,
    /// True in the world at that time
    #[arg(long, value_name = "TIME", value_parser = when::time)]
    pub(crate) valid_at: Option<Millis>,
    /// Held from what had been said by that time
    #[arg(long, value_name = "TIME", value_parser = when::time)]
    pub(crate) known_at: Option<Millis>,
    #[command(flatten)]
    pub(crate) at: AsOf,
}

/// Which messages to forget: those that fit all that is given.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true))]
#[command(
    override_usage = "nexus forget [--message ID]... [--thread THREAD] [--author WHO] [--source SOURCE]\n                    [--channel CHANNEL] [--since TIME] [--until TIME] [--yes]"
)]
pub(crate) struct Forget {
    /// A message's id, or its first digits; may be repeated
    #[arg(long, value_name = "ID", group = "which")]
    pub(crate) message: Vec<String>,
    /// Everything in a thread
    #[arg(long, group = "which")]
    pub(crate) thread: Option<String>,
    /// Everything somebody said: an account, a mail address, or `Name <account>`
    #[arg(long, group = "which")]
    pub(crate) author: Option<String>,
    /// Everything from an account or feed
    #[arg(long, group = "which")]
    pub(crate) source: Option<String>,
    /// Everything in a room, mailbox or conversation
    #[arg(long, group = "which")]
    pub(crate) channel: Option<String>,
    /// Said at that time or later
    #[arg(long, value_name = "TIME", value_parser = when::time, group = "which")]
    pub(crate) since: Option<Millis>,
    /// Said before that time
    #[arg(long, value_name = "TIME", value_parser = when::time, group = "which")]
    pub(crate) until: Option<Millis>,
    /// Do it
    #[arg(long)]
    pub(crate) yes: bool,
}

/// What to do about feeds.
#[derive(Debug, Subcommand)]
pub(crate) enum Feeds {
    /// Show how far each is read, and whether a run follows it
    List,
    /// Forget how far one is read and what it noted; shows what would go until --yes
    Forget {
        /// Its name
        name: String,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
}

/// What to do about dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum Letters {
    /// Show them all
    List,
    /// Print what stands in one
    Show {
        /// Its id, or the first digits
        id: String,
    },
    /// Read one again; what it says is taken in and the letter goes
    Replay {
        /// Its id, or the first digits
        id: String,
        /// Read this in its place: the letter, mended
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// The format, if it is not known or another
        #[arg(long, value_parser = format)]
        format: Option<Format>,
    },
    /// Let one go, unread
    Drop {
        /// Its id, or the first digits
        id: String,
    },
}

/// What to do about models.
#[derive(Debug, Subcommand)]
pub(crate) enum Models {
    /// Show the known models and whether they are here
    List,
    /// Bring a model's weights into the cache
    Fetch {
        /// The model, e.g. minilm
        name: String,
        /// A folder that holds its files, instead of the network
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// Add a model of your own: an encoder from a folder, or an LLM behind a URL
    Add(Add),
    /// Let this scope use another embedder or extractor, once it has read all there is
    Use {
        /// The model, e.g. minilm
        name: String,
        /// Send texts to an endpoint without asking first
        #[arg(long)]
        yes: bool,
    },
    /// Measure how fast models are here
    Bench {
        /// Those to measure; all that are here if none is given
        names: Vec<String>,
    },
}

/// A model of the user's own.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// What to call it
    pub(crate) name: String,
    /// An encoder's folder, BERT family: config.json, tokenizer.json and model.safetensors or model.onnx
    #[arg(required_unless_present = "url", conflicts_with = "url")]
    pub(crate) folder: Option<PathBuf>,
    /// An OpenAI-compatible endpoint, to which texts will be sent, e.g. http://localhost:11434/v1
    #[arg(long, value_name = "URL", requires = "model")]
    pub(crate) url: Option<String>,
    /// The endpoint's name of the model
    #[arg(long, value_name = "MODEL", requires = "url")]
    pub(crate) model: Option<String>,
    /// The environment variable that holds the key; the key itself is not stored
    #[arg(long, value_name = "VAR", requires = "url")]
    pub(crate) key_env: Option<String>,
    /// The most tokens spent on a day, in UTC
    #[arg(long, value_name = "N", requires = "url")]
    pub(crate) tokens_per_day: Option<u64>,
    /// The price of a million tokens read, for estimates
    #[arg(long, value_name = "X", requires = "url")]
    pub(crate) price_in: Option<f64>,
    /// The price of a million tokens written
    #[arg(long, value_name = "Y", requires = "url")]
    pub(crate) price_out: Option<f64>,
    /// How many texts share a request
    #[arg(long, value_name = "N", requires = "url", default_value_t = 8)]
    pub(crate) texts: usize,
}

fn format(name: &str) -> Result<Format, String> {
    Format::named(name).ok_or_else(|| format!("known formats are {}", Format::ALL.map(Format::name).join(", ")))
}
