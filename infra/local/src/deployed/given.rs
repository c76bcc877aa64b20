//! What a deployment to an emulator is given: fresh keys, and the addresses of the stand-ins instead of the providers'.

use std::collections::BTreeMap;

use carillon_kernel::IdSource;
use carillon_standins::StandinsConfig;
use serde::Serialize;

use crate::platform::{BRISK, keys, parameters};

/// What `infra/emulator/deploy.py` takes.
#[derive(Debug, Serialize)]
pub struct Given {
    parameters: BTreeMap<String, String>,
    settings: BTreeMap<String, String>,
    ports: Ports,
}

/// The ports of the process that has the stand-ins.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Ports {
    /// That of the one address: the API, and beside it the pages of the stand-ins.
    pub front: u16,
    /// That of the stand-ins' endpoints.
    pub providers: u16,
}

impl Given {
    /// Draws the keys, and names the addresses.
    #[must_use]
    pub fn draw(ports: Ports, ids: &IdSource) -> Self {
        let at = |port: u16| format!("http://127.0.0.1:{port}");
        let (front, providers) = (at(ports.front), at(ports.providers));
        let mut given = parameters(&StandinsConfig::default(), (&front, &providers));
        given.extend(keys::drawn(ids));
        given.insert("Stage".to_owned(), "emulator".to_owned());
        // The emulator runs the binaries themselves, so they are built for this machine.
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        given.insert("Architecture".to_owned(), architecture.to_owned());
        given.insert("ErasureDelaySeconds".to_owned(), "0".to_owned());
        // The emulator knows vaults and plans, and no selections.
        given.insert("BackupRetentionDays".to_owned(), "0".to_owned());
        let addresses = [("PUBLIC_URL", front.clone()), ("APP_URL", front), ("AWS_ENDPOINT_URL_SESV2", providers.clone())];
        // The emulator starts a process for each function, seconds after the first message on a busy machine: doubt lasts longer there.
        let doubt = [("DOUBT_GIVING_UP_SECONDS", "20".to_owned())];
        let settings = BRISK.iter().map(|(name, value)| (*name, (*value).to_owned())).chain(doubt).chain(addresses);
        let settings = settings.map(|(name, value)| (name.to_owned(), value)).chain(crate::platform::provider_settings(&providers));
        Self { parameters: given, settings: settings.collect(), ports }
    }
}
