//! GET /v1/health: says that the API answers, and in which version.

use carillon_harness::{Failure, PublicFunction, RawRequest, Reply, Setup, SetupError};
use serde::Serialize;

/// Answers probes; it asks nothing of other parts, so that a probe's failure means that the API itself does not answer.
#[derive(Debug)]
pub struct Health;

#[derive(Serialize)]
struct Healthy {
    status: &'static str,
    version: &'static str,
}

impl PublicFunction for Health {
    const NAME: &'static str = "health";
    const REASON: &'static str = "probes have no key, and the answer tells nothing of anybody";

    fn build(_: &Setup) -> Result<Self, SetupError> {
        Ok(Self)
    }

    async fn handle(&self, _: RawRequest) -> Result<Reply, Failure> {
        Ok(Reply::ok(&Healthy { status: "ok", version: env!("CARGO_PKG_VERSION") }))
    }
}
