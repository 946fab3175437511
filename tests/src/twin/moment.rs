//! Times in outputs: `postalias` stores the second in which it ran, and the two sides do not run in
//! the same one.

use std::time::{SystemTime, UNIX_EPOCH};

/// How long ago a test may have stored the present second.
const RECENT: u64 = 600;

/// Replaces each number of ten digits that is a time of the last ten minutes, in seconds since the
/// epoch, by `<now>`.
pub(super) fn forget(bytes: &[u8]) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let mut out = Vec::with_capacity(bytes.len());
    for run in bytes.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
        let number = str::from_utf8(run).ok().filter(|run| run.len() == 10);
        let recent = |time: &u64| (now - RECENT..=now).contains(time);
        match number.and_then(|run| run.parse().ok()).filter(recent) {
            Some(_) => out.extend_from_slice(b"<now>"),
            None => out.extend_from_slice(run),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_present_is_forgotten() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let line = |time: u64| format!("a {time}\n").into_bytes();
        assert_eq!(forget(&line(now.as_secs())), b"a <now>\n");
        for other in [now.as_secs() - 2 * RECENT, now.as_secs() + RECENT, 12] {
            assert_eq!(forget(&line(other)), line(other));
        }
    }
}
