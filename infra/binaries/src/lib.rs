//! The binaries of the functions as Lambda would have them: how large each is, how fast it starts, how much memory it takes, and what it
//! answers to its sample events through the Runtime API.
//!
//! Reading order: [`size`], [`runtime_api`] (the endpoint that Lambda gives a function), [`start`] (one process, one event), [`tls`] (what a call to AWS costs besides), [`budget`].

pub mod budget;
pub mod runtime_api;
pub mod size;
pub mod start;
pub mod tls;
