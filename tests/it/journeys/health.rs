//! What runs.

use serde_json::json;

use super::journey;

#[test]
fn anybody_can_see_that_the_api_answers_and_which_release_it_is() {
    journey(async |world| {
        let nobody = world.api.as_nobody();

        let health = nobody.get("/v1/health").await;

        assert_eq!(health.expect(200), json!({ "status": "ok", "release": "local" }));
    });
}
