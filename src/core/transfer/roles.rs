//! In what capacity somebody holds data that was handed on to him: it follows from what carried it.

use super::{FlowVerdict, Outcome};
use crate::core::{
    ids::PartyName,
    safeguard::{Clauses, Instrument, Module},
    snapshot::Snapshot,
    store::Role,
};

/// The capacities in which a party may hold data. Where an instrument does not say it, both are possible.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Roles {
    controller: bool,
    /// For this controller.
    processor: Option<PartyName>,
}

impl Roles {
    /// This one, and no other.
    pub(super) fn exactly(role: &Role) -> Self {
        match role {
            Role::Controller => Self { controller: true, processor: None },
            Role::Processor(controller) => Self { controller: false, processor: Some(controller.clone()) },
        }
    }

    /// Each of them.
    pub(super) fn each(&self) -> impl Iterator<Item = Role> {
        let controller = self.controller.then_some(Role::Controller);
        controller.into_iter().chain(self.processor.clone().map(Role::Processor))
    }

    /// What the importer is after this hop, whose exporter exported as `role`.
    pub(super) fn after(snapshot: &Snapshot, hop: &FlowVerdict, role: &Role) -> Self {
        let (exporter, importer) = (&hop.flow.exporter, hop.flow.importer.as_ref());
        if importer == Some(exporter) {
            return Self::exactly(role);
        }
        let controller = match role {
            Role::Controller => exporter,
            Role::Processor(controller) => controller,
        };
        let clauses = importer.and_then(|importer| {
            let Outcome::Carried { by, .. } = &hop.outcome else { return None };
            let safeguard = snapshot.safeguards.get(by.strip_prefix("safeguard/")?)?;
            let Instrument::Clauses(clauses) = &safeguard.instrument else { return None };
            Some((clauses, importer))
        });
        match clauses {
            Some((clauses, importer)) => Self::by_clauses(clauses, role, exporter, importer, controller),
            None => Self { controller: true, processor: Some(controller.clone()) },
        }
    }

    fn by_clauses(
        clauses: &Clauses,
        role: &Role,
        exporter: &PartyName,
        importer: &PartyName,
        controller: &PartyName,
    ) -> Self {
        let mut roles = Self::default();
        for parties in &clauses.parties {
            if !parties.exporters.contains(exporter) || !parties.importers.contains(importer) {
                continue;
            }
            match (parties.module, role) {
                (Module::ControllerToController, Role::Controller)
                | (Module::ProcessorToController, Role::Processor(_)) => roles.controller = true,
                (Module::ControllerToProcessor, Role::Controller)
                | (Module::ProcessorToProcessor, Role::Processor(_)) => {
                    roles.processor = Some(controller.clone());
                }
                (Module::ControllerToController | Module::ControllerToProcessor, Role::Processor(_))
                | (Module::ProcessorToProcessor | Module::ProcessorToController, Role::Controller) => {}
            }
        }
        roles
    }
}
