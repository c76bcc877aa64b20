//! What it means that a call failed: whether Twilio surely did nothing, or may have done it.

use carillon_kernel::{Fault, Kind};

/// The failure of a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// Nothing was sent: Twilio refused, or was never reached.
    #[error("Twilio refuses the message: {code}")]
    Refused {
        /// Twilio's error code, or `connection_failed`, or `http_` and a status.
        code: String,
        /// Whether the same call may succeed later, without a change of it.
        retryable: bool,
    },
    /// Nothing was sent: the recipient has told Twilio to stop (error 21610).
    #[error("the recipient opted out")]
    OptedOut,
    /// Nothing was sent: too much in a short time.
    #[error("Twilio is asked too often")]
    Throttled,
    /// The message may have been taken: it must not be sent again blindly.
    #[error("nobody knows whether Twilio took the message: {cause}")]
    InDoubt {
        /// Why nobody knows.
        cause: &'static str,
    },
}

impl Fault for CallFailure {
    fn kind(&self) -> Kind {
        match self {
            Self::Refused { retryable: false, .. } => Kind::Internal,
            Self::OptedOut => Kind::Conflict,
            Self::Throttled => Kind::Limited,
            Self::Refused { .. } | Self::InDoubt { .. } => Kind::Unavailable,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "twilio.refused",
            Self::OptedOut => "twilio.opted_out",
            Self::Throttled => "twilio.throttled",
            Self::InDoubt { .. } => "twilio.in_doubt",
        }
    }
}

impl CallFailure {
    /// Judges an error of the HTTP client: only one that came before there was a connection proves that nothing was sent.
    pub(crate) fn of_transport(error: &reqwest::Error) -> Self {
        if error.is_connect() {
            Self::Refused { code: "connection_failed".to_owned(), retryable: true }
        } else if error.is_builder() {
            Self::Refused { code: "request_unbuildable".to_owned(), retryable: false }
        } else if error.is_timeout() {
            Self::InDoubt { cause: "time-out" }
        } else {
            Self::InDoubt { cause: "broken connection" }
        }
    }

    /// Judges an answer that is no success by its status and Twilio's error code, if the body has one.
    ///
    /// | code | meaning | judged |
    /// | --- | --- | --- |
    /// | 21610 | the recipient opted out | opted out |
    /// | 20429, 14107, 63017, and any status 429 | too many requests, rate of messages | throttled |
    /// | 21611, 30001 | the sender's queue is full | throttled |
    /// | 63038 | the account's messages of 24 hours | refused, may pass |
    /// | 20003, 20005, 20006, 30002 | credentials, account not active, access, account suspended | refused, may pass when it is mended |
    /// | any other with a status 4xx: 21211, 21212, 21408, 21602 to 21617, 21703, … | the number, the sender or the text | refused for good |
    /// | any status 5xx | | in doubt |
    ///
    /// Source: <https://www.twilio.com/docs/api/errors>, <https://www.twilio.com/docs/usage/rest-api-best-practices>.
    pub(crate) fn of_answer(status: u16, code: Option<u32>) -> Self {
        match (status, code) {
            (500.., _) => Self::InDoubt { cause: "server error" },
            (408, _) => Self::InDoubt { cause: "time-out of the server" },
            (_, Some(21_610)) => Self::OptedOut,
            (429, _) | (_, Some(20_429 | 14_107 | 63_017 | 21_611 | 30_001)) => Self::Throttled,
            (_, Some(code)) => Self::Refused { code: code.to_string(), retryable: is_passing(code) },
            (_, None) => Self::Refused { code: format!("http_{status}"), retryable: matches!(status, 401 | 403) },
        }
    }
}

/// Tells whether a refusal lies in something that passes or that an operator mends, not in the message.
const fn is_passing(code: u32) -> bool {
    matches!(code, 20_003 | 20_005 | 20_006 | 30_002 | 63_038)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_the_message_is_refused_for_good() {
        for code in [21_211, 21_212, 21_408, 21_602, 21_606, 21_612, 21_614, 21_617, 21_703] {
            assert_eq!(CallFailure::of_answer(400, Some(code)), CallFailure::Refused { code: code.to_string(), retryable: false });
        }
    }

    #[test]
    fn what_lies_in_the_account_may_pass() {
        assert_eq!(CallFailure::of_answer(401, Some(20_003)), CallFailure::Refused { code: "20003".to_owned(), retryable: true });
        assert_eq!(CallFailure::of_answer(400, Some(63_038)), CallFailure::Refused { code: "63038".to_owned(), retryable: true });
    }

    #[test]
    fn a_throttle_is_known_by_its_code_and_by_its_status() {
        assert_eq!(CallFailure::of_answer(429, Some(20_429)), CallFailure::Throttled);
        assert_eq!(CallFailure::of_answer(429, None), CallFailure::Throttled);
        assert_eq!(CallFailure::of_answer(400, Some(21_611)), CallFailure::Throttled);
    }

    #[test]
    fn an_opt_out_is_told_apart_and_a_broken_server_leaves_doubt() {
        assert_eq!(CallFailure::of_answer(400, Some(21_610)), CallFailure::OptedOut);
        assert_eq!(CallFailure::of_answer(503, Some(20_503)), CallFailure::InDoubt { cause: "server error" });
    }
}
