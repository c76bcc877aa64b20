//! The whole platform in one process: embedded servers with the real wire protocols, wired from the templates.
//!
//! Reading order: [`template`] reads `template.yaml` and its nested stacks into a [`template::Deployment`]; [`registry`] lists
//! the functions and checks that all places that name them agree; [`embedded`] starts DynamoDB, SQS, S3 and AppConfig on loopback;
//! [`wiring`] creates in them what the deployment describes; [`functions`] builds the functions with their settings and
//! Lambda's limits; [`gateway`], [`pollers`] and [`schedules`] call them, and [`activity`] counts that; [`platform`] is the
//! whole, and [`demo`] shows what it does. [`deployed`] is the same platform, deployed to an emulator of AWS.

pub mod activity;
pub mod demo;
pub mod deployed;
pub mod embedded;
pub mod functions;
pub mod gateway;
pub mod platform;
pub mod pollers;
pub mod registry;
pub mod schedules;
pub mod template;
pub mod wiring;

pub use deployed::Deployed;
pub use platform::{Platform, PlatformConfig};
