//! What SES says of one entry of a bulk call.

use aws_sdk_sesv2::types::{BulkEmailEntryResult, BulkEmailStatus};

/// What became of one entry. Codes are SES's own words.
///
/// | status of SES | outcome | the entry |
/// | --- | --- | --- |
/// | `SUCCESS` | [`Accepted`](Self::Accepted) | is sent |
/// | `ACCOUNT_THROTTLED` | [`Throttled`](Self::Throttled) | was not sent, may be sent soon |
/// | `ACCOUNT_DAILY_QUOTA_EXCEEDED` | [`QuotaExceeded`](Self::QuotaExceeded) | was not sent, may be sent when the 24 hours have moved on |
/// | `ACCOUNT_SENDING_PAUSED`, `CONFIGURATION_SET_SENDING_PAUSED` | [`Paused`](Self::Paused) | was not sent, may be sent when sending is enabled again |
/// | `TRANSIENT_FAILURE` | [`Transient`](Self::Transient) | was not sent, may be sent soon |
/// | `MESSAGE_REJECTED`, `MAIL_FROM_DOMAIN_NOT_VERIFIED`, `CONFIGURATION_SET_NOT_FOUND`, `TEMPLATE_NOT_FOUND`, `ACCOUNT_SUSPENDED`, `INVALID_SENDING_POOL_NAME`, `INVALID_PARAMETER`, `FAILED` | [`Rejected`](Self::Rejected) | was not sent, and would not be the next time |
/// | any other | [`InDoubt`](Self::InDoubt) | nobody knows |
///
/// Source: <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_BulkEmailEntryResult.html>, whose text writes `…_DOES_NOT_EXIST`
/// where the API's model writes `…_NOT_FOUND`; both are known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryOutcome {
    /// SES took the mail.
    Accepted {
        /// SES's id of the mail.
        message_id: String,
    },
    /// Too many mails in a short time.
    Throttled,
    /// Too many mails in 24 hours.
    QuotaExceeded,
    /// Sending is switched off.
    Paused {
        /// SES's status.
        code: &'static str,
    },
    /// SES had a passing problem.
    Transient,
    /// SES refuses this mail for good.
    Rejected {
        /// SES's status.
        code: &'static str,
    },
    /// SES answers with a status that is not documented.
    InDoubt,
}

impl EntryOutcome {
    pub(crate) fn of(result: BulkEmailEntryResult) -> Self {
        match result.status {
            Some(BulkEmailStatus::Success) => Self::Accepted { message_id: result.message_id.unwrap_or_default() },
            Some(status) => Self::of_failure(status.as_str()),
            None => Self::InDoubt,
        }
    }

    fn of_failure(status: &str) -> Self {
        match status {
            "ACCOUNT_THROTTLED" => Self::Throttled,
            "ACCOUNT_DAILY_QUOTA_EXCEEDED" => Self::QuotaExceeded,
            "ACCOUNT_SENDING_PAUSED" => Self::Paused { code: "ACCOUNT_SENDING_PAUSED" },
            "CONFIGURATION_SET_SENDING_PAUSED" => Self::Paused { code: "CONFIGURATION_SET_SENDING_PAUSED" },
            "TRANSIENT_FAILURE" => Self::Transient,
            "MESSAGE_REJECTED" => Self::Rejected { code: "MESSAGE_REJECTED" },
            "MAIL_FROM_DOMAIN_NOT_VERIFIED" => Self::Rejected { code: "MAIL_FROM_DOMAIN_NOT_VERIFIED" },
            "CONFIGURATION_SET_NOT_FOUND" | "CONFIGURATION_SET_DOES_NOT_EXIST" => Self::Rejected { code: "CONFIGURATION_SET_NOT_FOUND" },
            "TEMPLATE_NOT_FOUND" | "TEMPLATE_DOES_NOT_EXIST" => Self::Rejected { code: "TEMPLATE_NOT_FOUND" },
            "ACCOUNT_SUSPENDED" => Self::Rejected { code: "ACCOUNT_SUSPENDED" },
            "INVALID_SENDING_POOL_NAME" => Self::Rejected { code: "INVALID_SENDING_POOL_NAME" },
            "INVALID_PARAMETER" | "INVALID_PARAMETER_VALUE" => Self::Rejected { code: "INVALID_PARAMETER" },
            "FAILED" => Self::Rejected { code: "FAILED" },
            _ => Self::InDoubt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_the_api_is_known() {
        for status in BulkEmailStatus::values() {
            let result = BulkEmailEntryResult::builder().status(BulkEmailStatus::from(*status)).message_id("id").build();

            assert_ne!(EntryOutcome::of(result), EntryOutcome::InDoubt, "{status}");
        }
    }

    #[test]
    fn only_success_is_acceptance() {
        let accepted = |status: &&&str| {
            let result = BulkEmailEntryResult::builder().status(BulkEmailStatus::from(**status)).message_id("id").build();
            EntryOutcome::of(result) == EntryOutcome::Accepted { message_id: "id".to_owned() }
        };

        assert_eq!(BulkEmailStatus::values().iter().filter(accepted).collect::<Vec<_>>(), [&"SUCCESS"]);
    }

    #[test]
    fn a_status_that_nobody_knows_is_in_doubt() {
        let strange = BulkEmailEntryResult::builder().status(BulkEmailStatus::from("PERHAPS")).build();

        assert_eq!(EntryOutcome::of(strange), EntryOutcome::InDoubt);
        assert_eq!(EntryOutcome::of(BulkEmailEntryResult::builder().build()), EntryOutcome::InDoubt);
    }
}
