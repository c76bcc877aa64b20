//! Consumers that are dropped at every one of their awaits, wherever their call is then.

use super::stage::Stage;
use super::{NUMBERS, READERS, Readers, run, text_campaign};

/// A mail campaign whose consumer is dropped at every one of its awaits in turn, wherever its call is then.
async fn a_mail_campaign_survives_drops(function: &str, seed: u64) {
    let stage = Stage::build(seed).await;
    let readers = Readers::of(&stage).await;
    let mut count = 1;
    loop {
        let case = readers.campaign().await;
        let message = stage.until_message_for(function).await;
        let was_dropped = stage.drop_at_await(&message, count).await;
        stage.queues.put_back(message.clone(), 3);
        stage.queues.put_back(message, 0);
        case.everybody_got_it_once(&stage, READERS.len()).await;
        if !was_dropped {
            break;
        }
        count += 1;
    }
    assert!(count > 1, "nothing was ever dropped");
    eprintln!("{function}: {} awaits", count - 1);
}

#[test]
fn expanding_an_audience_survives_being_dropped_at_every_await() {
    run(a_mail_campaign_survives_drops("sending-expand-audience", 21));
}

#[test]
fn releasing_work_survives_being_dropped_at_every_await() {
    run(a_mail_campaign_survives_drops("sending-release-work", 22));
}

#[test]
fn delivering_mail_survives_being_dropped_at_every_await() {
    run(a_mail_campaign_survives_drops("sending-deliver-email", 23));
}

#[test]
fn folding_figures_survives_being_dropped_at_every_await() {
    run(a_mail_campaign_survives_drops("sending-fold-figures", 24));
}

#[test]
fn finishing_a_campaign_survives_being_dropped_at_every_await() {
    run(a_mail_campaign_survives_drops("campaigns-finish", 25));
}

#[test]
fn folding_events_survives_being_dropped_at_every_await() {
    run(a_mail_campaign_survives_drops("feedback-fold-ses-events", 26));
}

#[test]
fn delivering_texts_survives_being_dropped_at_every_await() {
    run(async {
        let stage = Stage::build(28).await;
        let mut count = 1;
        loop {
            let case = text_campaign(&stage, count).await;
            let message = stage.until_message_for("sending-deliver-sms").await;
            let was_dropped = stage.drop_at_await(&message, count).await;
            stage.queues.put_back(message.clone(), 0);
            stage.queues.put_back(message, 3);
            case.nobody_got_it_twice(&stage, NUMBERS.len()).await;
            if !was_dropped {
                break;
            }
            count += 1;
        }
        assert!(count > 1, "nothing was ever dropped");
    });
}
