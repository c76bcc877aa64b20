//! No key of a table takes more than some hundred writes a second, whatever the size of the campaign.

use carillon_kernel::{Clock, IdSource, Setup};
use carillon_testkit::Wire;

use super::{Stage, config, run};

const RECIPIENTS: usize = 4_000;
/// Half of what one partition of DynamoDB takes
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>: 1,000 write units a second).
const MOST_WRITES_A_SECOND: u64 = 500;
/// The rate that the design is made for, in recipients a second: these are the shares that keys take then.
const DESIGN_RATE: u64 = 10_000;

#[test]
fn a_campaign_writes_to_no_key_more_than_some_hundred_times_a_second() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut metered = config(folder.path());
        let (setup, wire) = (Setup::new(Clock::system(), IdSource::system()), Wire::default());
        wire.put_into(&setup);
        metered.setup = Some(setup);
        let world = Stage::start(metered, Some(folder)).await.organization("Bells").await;
        let list = world.import_subscribers(RECIPIENTS).await;
        let import = wire.writes().busiest_second();
        wire.writes().clear();
        let campaign = world.mail_campaign(list).await;

        world.api.send_campaign(campaign).await;
        let ended = world.until_ended(campaign).await;
        world.until_figure(campaign, "delivered", RECIPIENTS as u64).await;
        world.settle().await;

        assert_eq!(ended["totals"]["sent"], RECIPIENTS);
        let (second, whole) = (wire.writes().busiest_second().unwrap(), wire.writes().busiest_key().unwrap());
        eprintln!("import: {import:?}; busiest second: {second:?}; busiest key of all: {whole:?}");
        assert!(import.unwrap().1 < MOST_WRITES_A_SECOND);
        assert!(second.1 < MOST_WRITES_A_SECOND, "{second:?}");
        assert!(whole.1 * DESIGN_RATE / (RECIPIENTS as u64) < MOST_WRITES_A_SECOND, "{whole:?}");
    });
}
