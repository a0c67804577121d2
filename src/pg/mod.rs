//! The PostgreSQL adapter: the only module that talks to a database server.

pub mod catalog;
pub mod connect;
pub mod errors;
pub mod keys;
pub mod members;
pub mod quote;
pub mod source;
