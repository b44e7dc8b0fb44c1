//! One hop: from an exporter to an importer, in one way.

use std::{borrow::Cow, sync::Arc};

use super::{
    Flow, FlowVerdict, NearMiss, Outcome, Remedy, Way,
    carry::{self, Crossing},
    decide::{Data, Judge},
    near::Blocked,
    roles::Roles,
};
use crate::core::{
    ids::PartyName,
    party::{Onward, OnwardContract},
    store::{Dataset, Place, Role},
};

/// A hop to be judged.
pub(super) struct Hop<'h, 'a> {
    pub(super) exporter: &'a PartyName,
    /// In what capacity the exporter holds the data.
    pub(super) roles: &'h Roles,
    /// None = unknown.
    pub(super) importer: Option<&'a PartyName>,
    pub(super) to: Cow<'h, Place>,
    pub(super) way: Way,
    /// Namespace for which safeguards must be meant.
    pub(super) namespace: &'a str,
    pub(super) contract: Contract<'a>,
}

/// What must bind the importer beside an instrument.
pub(super) enum Contract<'a> {
    /// Nothing: the first hop needs none.
    NotNeeded,
    /// This edge of the exporter's Party.
    Of(&'a Onward),
    /// An edge that is not there.
    Missing,
}

impl<'a> Judge<'a> {
    /// Judges a hop, and gives back in what capacity the exporter exports: where several are possible, the one in which
    /// something carries it.
    pub(super) fn hop(&mut self, data: &Data<'a>, hop: Hop<'_, 'a>) -> Role {
        let (outcome, role) = match self.by_place(data.regime, hop.to.country) {
            Some(outcome) => (outcome, None),
            None => self.crossing(data, &hop),
        };
        let outcome = self.bound(data, &hop, outcome);
        let role = role.or_else(|| hop.roles.each().next()).unwrap_or_else(|| data.dataset.role.clone());
        let Hop { exporter, roles: _, importer, to, way, namespace: _, contract: _ } = hop;
        let flow = Flow {
            store: data.store.key.clone(),
            dataset: data.dataset.name.clone(),
            regime: data.regime.clone(),
            exporter: exporter.clone(),
            importer: importer.cloned(),
            home: data.store.place.clone(),
            place: data.place.clone(),
            way,
            to: to.into_owned(),
        };
        self.flows.push(FlowVerdict { flow, outcome });
        role
    }

    /// In what capacity the importer of the last hop holds the data, whose exporter exported as `role`.
    pub(super) fn roles_after(&self, role: &Role) -> Roles {
        let last = self.flows.last();
        last.map(|f| Roles::after(self.snapshot, f, role)).unwrap_or_default()
    }

    /// What carries it over the border, and the role under which it does.
    fn crossing(&mut self, data: &Data<'a>, hop: &Hop<'_, 'a>) -> (Outcome, Option<Role>) {
        let snapshot = self.snapshot;
        let same_entity = hop.importer == Some(hop.exporter);
        if same_entity && hop.way == Way::Processing && collected_there(data) {
            return (Outcome::CollectedDirectly, None);
        }
        if snapshot.settings.same_entity_reported && same_entity {
            return (Outcome::SameEntity, None);
        }
        // Who runs a workload is known by a Party; any other party that is only named is not known.
        let known = |party: &&PartyName| hop.way == Way::Processing || snapshot.parties.contains_key(*party);
        let importer = hop.importer.filter(known);
        if let Some(importer) = importer {
            self.note_safeguards(importer);
            self.note_control(hop.exporter);
        }
        // Of what is handed on, and of what somebody may look at, nobody knows how often.
        let by_itself = matches!(hop.way, Way::Processing | Way::Host(_));
        let one_off = by_itself && self.workload.is_some_and(|w| w.one_off);
        let keys_held_by = self.keys_held_by(&hop.way);
        let mut first = None;
        for role in hop.roles.each() {
            let dataset = as_held(data.dataset, &role);
            let crossing = importer.map(|importer| Crossing {
                snapshot,
                now: self.now,
                exporter: hop.exporter,
                importer,
                namespace: hop.namespace,
                dataset: &dataset,
                regime: data.regime,
                place: &hop.to,
                keys_held_by,
                one_off,
            });
            if let Some(outcome) = crossing.as_ref().and_then(carried) {
                return (outcome, Some(role));
            }
            if first.is_none() {
                first = Some(self.blocked(data, hop, &dataset, crossing));
            }
        }
        let nothing = || Outcome::Uncovered { near: vec![], remedies: vec![] };
        (first.unwrap_or_else(nothing), None)
    }

    /// Of a copy that is encrypted: who has the keys.
    fn keys_held_by(&self, way: &Way) -> Option<&'a PartyName> {
        let Way::Copy(store, name) = way else { return None };
        let store = self.snapshot.judged_store(store)?;
        store.copies.iter().find(|copy| *copy.name == **name)?.keys_held_by.as_ref()
    }

    fn blocked(
        &self,
        data: &Data<'_>,
        hop: &Hop<'_, '_>,
        dataset: &Dataset,
        crossing: Option<Crossing<'_>>,
    ) -> Outcome {
        let blocked = Blocked {
            snapshot: self.snapshot,
            now: self.now,
            store: data.store,
            exporter: hop.exporter,
            importer: hop.importer,
            way: &hop.way,
            dataset,
            regime: data.regime,
            place: &hop.to,
            crossing,
        };
        self.waived(data, blocked.near_misses(), || blocked.remedies())
    }

    /// What nothing carries may still be waived.
    fn waived(
        &self,
        data: &Data<'_>,
        mut near: Vec<NearMiss>,
        remedies: impl FnOnce() -> Vec<Remedy>,
    ) -> Outcome {
        match data.exception {
            Some(e) if self.now < e.until => Outcome::Waived { exception: e.name.clone(), near },
            ended => {
                near.extend(ended.map(|e| NearMiss {
                    what: format!("exception/{}", e.name).into(),
                    why: format!("ended {}", e.until),
                }));
                Outcome::Uncovered { near, remedies: remedies() }
            }
        }
    }

    /// An edge that lacks its contract lets nothing pass, whatever would carry it.
    fn bound(&self, data: &Data<'_>, hop: &Hop<'_, '_>, outcome: Outcome) -> Outcome {
        let lacks = match hop.contract {
            Contract::NotNeeded => return outcome,
            Contract::Of(edge) if edge.contract.is_whole() => return outcome,
            Contract::Of(edge) => match &edge.contract {
                OnwardContract::Missing => "without a contract".to_owned(),
                OnwardContract::Without(_) => {
                    format!("under a contract without {}", edge.contract.lacks().join(", "))
                }
            },
            Contract::Missing => "by no onwardTo of its Party".to_owned(),
        };
        let to = hop.importer.map_or("an unknown recipient", |p| p);
        let miss = NearMiss {
            what: format!("party/{}", hop.exporter).into(),
            why: format!("hands on to {to} {lacks}"),
        };
        match outcome {
            Outcome::Waived { exception, mut near } => {
                near.insert(0, miss);
                Outcome::Waived { exception, near }
            }
            Outcome::Uncovered { mut near, mut remedies } => {
                near.insert(0, miss);
                remedies.insert(0, Remedy::OnwardContract);
                Outcome::Uncovered { near, remedies }
            }
            Outcome::NoBorder
            | Outcome::Adequate(_)
            | Outcome::Carried { .. }
            | Outcome::SameEntity
            | Outcome::CollectedDirectly => self.waived(data, vec![miss], || vec![Remedy::OnwardContract]),
        }
    }
}

/// Whether the workload stays where people gave the data to the exporter.
fn collected_there(data: &Data<'_>) -> bool {
    let home = data.store.place.country;
    data.dataset.collected_directly && home.is_some() && data.place.country == home
}

/// The dataset in the hands of one who holds it as `role`.
fn as_held<'a>(dataset: &'a Dataset, role: &Role) -> Cow<'a, Dataset> {
    if dataset.role == *role {
        return Cow::Borrowed(dataset);
    }
    Cow::Owned(Dataset { role: role.clone(), ..dataset.clone() })
}

/// The safeguard of best preference that carries the crossing, and the others that would.
fn carried(crossing: &Crossing<'_>) -> Option<Outcome> {
    let safeguards = crossing.snapshot.by_importer.get(crossing.importer)?;
    let mut valid = safeguards.iter().filter_map(|s| {
        let warnings = carry::carries(s, crossing)?;
        Some((Arc::<str>::from(format!("safeguard/{}", s.name)), warnings))
    });
    let (by, warnings) = valid.next()?;
    let also = valid.map(|(name, _)| name).collect();
    Some(Outcome::Carried { by, also, warnings })
}
