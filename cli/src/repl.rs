//! The SQL prompt: lines until a semicolon, history, completion of tables, columns and keywords.
//!
//! What is typed quotes memory, so its history is a file of the user's alone, and `nexus erase` removes it.

use std::fs;
use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use nexus::{Error, Memory};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper, Highlighter, Hinter};

use crate::failure::{Failure, Outcome, Result};
use crate::print::Out;
use crate::sql;
use crate::user_folder;

const HELP: &str = "\
\\d          tables           \\d TABLE    its columns
\\q          leave            TAB         completes names
A statement ends with a semicolon and may take several lines. docs/sql.md lists tables and functions.";

const KEYWORDS: &[&str] = &[
    "AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "COUNT", "DESC", "DISTINCT", "ELSE", "END", "FROM", "GROUP", "HAVING",
    "IN", "IS", "JOIN", "LEFT", "LIKE", "LIMIT", "NOT", "NULL", "ON", "OR", "ORDER", "SELECT", "THEN", "UNION", "WHEN",
    "WHERE", "WITH",
];
const FUNCTIONS: &[&str] = &["as_of(", "facts_about(", "known_at(", "neighbours(", "recall(", "timeline(", "valid_at("];

pub(crate) fn repl(memory: &Memory, out: &Out) -> Result {
    if !stdin().is_terminal() {
        return sql::file(memory, out, Path::new("-"));
    }
    let mut editor = editor(memory)?;
    let history = history_file();
    if let Some(folder) = history.parent() {
        fs::create_dir_all(folder).map_err(|error| Error::io(folder.display(), error))?;
    }
    // The first time there is none.
    let _ = editor.load_history(&history);
    out.hint("SQL over memory. \\d lists tables, \\? helps, \\q leaves.");
    loop {
        match editor.readline("nexus> ") {
            Ok(line) => {
                let line = line.trim();
                if matches!(line, "\\q" | "exit" | "quit") {
                    break;
                }
                editor.add_history_entry(line).and_then(|_| editor.append_history(&history)).map_err(unreadable)?;
                if let Err(failure) = answer(memory, out, line) {
                    match failure {
                        Failure::Nexus(error) => out.line(&error.to_string())?,
                        other => return Err(other),
                    }
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(unreadable(error)),
        }
    }
    Ok(Outcome::Done)
}

fn answer(memory: &Memory, out: &Out, line: &str) -> Result<()> {
    let statements = match line.split_once(' ').unwrap_or((line, "")) {
        ("", _) => Vec::new(),
        ("\\?" | "help", _) => return out.line(HELP),
        ("\\d", "") => vec![LIST_TABLES.to_owned()],
        ("\\d", table) => vec![list_columns(table.trim())],
        (command, _) if command.starts_with('\\') => return out.line(HELP),
        _ => sql::split(line).statements,
    };
    for statement in statements {
        sql::print(out, &memory.sql(&statement)?)?;
    }
    Ok(())
}

const LIST_TABLES: &str = "SELECT table_name AS name, lower(table_type) AS kind FROM information_schema.tables \
                           WHERE table_schema = 'memory' ORDER BY 1";

fn list_columns(table: &str) -> String {
    let name = table.trim_end_matches(';').replace('\'', "''");
    format!(
        "SELECT column_name AS name, data_type AS type, lower(is_nullable) AS nullable FROM information_schema.columns \
         WHERE table_schema = 'memory' AND table_name = '{name}' ORDER BY ordinal_position"
    )
}

fn editor(memory: &Memory) -> Result<Editor<Prompt, FileHistory>> {
    let config = Config::builder().completion_type(CompletionType::List).history_ignore_space(true).build();
    let mut editor = Editor::with_config(config).map_err(unreadable)?;
    editor.set_helper(Some(Prompt { words: words(memory)? }));
    Ok(editor)
}

/// All that can be completed, sorted.
fn words(memory: &Memory) -> Result<Vec<String>> {
    let names = "SELECT table_name FROM information_schema.columns WHERE table_schema = 'memory' \
                 UNION SELECT column_name FROM information_schema.columns WHERE table_schema = 'memory'";
    let mut words: Vec<String> = KEYWORDS.iter().chain(FUNCTIONS).map(|word| (*word).to_owned()).collect();
    for batch in memory.sql(names)? {
        if let Some(column) = batch.column(0).as_string_opt::<i32>() {
            words.extend(column.iter().flatten().map(str::to_owned));
        }
    }
    words.sort();
    words.dedup();
    Ok(words)
}

/// What the line editor asks while somebody types.
#[derive(Helper, Hinter, Highlighter)]
struct Prompt {
    words: Vec<String>,
}

impl Completer for Prompt {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let head = &line[..at];
        let word = head.chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').map(char::len_utf8);
        let start = at - word.sum::<usize>();
        let typed = head[start..].to_lowercase();
        let fits = |word: &&String| !typed.is_empty() && word.to_lowercase().starts_with(&typed);
        Ok((start, self.words.iter().filter(fits).cloned().collect()))
    }
}

impl Validator for Prompt {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        let line = context.input().trim();
        let command = line.starts_with('\\') || matches!(line, "" | "exit" | "quit" | "help");
        let open = !command && sql::split(line).open;
        Ok(if open { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

fn history_file() -> PathBuf {
    user_folder("XDG_STATE_HOME", ".local/state").join("nexus").join("sql_history")
}

/// Removes the history of all that was asked.
pub(crate) fn forget_history() -> Result<()> {
    let history = history_file();
    match fs::remove_file(&history) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(history.display(), error).into()),
        _ => Ok(()),
    }
}

fn unreadable(error: ReadlineError) -> Failure {
    Failure::Nexus(Error::io("the prompt", std::io::Error::other(error)))
}
