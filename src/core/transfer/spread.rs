//! Where data goes beside the place in which a workload runs: to those who look at it from afar, to hosts, to other stores and
//! their copies, and from each recipient on to the next.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use super::{
    UseAccess, Way,
    decide::{Data, Judge},
    hop::{Contract, Hop},
    roles::Roles,
};
use crate::core::{
    ids::{Country, PartyName},
    party::Onward,
    store::{Copy, Place, Store},
};

/// Somebody who has the data.
#[derive(Clone)]
struct Holder<'a> {
    /// None = unknown.
    party: Option<&'a PartyName>,
    roles: Roles,
    /// From whom it came; the exporter itself where it came from nobody.
    from: &'a PartyName,
    from_roles: Roles,
}

/// Recipients whose own ways are judged already. A party that gets the same data in the same capacity from two sides passes it
/// on alike; and circles end.
type Seen<'a> = BTreeSet<(&'a PartyName, Roles)>;

impl<'a> Judge<'a> {
    /// A workload uses the data.
    pub(super) fn processed(&mut self, data: &Data<'a>, access: UseAccess) {
        let store = data.store;
        let exports = Roles::exactly(&data.dataset.role);
        let hop = Hop {
            exporter: &store.exporter,
            roles: &exports,
            importer: self.importer,
            to: Cow::Borrowed(data.place),
            way: Way::Processing,
            namespace: self.namespace,
            contract: Contract::NotNeeded,
        };
        let role = self.hop(data, hop);
        if !self.spreads {
            return;
        }
        let roles = self.roles_after(&role);
        let holder = Holder { party: self.importer, roles, from: &store.exporter, from_roles: exports };
        let mut seen = Seen::new();
        self.received(data, &holder, self.namespace, &mut seen);
        for sending in self.sends {
            let to = self.seat(&sending.party);
            let way = Way::Host(sending.host.clone());
            self.pass(data, &holder, (&sending.party, to, way, self.namespace), None, &mut seen);
        }
        if !access.reads() {
            return;
        }
        for target in self.written.clone() {
            if target.key != store.key {
                self.written_to(data, &holder, target, &mut seen);
            }
        }
    }

    /// A copy has the data.
    pub(super) fn copied(&mut self, data: &Data<'a>, store: &'a Store, copy: &'a Copy) {
        let holder = Self::exporter(data);
        self.pass_copy(data, &holder, store, copy, &mut Seen::new());
    }

    /// The exporter has the data.
    pub(super) fn held_by_exporter(&mut self, data: &Data<'a>) {
        let holder = Self::exporter(data);
        self.received(data, &holder, &data.store.key.namespace, &mut Seen::new());
    }

    fn exporter(data: &Data<'a>) -> Holder<'a> {
        let (party, roles) = (&data.store.exporter, Roles::exactly(&data.dataset.role));
        Holder { party: Some(party), roles: roles.clone(), from: party, from_roles: roles }
    }

    fn written_to(&mut self, data: &Data<'a>, holder: &Holder<'a>, target: &'a Store, seen: &mut Seen<'a>) {
        let way = Way::Write(target.key.clone());
        let recipient = (&target.exporter, target.place.clone(), way, &*target.key.namespace);
        let there = self.pass(data, holder, recipient, None, seen);
        for copy in &target.copies {
            self.pass_copy(data, &there, target, copy, seen);
        }
    }

    fn pass_copy(
        &mut self,
        data: &Data<'a>,
        holder: &Holder<'a>,
        store: &'a Store,
        copy: &'a Copy,
        seen: &mut Seen<'a>,
    ) {
        let way = Way::Copy(store.key.clone(), Arc::from(copy.name.as_str()));
        self.pass(data, holder, (&copy.party, copy.place.clone(), way, &*store.key.namespace), None, seen);
    }

    /// `holder` passes the data on; judged, and so is all that the recipient does with it.
    fn pass(
        &mut self,
        data: &Data<'a>,
        holder: &Holder<'a>,
        (recipient, to, way, namespace): (&'a PartyName, Place, Way, &'a str),
        edge: Option<&'a Onward>,
        seen: &mut Seen<'a>,
    ) -> Holder<'a> {
        let first = &data.store.exporter;
        let (exporter, roles, contract) = match (holder.party, edge) {
            (_, Some(edge)) => (holder.party.unwrap_or(first), &holder.roles, Contract::Of(edge)),
            // In the same hands elsewhere: it comes from where they have it.
            (Some(party), None) if party == recipient => {
                (holder.from, &holder.from_roles, Contract::NotNeeded)
            }
            (Some(party), None) if party == first => (party, &holder.roles, Contract::NotNeeded),
            (Some(party), None) => (party, &holder.roles, self.edge(data, party, recipient)),
            (None, None) => (first, &holder.from_roles, Contract::NotNeeded),
        };
        // Who hands it on is unknown, so nothing that names an exporter can be meant.
        let importer = holder.party.map(|_| recipient);
        let roles = roles.clone();
        let hop = Hop { exporter, roles: &roles, importer, to: Cow::Owned(to), way, namespace, contract };
        let role = self.hop(data, hop);
        let after = self.roles_after(&role);
        let party = importer.filter(|p| self.snapshot.parties.contains_key(*p));
        let there = Holder { party, roles: after, from: exporter, from_roles: roles };
        self.received(data, &there, namespace, seen);
        there
    }

    /// What a recipient does with the data: looks at it from elsewhere, is told what to do from elsewhere, hands it on.
    fn received(&mut self, data: &Data<'a>, holder: &Holder<'a>, namespace: &'a str, seen: &mut Seen<'a>) {
        let Some(party) = holder.party.and_then(|name| self.snapshot.parties.get(name)) else { return };
        if party.keeps_to_itself() || !seen.insert((&party.name, holder.roles.clone())) {
            return;
        }
        let access = party.access_from.iter().map(|country| (*country, Way::RemoteAccess));
        let control = party.controlled_from.map(|country| (country, Way::Control));
        for (country, way) in access.chain(control) {
            let hop = Hop {
                exporter: holder.from,
                roles: &holder.from_roles,
                importer: holder.party,
                to: Cow::Owned(in_country(Some(country))),
                way,
                namespace,
                contract: Contract::NotNeeded,
            };
            self.hop(data, hop);
        }
        for edge in party.onward_of(data.dataset) {
            // Back to whom it came from.
            if edge.to != data.store.exporter {
                let to = self.seat(&edge.to);
                self.pass(data, holder, (&edge.to, to, Way::Onward, namespace), Some(edge), seen);
            }
        }
    }

    fn edge(&self, data: &Data<'a>, from: &PartyName, to: &PartyName) -> Contract<'a> {
        let party = self.snapshot.parties.get(from);
        let found = party.and_then(|p| p.onward_of(data.dataset).find(|edge| edge.to == *to));
        found.map_or(Contract::Missing, Contract::Of)
    }

    /// Where a party is established; what is sent to it arrives there.
    fn seat(&self, party: &PartyName) -> Place {
        in_country(self.snapshot.parties.get(party).map(|p| p.country))
    }
}

fn in_country(country: Option<Country>) -> Place {
    Place { provider: None, region: None, country }
}
