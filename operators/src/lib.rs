//! Pure functions from collections to collections, one per file, each with its naive twin.
