//! Reading columns of a `RecordBatch` by name, as the types they are to have.

use arrow::array::cast::AsArray;
use arrow::array::types::{Int64Type, TimestampMillisecondType, UInt16Type, UInt32Type};
use arrow::array::{
    Array, ArrayRef, Int64Array, ListArray, RecordBatch, StringArray, TimestampMillisecondArray, UInt16Array,
    UInt32Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use nexus_types::Millis;

use crate::error::{QueryError, Result};

/// One batch, read by column name.
pub(crate) struct Rows<'a>(pub(crate) &'a RecordBatch);

impl Rows<'_> {
    /// How many rows.
    pub(crate) fn len(&self) -> usize {
        self.0.num_rows()
    }

    pub(crate) fn text(&self, name: &str) -> Result<StringArray> {
        Ok(self.column(name, &DataType::Utf8)?.as_string::<i32>().clone())
    }

    pub(crate) fn time(&self, name: &str) -> Result<TimestampMillisecondArray> {
        let kind = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        Ok(self.column(name, &kind)?.as_primitive::<TimestampMillisecondType>().clone())
    }

    pub(crate) fn u32(&self, name: &str) -> Result<UInt32Array> {
        Ok(self.column(name, &DataType::UInt32)?.as_primitive::<UInt32Type>().clone())
    }

    pub(crate) fn i64(&self, name: &str) -> Result<Int64Array> {
        Ok(self.column(name, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
    }

    pub(crate) fn u16(&self, name: &str) -> Result<UInt16Array> {
        Ok(self.column(name, &DataType::UInt16)?.as_primitive::<UInt16Type>().clone())
    }

    pub(crate) fn list(&self, name: &str) -> Result<ListArray> {
        let column = self.named(name)?;
        let list = column.as_list_opt::<i32>().cloned();
        list.ok_or_else(|| QueryError::Corrupt(format!("column {name} has type {}", column.data_type())))
    }

    fn named(&self, name: &str) -> Result<&ArrayRef> {
        self.0.column_by_name(name).ok_or_else(|| QueryError::Corrupt(format!("column {name} is missing")))
    }

    fn column(&self, name: &str, kind: &DataType) -> Result<ArrayRef> {
        let wrong = |error| QueryError::Corrupt(format!("column {name}: {error}"));
        cast(self.named(name)?, kind).map_err(wrong)
    }
}

/// A value that may be null, as text of its own.
pub(crate) fn maybe(column: &StringArray, at: usize) -> Option<String> {
    (!column.is_null(at)).then(|| column.value(at).to_string())
}

/// A time that may be null.
pub(crate) fn maybe_time(column: &TimestampMillisecondArray, at: usize) -> Option<Millis> {
    (!column.is_null(at)).then(|| column.value(at))
}

/// The texts of one list.
pub(crate) fn texts(column: &ListArray, at: usize) -> Vec<String> {
    let items = column.value(at);
    items.as_string_opt::<i32>().map(|items| items.iter().flatten().map(String::from).collect()).unwrap_or_default()
}
