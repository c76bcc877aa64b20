//! The whole platform in one process: embedded servers with the real wire protocols, wired from the templates.
//!
//! Reading order: [`template`] reads `template.yaml` and its nested stacks into a [`template::Deployment`];
//! [`embedded`] starts DynamoDB, SQS and S3 on loopback; [`wiring`] creates in them what the deployment describes.

pub mod embedded;
pub mod template;
pub mod wiring;
