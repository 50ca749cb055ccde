//! Ctrl-C and SIGTERM while contacts are imported: the first lets what is under way end, the second ends the process.

use indicatif::ProgressBar;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code of a process that a second signal ended, as after SIGINT in a shell.
const AT_ONCE: i32 = 130;

/// Listens from now on; what it gives is cancelled by the first signal. `bar` makes room for what is said.
///
/// # Errors
/// When the system refuses the handlers.
pub(super) fn listen(bar: ProgressBar) -> std::io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let asked = CancellationToken::new();
    let stop = asked.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stop.is_cancelled() {
                std::process::exit(AT_ONCE);
            }
            bar.suspend(|| eprintln!("pisteur: stopping after the contacts under way; once more stops at once"));
            stop.cancel();
        }
    });
    Ok(asked)
}
