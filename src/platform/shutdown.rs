//! Shutdown: SIGTERM and SIGINT end every part in order; said a second time, at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::PlatformError;

/// The status of a process that was told twice to end: that of one killed by SIGTERM.
const TOLD_TWICE: i32 = 128 + 15;

/// A token that the first SIGTERM or SIGINT cancels; a second one ends the process.
pub fn on_signal() -> Result<CancellationToken, PlatformError> {
    let token = CancellationToken::new();
    let mut term = signal(SignalKind::terminate()).map_err(PlatformError::Signals)?;
    let mut int = signal(SignalKind::interrupt()).map_err(PlatformError::Signals)?;
    let cancelled = token.clone();
    tokio::spawn(async move {
        let name = either(&mut term, &mut int).await;
        tracing::info!("{name}: ending");
        cancelled.cancel();
        let name = either(&mut term, &mut int).await;
        tracing::warn!("{name} again: ending at once");
        std::process::exit(TOLD_TWICE);
    });
    Ok(token)
}

async fn either(term: &mut Signal, int: &mut Signal) -> &'static str {
    tokio::select! {
        _ = term.recv() => "SIGTERM",
        _ = int.recv() => "SIGINT",
    }
}
