//! Profiles brought up to date and compared.
