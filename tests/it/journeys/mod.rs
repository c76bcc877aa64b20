//! Journeys through the platform: what people do with it, from the first call to the last event.

mod accounts;
mod api_keys;
mod audit;
mod bootstrap;
mod browsers;
mod cookies;
mod faults;
mod guessing;
mod imports;
mod limits;
mod logins;
mod logs;
mod mail;
mod members;
mod messages;
mod notices;
mod organizations;
mod passwords;
pub mod places;
mod privacy;
mod privileges;
mod restart;
mod rotation;
mod second_factor;
mod security;
mod sessions;
mod site;
mod steering;
mod texts;
mod unsubscribing;
mod world;
mod writes;

pub use audit::TOLD_BY_A_JOURNEY;
pub use privileges::Witness;
pub use world::{Stage, World, config, journey, journey_alone, journey_here, journey_in_time, run};
