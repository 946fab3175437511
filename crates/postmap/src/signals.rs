//! Signals are held back while a table is being written (postmap specification, section 4).

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

/// Holds all signals back, as Postfix does, until [`deliver`](Self::deliver): an interrupted
/// program would leave a temporary file beside the table.
///
/// The mask is this thread's, and that of all threads that it starts while it holds. To be used
/// once the table's lock is held: whoever waits for that can still be interrupted. Where a table
/// fails, nothing is delivered any more: the program says so, and ends.
#[derive(Debug)]
#[must_use = "signals would be held back for ever"]
pub struct HeldBack {
    /// What was held back before.
    before: Option<SigSet>,
}

impl HeldBack {
    /// Begins to hold signals back.
    pub fn begin() -> Self {
        // Where that cannot be done, signals act at once.
        HeldBack { before: SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK).ok() }
    }

    /// Lets those act that have come since, each as it would have: one that is ignored stays so.
    pub fn deliver(self) {
        if let Some(before) = self.before {
            let _ = before.thread_set_mask();
        }
    }
}

/// Makes a write beyond the limit of file sizes an error like others, instead of the program's end.
///
/// To be called before any thread is started.
pub fn survive_file_size_limit() {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGXFSZ);
    let _ = signals.thread_block();
}

/// Ends the program as a program ends that has not asked to hear of readers that go away.
pub fn die_of_broken_pipe() {
    let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGPIPE);
}
