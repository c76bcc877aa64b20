//! What looks after the repository itself: reading order [`events`], [`errors`], [`openapi`].

pub mod errors;
pub mod events;
pub mod openapi;
