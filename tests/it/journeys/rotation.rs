//! Rotation of the key that wraps secrets: a new one comes, everything moves under it, the old one goes, and nobody notices.

use std::path::Path;
use std::sync::Arc;

use carillon_kernel::IdSource;
use carillon_local::platform::keys::draw_vault;
use carillon_testkit::{Api, Device, Login, Person, Stopped, stop_at};
use serde_json::json;

use super::{Stage, config, places, run};

/// A platform in a folder whose keys the journey writes.
async fn started(folder: &Path, keys: &[&str]) -> Arc<Stage> {
    carillon_local::platform::write_private(&folder.join("vault-keys"), keys.join("\n").as_bytes()).unwrap();
    Stage::start(config(folder), None).await
}

async fn stopped(stage: Arc<Stage>) {
    Arc::try_unwrap(stage).map_err(drop).unwrap().platform.stop().await;
}

/// Logs in with a code of the device, which needs the sealed seed.
async fn log_in(stage: &Stage, person: &Person, device: &Device) -> (Api, Login) {
    let api = Api::new(stage.platform.url(), "");
    let demand = api.log_in(person).await.expect(200);
    let code = device.code(stage.clock.clock().now());
    let login = Login::of(&api, api.prove_login(&demand, json!({ "code": code })).await);
    (api, login)
}

/// How many secrets are wrapped by a key.
async fn wrapped_by(stage: &Stage, key: &str) -> (usize, usize) {
    let places = places::all(&stage.platform).await;
    let sealed = places.iter().filter(|place| place.holds(&format!("v1.{key}."))).count();
    let listed = places.iter().filter(|place| place.holds(&format!("SEALED#{key}#"))).count();
    (sealed, listed)
}

/// Runs turns of the rotation, each dropped one await later, until one ends; gives their number.
async fn turns_that_die(stage: &Stage) -> u32 {
    let rotation = stage.platform.functions().find("identity-rewrap-secrets").unwrap();
    let mut count = 1;
    while stop_at(count, rotation.call(json!({}), format!("turn-{count}"))).await == Stopped::Dropped {
        count += 1;
    }
    count
}

#[test]
fn a_new_key_takes_over_the_secrets_of_an_old_one_while_people_log_in() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let key = |seed, name: &str| draw_vault(&IdSource::seeded(seed)).replace("local:", &format!("{name}:"));
        let (old, new) = (key(1, "old"), key(2, "new"));
        let stage = started(folder.path(), &[&old]).await;
        let world = stage.organization("Bells").await;
        let (person, owner) = world.owner("ada").await;
        let device = owner.enrol_device(world.now()).await;
        assert_eq!(wrapped_by(&stage, "old").await, (1, 1));
        drop(world);
        stopped(stage).await;

        let stage = started(folder.path(), &[&new, &old]).await;
        let _ = log_in(&stage, &person, &device).await;
        assert!(turns_that_die(&stage).await > 1, "nothing was ever dropped");
        assert_eq!((wrapped_by(&stage, "old").await, wrapped_by(&stage, "new").await), ((0, 0), (1, 1)));
        stage.platform.run_schedule("identity-rewrap-secrets").await.unwrap();
        assert_eq!(wrapped_by(&stage, "new").await, (1, 1), "a second turn finds nothing to do");
        stopped(stage).await;

        let stage = started(folder.path(), &[&new]).await;
        let (_, login) = log_in(&stage, &person, &device).await;
        assert_eq!(login.user, owner.user, "the old key is gone");
        stopped(stage).await;
    });
}
