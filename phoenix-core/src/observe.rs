//! What a run tells while it is under way, and how it is asked to stop.

/// One thing that happened during a run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A step of the plan began.
    Started {
        /// The step's id, as the plan prints it.
        step: String,
        /// What it does, in words.
        title: String,
    },
    /// A step ended.
    Finished {
        /// The step's id.
        step: String,
        /// Whether it did what it was to do.
        ok: bool,
        /// What it saw or did, in words; empty when there is nothing to add.
        detail: String,
    },
    /// Something worth knowing that is no step's result.
    Note(String),
}

/// Receives a run's events, and is asked between steps whether to go on.
///
/// Called on the thread that called the library, never concurrently.
pub trait Observer {
    /// Takes note of one event.
    fn event(&self, event: &Event);

    /// Whether the run should end before its next step. Default: never.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Hears nothing and never cancels.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: &Event) {}
}
