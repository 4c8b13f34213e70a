//! Ctrl-C and a service manager's stop: a run ends after the step that is under way; a second time it ends at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether the run was asked to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    told: Arc<AtomicBool>,
    hung_up: Arc<AtomicBool>,
}

impl Stop {
    /// Listens from now on.
    pub(crate) fn listen(&self) -> io::Result<()> {
        for signal in [SIGINT, SIGTERM] {
            // First the question whether it is the second time, then the note that it was the first.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&self.told))?;
            flag::register(signal, Arc::clone(&self.told))?;
        }
        // Whoever said `nohup` wants it to go on.
        if !is_ignored(SIGHUP) {
            flag::register(SIGHUP, Arc::clone(&self.hung_up))?;
        }
        Ok(())
    }

    /// Whether somebody asked for it, not only the terminal's end.
    pub(crate) fn told(&self) -> bool {
        self.told.load(Ordering::SeqCst)
    }

    /// Whether a signal came.
    pub(crate) fn asked(&self) -> bool {
        self.told() || self.hung_up.load(Ordering::SeqCst)
    }
}

/// Whether this process was started with a signal ignored.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
