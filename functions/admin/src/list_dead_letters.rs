//! GET /v1/operator/dead-letters: tells of every queue how many dead letters it has, for the platform's operator.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Nothing, Reply, Setup, SetupError};
use carillon_operations::{DeadLetters, QueueDepth};
use serde::Serialize;

/// Counts dead letters.
#[derive(Debug)]
pub struct DeadLettersList {
    letters: DeadLetters,
}

/// All queues.
#[derive(Debug, Serialize)]
struct Depths {
    data: Vec<QueueDepth>,
}

impl HttpFunction for DeadLettersList {
    const NAME: &'static str = "dead-letters-list";
    const PERMISSION: Permission = Permission::PlatformOperate;
    type Query = Nothing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { letters: DeadLetters::from_setup(setup)? })
    }

    async fn handle(&self, _call: Call<Nothing, Nothing>) -> Result<Reply, Failure> {
        let data = self.letters.depths().await?;

        Ok(Reply::ok(&Depths { data }))
    }
}
