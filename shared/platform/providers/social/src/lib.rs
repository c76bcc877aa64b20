//! Logins by Google (OpenID Connect) and Facebook (OAuth): where to send the browser, and whom a code that came back stands for.
//!
//! Each call is made once. Nothing of a provider's answer is trusted before it is verified: Google's ID token by its signature and
//! claims, Facebook's access token by asking Facebook whom and which app it was made for.
//!
//! Reading order: [`providers`], [`failure`], `google`, `google::id_token`, `facebook`, `http`.

pub mod failure;
pub mod providers;

mod facebook;
mod google;
mod http;

pub use failure::SocialError;
pub use providers::{Attempt, Providers};
#[cfg(test)]
mod testing;
