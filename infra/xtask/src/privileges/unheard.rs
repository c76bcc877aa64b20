//! What functions need and no test lets them use.

/// An action that is granted and that no test reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unheard {
    /// The function.
    pub function: &'static str,
    /// The action.
    pub action: &'static str,
    /// The resource, by the parameter that brings its ARN.
    pub resource: &'static str,
    /// The pattern of keys; none is every pattern that the statement names.
    pub key: Option<&'static str>,
    /// When the function uses it.
    pub why: &'static str,
}

/// All of them; an entry that is not needed any more is a finding of its own.
pub const UNHEARD: &[Unheard] = &[
    Unheard {
        function: "identity-export-user",
        action: "s3:DeleteObject",
        resource: "BucketArn/exports/users/*",
        key: None,
        why: "the account is erased between the file and the record that it is there",
    },
    Unheard {
        function: "identity-export-trail",
        action: "sqs:SendMessage",
        resource: "TrailExportsQueueArn",
        key: None,
        why: "an export has more than one file of eight megabytes, and the invocation's time is over between two of them",
    },
    Unheard {
        function: "sending-deliver-message",
        action: "dynamodb:GetItem",
        resource: "LedgerTableArn",
        key: Some("org_*"),
        why: "another delivery of the same message claims or settles it at the same moment",
    },
];
