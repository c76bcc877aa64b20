//! What looks after the repository itself: reading order [`events`], [`errors`].

pub mod errors;
pub mod events;
