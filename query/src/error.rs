//! What can go wrong when reading. `Display` says what to do about it.

use datafusion::error::DataFusionError;
use nexus_storage::StorageError;
use nexus_types::tables::DecodeError;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The statement or an argument is wrong: say it differently.
    #[error("{0}")]
    Argument(String),
    /// Memory knows nothing of that name or id.
    #[error("{0}")]
    NotFound(String),
    /// Several fit: name one of them.
    #[error("{what} {name:?} may be any of these, name one: {}", candidates.join("; "))]
    Ambiguous {
        /// What was looked for.
        what: &'static str,
        /// How it was named.
        name: String,
        /// What fits, each with a name that fits it alone.
        candidates: Vec<String>,
    },
    /// The statement needs more memory than it may use.
    #[error("the statement needs more memory than it may use; select fewer columns or rows, or add a LIMIT ({0})")]
    Limit(String),
    /// The store could not be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A stored row does not have the form it must have.
    #[error("the store is damaged: {0}; run `nexus verify`")]
    Corrupt(String),
    /// The SQL engine failed where it should not have.
    #[error("the statement could not be run: {0}")]
    Engine(String),
}

/// What reading gives.
pub type Result<T> = std::result::Result<T, QueryError>;

impl From<DecodeError> for QueryError {
    fn from(error: DecodeError) -> Self {
        QueryError::Corrupt(error.to_string())
    }
}

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> Self {
        let error = match unwrapped(error) {
            Ok(own) => return own,
            Err(error) => error,
        };
        let said = error.find_root().strip_backtrace();
        match error.find_root() {
            DataFusionError::ResourcesExhausted(what) => QueryError::Limit(what.clone()),
            DataFusionError::Internal(_) | DataFusionError::External(_) => QueryError::Engine(said),
            _ => QueryError::Argument(first_line(&said)),
        }
    }
}

/// An error of ours that travelled through the SQL engine comes out as it went in.
fn unwrapped(error: DataFusionError) -> std::result::Result<QueryError, DataFusionError> {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<QueryError>() {
            Ok(own) => Ok(*own),
            Err(inner) => match inner.downcast::<StorageError>() {
                Ok(own) => Ok(QueryError::Storage(*own)),
                Err(inner) => Err(DataFusionError::External(inner)),
            },
        },
        DataFusionError::Context(what, inner) => {
            unwrapped(*inner).map_err(|inner| DataFusionError::Context(what, Box::new(inner)))
        }
        other => Err(other),
    }
}

/// For the way through the SQL engine.
impl From<QueryError> for DataFusionError {
    fn from(error: QueryError) -> Self {
        DataFusionError::External(Box::new(error))
    }
}

/// An engine's message without its name for the kind of error and without what it adds on further lines.
fn first_line(said: &str) -> String {
    let kinds = ["Error during planning: ", "SQL error: ", "Schema error: ", "This feature is not implemented: "];
    let said = kinds.iter().find_map(|kind| said.strip_prefix(kind)).unwrap_or(said);
    let said = said.strip_prefix("ParserError(\"").and_then(|rest| rest.strip_suffix("\")")).unwrap_or(said);
    said.lines().next().unwrap_or_default().to_string()
}
