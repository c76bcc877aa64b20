//! GET /v1/health: says that the API answers, and which release it runs.

use carillon_harness::{Failure, PublicFunction, RawRequest, Reply, Setup, SetupError};
use serde::Serialize;

/// Answers probes; it asks nothing of other parts, so that a probe's failure means that the API itself does not answer.
#[derive(Debug)]
pub struct Health {
    release: String,
}

#[derive(Serialize)]
struct Healthy<'r> {
    status: &'static str,
    release: &'r str,
}

impl PublicFunction for Health {
    const NAME: &'static str = "health";
    const REASON: &'static str = "probes have no key, and the answer tells nothing of anybody";

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { release: setup.text("RELEASE")? })
    }

    async fn handle(&self, _: RawRequest) -> Result<Reply, Failure> {
        Ok(Reply::ok(&Healthy { status: "ok", release: &self.release }))
    }
}
