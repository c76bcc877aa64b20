//! GET /v1/operator/dead-letters/{queue}: shows dead letters of a queue: why they were given up, and what they are about.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Input, Nothing, Problem, Reply, Setup, SetupError};
use carillon_operations::DeadLetters;
use serde::Deserialize;

/// How many letters are shown where the request does not say.
const USUAL: u8 = 50;
/// The most letters of one answer: each ten of them are a request to SQS.
const MOST: u8 = 100;

/// Shows dead letters, never what they say.
#[derive(Debug)]
pub struct DeadLettersGet {
    letters: DeadLetters,
}

/// How many letters to show. A second look may show others, and for a moment nobody else sees those that are looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LettersQuery {
    limit: Option<u8>,
}

impl Input for LettersQuery {
    fn problems(&self) -> Vec<Problem> {
        let is_out_of_range = self.limit.is_some_and(|limit| !(1..=MOST).contains(&limit));
        let problem = || Problem::new("?limit", "request.limit", "the limit must be 1 to 100");
        is_out_of_range.then(problem).into_iter().collect()
    }
}

impl HttpFunction for DeadLettersGet {
    const NAME: &'static str = "dead-letters-get";
    const PERMISSION: Permission = Permission::PlatformOperate;
    type Query = LettersQuery;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { letters: DeadLetters::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<LettersQuery, Nothing>) -> Result<Reply, Failure> {
        let limit = usize::from(call.query.limit.unwrap_or(USUAL));

        let look = self.letters.look(call.path("queue")?, limit).await?;

        Ok(Reply::ok(&look))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_shows_up_to_a_hundred_letters() {
        let problems = |limit| LettersQuery { limit }.problems().len();

        assert_eq!([None, Some(1), Some(100)].map(problems), [0, 0, 0]);
        assert_eq!([Some(0), Some(101)].map(problems), [1, 1]);
    }
}
