//! Messages that never come.

use super::stage::Stage;
use super::{READERS, Readers, run};

/// A mail campaign of which a message never comes.
async fn a_mail_campaign_survives_the_loss(function: &str, seed: u64) {
    let stage = Stage::build(seed).await;
    let readers = Readers::of(&stage).await;
    let case = readers.campaign().await;
    let _lost = stage.until_message_for(function).await;
    case.everybody_got_it_once(&stage, READERS.len()).await;
}

#[test]
fn a_lost_request_to_expand_an_audience_is_made_good() {
    run(a_mail_campaign_survives_the_loss("sending-expand-audience", 31));
}

#[test]
fn a_lost_request_to_release_work_is_made_good() {
    run(a_mail_campaign_survives_the_loss("sending-release-work", 32));
}

#[test]
fn a_lost_request_to_deliver_is_made_good() {
    run(a_mail_campaign_survives_the_loss("sending-deliver-email", 33));
}

#[test]
fn a_lost_request_to_sum_up_is_made_good() {
    run(a_mail_campaign_survives_the_loss("sending-fold-figures", 34));
}

#[test]
fn a_lost_request_to_finish_is_made_good() {
    run(a_mail_campaign_survives_the_loss("campaigns-finish", 35));
}
