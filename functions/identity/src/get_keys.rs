//! GET /.well-known/jwks.json: gives the public keys that verify access tokens.

use carillon_harness::{Failure, PublicFunction, RawRequest, Reply, Setup, SetupError};
use carillon_tokens::KeySet;

/// How long others may keep the keys: less than a key is listed before tokens are signed with it.
const KEPT: &str = "public, max-age=300";

/// Gives the public keys.
#[derive(Debug)]
pub struct KeysGet {
    keys: KeySet,
}

impl PublicFunction for KeysGet {
    const NAME: &'static str = "keys-get";
    const REASON: &'static str = "public keys are for everybody who verifies tokens";

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { keys: KeySet::from_setup(setup)? })
    }

    async fn handle(&self, _request: RawRequest) -> Result<Reply, Failure> {
        Ok(Reply::ok(&self.keys).header("cache-control", KEPT))
    }
}
