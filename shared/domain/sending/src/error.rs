use carillon_dynamo::StoreError;
use carillon_kernel::{Fault, Kind, Problem};

/// What can go wrong in the sending domain.
#[derive(Debug, thiserror::Error)]
pub enum SendingError {
    /// There is no such run, plan, sender or message in the organization.
    #[error("there is no such {0}")]
    Absent(&'static str),
    /// Another worker changed the state first.
    #[error("another worker was faster")]
    Overtaken,
    /// A request that breaks rules.
    #[error("the request breaks rules")]
    Invalid(Vec<Problem>),
    /// A stored thing cannot be read.
    #[error("a stored {0} cannot be read")]
    Corrupt(&'static str, #[source] serde_json::Error),
    /// The definition of a single message cannot be written.
    #[error("the definition cannot be written")]
    Definition(#[source] serde_json::Error),
    /// The table.
    #[error("the ledger's table failed")]
    Store(#[from] StoreError),
}

impl Fault for SendingError {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent(_) => Kind::Absent,
            Self::Overtaken => Kind::Unavailable,
            Self::Invalid(_) => Kind::Invalid,
            Self::Corrupt(..) | Self::Definition(_) => Kind::Internal,
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Absent(_) => "sending.absent",
            Self::Overtaken => "sending.overtaken",
            Self::Invalid(_) => "request.invalid",
            Self::Corrupt(..) => "sending.corrupt",
            Self::Definition(_) => "messages.definition",
            Self::Store(error) => error.code(),
        }
    }

    fn problems(&self) -> Vec<Problem> {
        match self {
            Self::Invalid(problems) => problems.clone(),
            _ => Vec::new(),
        }
    }
}
