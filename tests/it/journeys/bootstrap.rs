//! The first organization of a platform, which an operator makes past all routes.

use carillon_xtask::bootstrap::first_key;

use super::journey_here;

/// What `infra/README.md` tells operators to put into the environment; the endpoint is where the local platform's table stands.
const TOLD: [&str; 7] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "CREDENTIAL_KEY",
    "ENTITIES_TABLE",
];

#[test]
fn the_operators_first_key_is_made_with_nothing_but_the_table_and_the_key_of_hashes() {
    journey_here(async |world| {
        let whole = world.stage.platform.setup_of("organizations-create").unwrap();
        let told = TOLD.iter().filter_map(|name| Some(((*name).to_owned(), whole.find(name)?)));
        let setup = whole.with_settings(told.collect());

        let key = first_key(&setup, "Head office").await.unwrap();

        let operator = world.api.with_key(key.expose());
        assert_eq!(operator.get("/v1/organization").await.expect(200)["name"], "Head office");
        assert_eq!(operator.get("/v1/operator/organizations").await.status, 200);
        assert_eq!(first_key(&setup, "").await.unwrap_err().code, "organizations.name");
        assert_eq!(world.api.get("/v1/operator/organizations").await.code(), "caller.may_not", "others' keys do not operate");
    });
}
