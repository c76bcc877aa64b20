//! Journeys through the platform: what people do with it, from the first call to the last event.

mod faults;
mod imports;
mod mail;
mod messages;
mod restart;
mod steering;
mod texts;
mod unsubscribing;
mod world;
mod writes;

pub use world::{Stage, World, config, journey, journey_alone, run};
