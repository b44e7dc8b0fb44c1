//! Shutdown: SIGTERM and SIGINT end every part in order.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::PlatformError;

/// A token that the first SIGTERM or SIGINT cancels.
pub fn on_signal() -> Result<CancellationToken, PlatformError> {
    let token = CancellationToken::new();
    let mut term = signal(SignalKind::terminate()).map_err(PlatformError::Signals)?;
    let mut int = signal(SignalKind::interrupt()).map_err(PlatformError::Signals)?;
    let cancelled = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => tracing::info!("SIGTERM: ending"),
            _ = int.recv() => tracing::info!("SIGINT: ending"),
            () = cancelled.cancelled() => {}
        }
        cancelled.cancel();
    });
    Ok(token)
}
