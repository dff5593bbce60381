//! Durable time-varying collections on Lance: log, tables, checkpoints, snapshots, indexes, erasure.
