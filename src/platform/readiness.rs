//! Readiness: every gate must be open.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// All gates of a process.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<String, bool>>>);

/// One gate; closed until it is opened.
#[derive(Clone, Debug)]
pub struct Gate {
    all: Readiness,
    name: String,
}

impl Readiness {
    /// A new gate, closed.
    pub fn gate(&self, name: &str) -> Gate {
        self.set(name, false);
        Gate { all: self.clone(), name: name.into() }
    }

    /// Names of the gates that are still closed.
    pub fn closed(&self) -> Vec<String> {
        let gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gates.iter().filter(|(_, open)| !**open).map(|(name, _)| name.clone()).collect()
    }

    /// Whether every gate is open.
    pub fn is_ready(&self) -> bool {
        self.closed().is_empty()
    }

    fn set(&self, name: &str, open: bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into(), open);
    }
}

impl Gate {
    /// Opens the gate.
    pub fn open(&self) {
        self.all.set(&self.name, true);
    }

    /// Closes the gate again.
    pub fn close(&self) {
        self.all.set(&self.name, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_when_every_gate_is_open() {
        let all = Readiness::default();
        let (a, b) = (all.gate("a"), all.gate("b"));
        a.open();
        assert_eq!(all.closed(), ["b"]);
        b.open();
        assert!(all.is_ready());
        a.close();
        assert!(!all.is_ready());
    }
}
