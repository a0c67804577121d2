//! The PostgreSQL adapter: the only module that talks to a database server.

pub mod catalog;
pub mod connect;
pub mod database_settings;
pub mod entries;
pub mod errors;
pub mod dump;
pub mod facts;
pub mod files;
pub mod keys;
pub mod landed;
pub mod landing;
pub mod load;
pub mod members;
pub mod owners;
pub mod quote;
mod quoting;
pub mod rows;
pub mod scan;
pub mod sequences;
pub mod skipped;
pub mod source;
pub mod target;
pub mod texts;
pub mod values;
