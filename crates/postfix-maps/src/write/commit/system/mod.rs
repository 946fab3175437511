//! What only some systems have, behind one door: elsewhere each function says that it cannot be done,
//! and its callers go another way.

#[cfg(target_os = "linux")]
mod lease;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
pub(super) use self::lease::Lease;
#[cfg(target_os = "linux")]
pub(super) use self::linux::{exchange, link, nameless, names_stay, reserve};
#[cfg(not(target_os = "linux"))]
pub(super) use self::other::{Lease, exchange, link, nameless, names_stay, reserve};
