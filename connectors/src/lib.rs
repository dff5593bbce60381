//! Outside systems behind Source and Sink: one file per system.
