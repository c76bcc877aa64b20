//! What it means that a call failed: whether SES surely did nothing, or may have done it.

use std::error::Error;

use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::DispatchFailure;
use carillon_kernel::{Fault, Kind};

/// The failure of a whole call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// Nothing was done: SES refused, or was never reached.
    #[error("SES refuses the call: {code}")]
    Refused {
        /// SES's error code, or `connection_failed`, or `request_unbuildable`.
        code: String,
        /// Whether the same call may succeed later, without a change of it.
        retryable: bool,
    },
    /// Nothing was done: too many calls or mails in a short time.
    #[error("SES is asked too often")]
    Throttled,
    /// The call may have been carried out: it must not be repeated blindly.
    #[error("nobody knows whether SES carried out the call: {cause}")]
    InDoubt {
        /// Why nobody knows.
        cause: &'static str,
    },
}

impl Fault for CallFailure {
    fn kind(&self) -> Kind {
        match self {
            Self::Refused { retryable: false, .. } => Kind::Internal,
            Self::Throttled => Kind::Limited,
            Self::Refused { .. } | Self::InDoubt { .. } => Kind::Unavailable,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "ses.refused",
            Self::Throttled => "ses.throttled",
            Self::InDoubt { .. } => "ses.in_doubt",
        }
    }
}

impl CallFailure {
    pub(crate) fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        match error {
            SdkError::ConstructionFailure(_) => Self::unbuildable(),
            SdkError::DispatchFailure(failure) if was_never_connected(failure) => {
                Self::Refused { code: "connection_failed".to_owned(), retryable: true }
            }
            SdkError::ServiceError(answer) => Self::of_answer(answer.raw().status().as_u16(), answer.err().code().unwrap_or_default()),
            SdkError::TimeoutError(_) => Self::InDoubt { cause: "time-out" },
            SdkError::DispatchFailure(_) => Self::InDoubt { cause: "broken connection" },
            SdkError::ResponseError(_) => Self::InDoubt { cause: "unreadable answer" },
            _ => Self::InDoubt { cause: "unknown failure" },
        }
    }

    pub(crate) fn unbuildable() -> Self {
        Self::Refused { code: "request_unbuildable".to_owned(), retryable: false }
    }

    /// Judges an answer by its status and its code
    /// (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendBulkEmail.html#API_SendBulkEmail_Errors>,
    /// <https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html>).
    fn of_answer(status: u16, code: &str) -> Self {
        match (status, code) {
            (500.., _) => Self::InDoubt { cause: "server error" },
            (408, _) => Self::InDoubt { cause: "time-out of the server" },
            (429, _) | (_, "TooManyRequestsException" | "ThrottlingException" | "Throttling") => Self::Throttled,
            _ => Self::Refused { code: code.to_owned(), retryable: is_passing(code) },
        }
    }
}

/// Tells whether a refusal lies in something that passes or that an operator mends, not in the call.
fn is_passing(code: &str) -> bool {
    matches!(
        code,
        // The account: its quota of 24 hours, and sending that was switched off.
        "LimitExceededException" | "SendingPausedException"
        // Credentials and permissions.
        | "AccessDeniedException" | "ExpiredToken" | "ExpiredTokenException" | "IncompleteSignature" | "InvalidClientTokenId"
        | "InvalidSignatureException" | "MissingAuthenticationToken" | "MissingAuthenticationTokenException" | "OptInRequired"
        | "RequestExpired" | "SignatureDoesNotMatch" | "UnrecognizedClientException"
    )
}

/// Tells whether the HTTP client gave up before it had a connection (refused, no such host, TLS, time-out of connecting).
fn was_never_connected(failure: &DispatchFailure) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = failure.as_connector_error().and_then(Error::source);
    while let Some(error) = cause {
        if error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(hyper_util::client::legacy::Error::is_connect) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explicit_refusal_is_final_unless_it_passes() {
        let refused = |code: &str, retryable| CallFailure::Refused { code: code.to_owned(), retryable };

        for code in [
            "AccountSuspendedException",
            "BadRequestException",
            "MailFromDomainNotVerifiedException",
            "MessageRejected",
            "NotFoundException",
        ] {
            assert_eq!(CallFailure::of_answer(400, code), refused(code, false));
        }
        for code in ["LimitExceededException", "SendingPausedException", "ExpiredTokenException"] {
            assert_eq!(CallFailure::of_answer(400, code), refused(code, true));
        }
    }

    #[test]
    fn a_throttle_is_known_by_its_code_and_by_its_status() {
        assert_eq!(CallFailure::of_answer(429, "TooManyRequestsException"), CallFailure::Throttled);
        assert_eq!(CallFailure::of_answer(400, "ThrottlingException"), CallFailure::Throttled);
        assert_eq!(CallFailure::of_answer(429, ""), CallFailure::Throttled);
    }

    #[test]
    fn an_error_of_the_server_leaves_doubt_whatever_its_code() {
        assert_eq!(CallFailure::of_answer(500, "InternalFailure"), CallFailure::InDoubt { cause: "server error" });
        assert_eq!(CallFailure::of_answer(503, "ThrottlingException"), CallFailure::InDoubt { cause: "server error" });
    }
}
