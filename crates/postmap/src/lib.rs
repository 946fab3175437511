//! The programs `postmap` and `postalias`, in the place of Postfix's.
//!
//! Their options, messages and exit statuses are Postfix's (3.7.11); the work is done by the crate
//! `postfix-maps`. As a library this crate is of no use to other programs.

#![forbid(unsafe_code)]

mod args;
mod create;
mod delete;
mod getopt;
mod lines;
mod list;
mod maillog;
mod message;
mod message_keys;
mod output;
mod privilege;
mod query;
mod run;
mod session;
mod signals;

pub use args::Tool;
pub use run::main;
