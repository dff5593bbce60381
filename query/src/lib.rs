//! Reads: the DataFusion catalogue, SQL functions, recall.
