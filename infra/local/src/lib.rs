//! The whole platform in one process: embedded servers with the real wire protocols, wired from the templates.
//!
//! Reading order: [`template`] reads `template.yaml` and its nested stacks into a [`template::Deployment`]; [`embedded`]
//! starts DynamoDB, SQS and S3 on loopback; [`wiring`] creates in them what the deployment describes; [`functions`] builds
//! the registry's functions with their settings and Lambda's limits; [`gateway`], [`pollers`] and [`schedules`] call them.

pub mod embedded;
pub mod functions;
pub mod gateway;
pub mod pollers;
pub mod schedules;
pub mod template;
pub mod wiring;
