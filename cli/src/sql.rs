//! `nexus sql`: statements and files of statements, printed as tables or JSON.

use std::fs;
use std::io::{Read, stdin};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use nexus::{Error, Memory};
use serde_json::Value;

use crate::failure::{Failure, Outcome, Result};
use crate::print::{Out, Sheet, count};

pub(crate) fn statement(memory: &Memory, out: &Out, statement: &str) -> Result {
    several(memory, out, &[statement.to_owned()])
}

pub(crate) fn file(memory: &Memory, out: &Out, path: &Path) -> Result {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        stdin().read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| Error::io(path.display(), error))?;
    several(memory, out, &split(&text).statements)
}

/// Runs statements in order and stops at the first that fails. JSON: the rows of one, or one array of rows for each.
fn several(memory: &Memory, out: &Out, statements: &[String]) -> Result {
    let mut rows = Vec::new();
    for statement in statements {
        let batches = memory.sql(statement)?;
        if out.json { rows.push(json(&batches)?) } else { print(out, &batches)? }
    }
    match rows.as_slice() {
        [one] => out.value(one)?,
        [] if !out.json => {}
        several => out.value(&several)?,
    }
    Ok(Outcome::Done)
}

/// Rows as JSON objects, nulls included.
fn json(batches: &[RecordBatch]) -> Result<Value> {
    let mut writer = arrow::json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, arrow::json::writer::JsonArray>(Vec::new());
    let text = batches
        .iter()
        .try_for_each(|batch| writer.write(batch))
        .and_then(|()| writer.finish())
        .map(|()| writer.into_inner());
    let text = text.map_err(unprintable)?;
    if text.is_empty() {
        return Ok(Value::Array(Vec::new()));
    }
    serde_json::from_slice(&text).map_err(|error| Failure::Output(error.into()))
}

/// Rows as a table, and how many there are.
pub(crate) fn print(out: &Out, batches: &[RecordBatch]) -> Result<()> {
    let Some(first) = batches.first() else { return out.line("(0 rows)") };
    let schema = first.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut sheet = Sheet::new(&names, "");
    for (column, field) in schema.fields().iter().enumerate() {
        if field.data_type().is_numeric() {
            sheet = sheet.right(column);
        }
    }
    let options = FormatOptions::default()
        .with_null("")
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S"))
        .with_display_error(true);
    let mut rows = 0;
    for batch in batches {
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
        let columns = columns.collect::<std::result::Result<Vec<_>, _>>().map_err(unprintable)?;
        for row in 0..batch.num_rows() {
            sheet.row(columns.iter().map(|column| column.value(row).to_string()));
        }
        rows += batch.num_rows();
    }
    if rows > 0 {
        out.table(sheet)?;
    }
    out.line(&format!("({})", count(rows, "row")))
}

fn unprintable(error: ArrowError) -> Failure {
    Failure::Output(std::io::Error::other(error))
}

/// A text cut at its semicolons.
pub(crate) struct Split {
    /// The statements, the last one even without a semicolon.
    pub(crate) statements: Vec<String>,
    /// Whether the text ends within a statement, a quoted text or a comment.
    pub(crate) open: bool,
}

/// Cuts a text at the semicolons that are neither quoted nor in a comment.
pub(crate) fn split(text: &str) -> Split {
    let (mut statements, mut start, mut at) = (Vec::new(), 0, 0);
    let mut closed = true;
    while let Some(found) = text[at..].find([';', '\'', '"', '-', '/']) {
        at += found;
        let rest = &text[at..];
        let skipped = match &rest[..1] {
            ";" => {
                statements.push(&text[start..at]);
                start = at + 1;
                Some(1)
            }
            quote @ ("'" | "\"") => rest[1..].find(quote).map(|end| end + 2),
            _ if rest.starts_with("--") => Some(rest.find('\n').unwrap_or(rest.len())),
            _ if rest.starts_with("/*") => rest.find("*/").map(|end| end + 2),
            _ => Some(1),
        };
        match skipped {
            Some(bytes) => at += bytes,
            None => {
                closed = false;
                break;
            }
        }
    }
    let tail = &text[start..];
    let empty = |statement: &str| statement.lines().all(|line| line.trim().is_empty() || line.trim().starts_with("--"));
    let open = !closed || !empty(tail);
    statements.push(tail);
    let statements =
        statements.into_iter().filter(|statement| !empty(statement)).map(|text| text.trim().to_owned()).collect();
    Split { statements, open }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Vec<String>, bool) {
        let split = split(text);
        (split.statements, split.open)
    }

    #[test]
    fn texts_are_cut_at_semicolons_that_mean_it() {
        assert_eq!(of("SELECT 1; SELECT 2"), (vec!["SELECT 1".into(), "SELECT 2".into()], true));
        assert_eq!(of("SELECT 'a;b''c;';"), (vec!["SELECT 'a;b''c;'".into()], false));
        assert_eq!(of("SELECT \"x;y\" /* ; */ -- ;\n;"), (vec!["SELECT \"x;y\" /* ; */ -- ;".into()], false));
        assert_eq!(of("-- only a comment;\n"), (vec![], false));
        assert_eq!(of("SELECT 'open;"), (vec!["SELECT 'open;".into()], true));
        assert_eq!(of("SELECT 4-3/1;"), (vec!["SELECT 4-3/1".into()], false));
        assert_eq!(of(""), (vec![], false));
    }
}
