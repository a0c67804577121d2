//! COPY rows: split, replace a field, join.
