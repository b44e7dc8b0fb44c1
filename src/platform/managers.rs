//! Field managers: who wrote which field, one for each controller.

/// The field manager of `controller`.
pub fn manager(controller: &str) -> String {
    format!("carnet/{controller}")
}
