//! The product's own tables: each stores rows, gives them back, and takes all of its upkeep.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int16Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMillisecondArray, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::DataType;
use nexus_storage::{TableChange, TableSpec};
use nexus_types::tables;

use crate::search::full_text;
use crate::world::{commit, open, run};

/// A column of that type: the keys, or something that differs from row to row.
fn column(data_type: &DataType, keys: &[String]) -> ArrayRef {
    let numbers = 0..keys.len() as u32;
    match data_type {
        DataType::Utf8 => Arc::new(StringArray::from_iter_values(keys)),
        DataType::Int16 => Arc::new(Int16Array::from_iter_values(numbers.map(|n| n as i16))),
        DataType::UInt16 => Arc::new(UInt16Array::from_iter_values(numbers.map(|n| n as u16))),
        DataType::UInt32 => Arc::new(UInt32Array::from_iter_values(numbers)),
        DataType::UInt64 => Arc::new(UInt64Array::from_iter_values(numbers.map(u64::from))),
        DataType::Int64 => Arc::new(Int64Array::from_iter_values(numbers.map(i64::from))),
        DataType::Timestamp(..) => {
            Arc::new(TimestampMillisecondArray::from_iter_values(numbers.map(i64::from)).with_timezone("UTC"))
        }
        DataType::List(_) => {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for at in 0..keys.len() {
                lists.append_value(keys[..at % 3].iter().map(Some));
            }
            Arc::new(lists.finish())
        }
        other => panic!("no values for {other}"),
    }
}

fn rows(table: &TableSpec, from: usize, to: usize) -> RecordBatch {
    let keys: Vec<String> = (from..to).map(|at| format!("key {at:03}")).collect();
    let columns = table.schema.fields().iter().map(|field| column(field.data_type(), &keys)).collect();
    RecordBatch::try_new(table.schema.clone(), columns).unwrap()
}

#[test]
fn every_table_keeps_its_rows() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let mut store = open(directory.path()).await;
        let specs: Vec<TableSpec> = tables::all().iter().map(TableSpec::from).collect();
        for (from, to) in [(0, 40), (40, 60), (60, 70), (70, 80)] {
            let changes = specs.iter().map(|table| {
                let delete = (from > 0).then(|| format!("key {:03}", from - 1)).into_iter().collect();
                TableChange { table: table.clone(), delete, append: vec![rows(table, from, to)] }
            });
            commit(&mut store, changes.collect()).await.unwrap();
            store.maintain(1_000).await.unwrap();
        }
        let snapshot = store.snapshot().await.unwrap();
        for table in &specs {
            assert_eq!(snapshot.rows(&table.name), 77, "{}", table.name);
            let keys: Vec<String> = ["key 000", "key 039", "key 075"].map(String::from).to_vec();
            let found = snapshot.take(&table.name, &keys, None).await.unwrap();
            let found = arrow::compute::concat_batches(found[0].schema_ref(), &found).unwrap();
            assert_eq!(found.num_rows(), 2, "{}", table.name);
            for (field, column) in table.schema.fields().iter().zip(found.columns()) {
                assert_eq!(field.data_type(), column.data_type());
                if field.data_type() == &DataType::Utf8 {
                    let mut values: Vec<_> = column.as_string::<i32>().iter().flatten().collect();
                    values.sort_unstable();
                    assert_eq!(values, ["key 000", "key 075"], "{}.{}", table.name, field.name());
                }
            }
            assert!(snapshot.provider(&table.name).await.unwrap().is_some());
        }
        assert_eq!(full_text(&snapshot, "key 017", 80, None).await[0].0, "key 017");
    });
}
