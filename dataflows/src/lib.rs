//! The graphs: memory.rs is the page that wires the whole.
