//! GET /v1/senders: lists the addresses and numbers that messages come from.

use carillon_contracts::Permission;
use carillon_harness::{Call, Failure, HttpFunction, Listing, Nothing, Reply, Setup, SetupError};
use carillon_sending::Senders;

use crate::views::SenderView;

/// The function.
pub struct SendersList {
    senders: Senders,
}

impl HttpFunction for SendersList {
    const NAME: &'static str = "senders-list";
    const PERMISSION: Permission = Permission::SendersRead;
    type Query = Listing;
    type Body = Nothing;

    fn build(setup: &Setup) -> Result<Self, SetupError> {
        Ok(Self { senders: Senders::from_setup(setup)? })
    }

    async fn handle(&self, call: Call<Listing, Nothing>) -> Result<Reply, Failure> {
        let page = self.senders.page(call.organization(), call.query.limit(), call.query.cursor()?).await?;
        Ok(Reply::page(&page.map(SenderView::from)))
    }
}
