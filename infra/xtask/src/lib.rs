//! What looks after the repository itself and after deployments: reading order [`events`], [`errors`], [`openapi`], [`bootstrap`], [`privileges`].

pub mod bootstrap;
pub mod errors;
pub mod events;
pub mod openapi;
pub mod privileges;
