//! Hints that turn an engine's complaint into what to type instead.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use crate::error::QueryError;

/// The error for a table that is not there.
pub(crate) fn unknown_table<'a>(name: &str, tables: impl Iterator<Item = &'a str>) -> QueryError {
    let tables: Vec<&str> = tables.collect();
    QueryError::Argument(format!("there is no table {name:?}; there are {}", tables.join(", ")))
}

/// The error of a statement, with what the catalogue has instead of what was asked for.
pub(crate) fn explain<'a>(
    error: DataFusionError,
    tables: impl Iterator<Item = &'a str>,
    functions: &[&str],
) -> QueryError {
    if let DataFusionError::SchemaError(schema, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, valid_fields } = schema.as_ref()
    {
        let mut columns: Vec<String> = valid_fields.iter().map(|column| column.name.clone()).collect();
        columns.sort();
        columns.dedup();
        let hint = match columns.is_empty() {
            true => "write text in 'single quotes'".to_string(),
            false => format!("there are {}", columns.join(", ")),
        };
        return QueryError::Argument(format!("there is no column {:?}; {hint}", field.name));
    }
    let said = error.find_root().strip_backtrace();
    if let Some(name) = between(&said, "table function '", "' not found") {
        return QueryError::Argument(format!(
            "there is no table function {name:?}; there are {}",
            functions.join(", ")
        ));
    }
    if let Some(name) = between(&said, "table '", "' not found") {
        return unknown_table(name.rsplit('.').next().unwrap_or(name), tables);
    }
    error.into()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(name, _)| name)
}
