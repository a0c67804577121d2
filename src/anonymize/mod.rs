//! Masks: compiled from column rules, applied to rows in the stream.
