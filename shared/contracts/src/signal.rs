//! What the harness notices about the use of credentials, and leaves for identity to judge and to tell.

use std::net::IpAddr;

use carillon_kernel::secret::sha256_hex;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ApiKeyId, OrganizationId};

/// Over how many partitions the signals spread.
pub const SIGNAL_SHARDS: u8 = 4;

/// Something that was noticed; it lies in the table of entities until the schedule takes it.
///
/// | access pattern | key |
/// | --- | --- |
/// | the signals of a shard, oldest first | `SIGNALS#{shard}` · `{hour}#{hash}` |
///
/// The same of the same hour has the same key, so that it may be put as often as it is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecuritySignal {
    /// The organization.
    pub organization: OrganizationId,
    /// What.
    pub signal: Signal,
    /// When.
    pub at: Timestamp,
    /// From which address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// With which program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// What was noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// An API key was used from a network that it was not used from before.
    ApiKeyNewNetwork {
        /// The key.
        key: ApiKeyId,
        /// The network, as [`network_of`] writes it.
        network: String,
    },
}

impl SecuritySignal {
    /// The partition in which the signal is put.
    #[must_use]
    pub fn partition(&self) -> String {
        let shard = u8::from_str_radix(self.hash().get(..2).unwrap_or_default(), 16).unwrap_or_default() % SIGNAL_SHARDS;
        Self::shard(shard)
    }

    /// The partition of a shard.
    #[must_use]
    pub fn shard(shard: u8) -> String {
        format!("SIGNALS#{shard}")
    }

    /// The sort key of the signal.
    #[must_use]
    pub fn sort(&self) -> String {
        format!("{}#{}", self.at.strftime("%Y-%m-%dT%H"), self.hash())
    }

    fn hash(&self) -> String {
        let what = serde_json::to_string(&(&self.organization, &self.signal)).unwrap_or_default();
        sha256_hex(what.as_bytes()).get(..32).unwrap_or_default().to_owned()
    }
}

/// Gives the network of an address, as far as one user or office has it: /24 of IPv4, /48 of IPv6.
#[must_use]
pub fn network_of(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn signal(second: i64, network: &str) -> SecuritySignal {
        SecuritySignal {
            organization: OrganizationId::from_bytes([1; 16]),
            signal: Signal::ApiKeyNewNetwork { key: ApiKeyId::from_bytes([2; 16]), network: network.to_owned() },
            at: Timestamp::from_second(second).unwrap(),
            ip: None,
            user_agent: None,
        }
    }

    #[test]
    fn addresses_of_a_network_have_its_name() {
        assert_eq!(network_of("192.0.2.77".parse().unwrap()), "192.0.2.0/24");
        assert_eq!(network_of("::ffff:192.0.2.77".parse().unwrap()), "192.0.2.0/24");
        assert_eq!(network_of("2001:db8:1:2::3".parse().unwrap()), "2001:db8:1::/48");
    }

    #[test]
    fn the_same_of_the_same_hour_has_the_same_place() {
        let place = |signal: SecuritySignal| (signal.partition(), signal.sort());

        assert_eq!(place(signal(0, "192.0.2.0/24")), place(signal(3599, "192.0.2.0/24")));
        assert_ne!(place(signal(0, "192.0.2.0/24")), place(signal(3600, "192.0.2.0/24")));
        assert_ne!(place(signal(0, "192.0.2.0/24")), place(signal(0, "198.51.100.0/24")));
    }
}
