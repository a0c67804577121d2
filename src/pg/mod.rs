//! The PostgreSQL adapter: the only module that talks to a database server.

pub mod connect;
pub mod errors;
