//! Models behind one trait, asks in and answers out: the pattern extractor, and encoders on Burn.
