//! Signals that would end the program are put off while a table is being written (postmap specification, section 4).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::{flag, low_level};

/// The signals by which programs are told to end; they do nothing any more until [`deliver`](Self::deliver).
///
/// An interrupted program leaves the old table in any case; but a temporary file beside it, too.
#[derive(Debug)]
pub struct PutOff(Vec<(i32, Arc<AtomicBool>)>);

impl PutOff {
    /// Begins to put signals off.
    pub fn begin() -> Self {
        let signals = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
        PutOff(
            signals
                .map(|signal| {
                    let caught = Arc::new(AtomicBool::new(false));
                    // Where that cannot be done, the signal ends the program as ever.
                    let _ = flag::register(signal, Arc::clone(&caught));
                    (signal, caught)
                })
                .into(),
        )
    }

    /// Lets a signal that has come since take effect.
    pub fn deliver(&self) {
        for (signal, caught) in &self.0 {
            if caught.load(Ordering::Relaxed) {
                let _ = low_level::emulate_default_handler(*signal);
            }
        }
    }
}
