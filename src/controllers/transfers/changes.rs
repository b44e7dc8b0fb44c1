//! What is worth an event: an owner whose answer changed. Pure.

use std::collections::BTreeMap;

use crate::{
    index::Owner,
    picture::OwnerPicture,
    platform::{EventKind, Note},
};

/// A note for each owner whose answer changed between two pictures, and for each whose Pods are steered now.
pub fn changes(
    old: &BTreeMap<Owner, OwnerPicture>,
    new: &BTreeMap<Owner, OwnerPicture>,
) -> Vec<(Owner, Note)> {
    let of = |(owner, now): (&Owner, &OwnerPicture)| {
        let notes = change(old.get(owner), now).into_iter().chain(steering(old.get(owner), now));
        notes.map(|note| (owner.clone(), note)).collect::<Vec<_>>()
    };
    new.iter().flat_map(of).collect()
}

/// That Pods are changed on their way in; that they are not any more is no news.
fn steering(before: Option<&OwnerPicture>, now: &OwnerPicture) -> Option<Note> {
    let said = before.and_then(|b| b.steered.as_ref());
    let note = now.steered.as_ref().filter(|note| said != Some(*note))?;
    Some(Note { kind: EventKind::Normal, reason: "Steered", action: "Steer", note: note.clone() })
}

fn change(before: Option<&OwnerPicture>, now: &OwnerPicture) -> Option<Note> {
    let said = before.and_then(|b| b.sentence.as_ref());
    match (said, &now.sentence) {
        (said, Some(sentence)) if said != Some(sentence) => Some(Note {
            kind: EventKind::Warning,
            reason: "TransferNotCovered",
            action: "Judge",
            note: sentence.clone(),
        }),
        (Some(_), None) => Some(Note {
            kind: EventKind::Normal,
            reason: "TransferCovered",
            action: "Judge",
            note: match now.relied_on.iter().map(String::as_str).collect::<Vec<_>>().join(", ") {
                by if by.is_empty() => "no declared rule is broken any more".into(),
                by => format!("no declared rule is broken any more; relied on: {by}"),
            },
        }),
        (_, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            namespace: "n".into(),
            name: "web".into(),
            uid: "u".into(),
        }
    }

    fn with(sentence: Option<&str>) -> BTreeMap<Owner, OwnerPicture> {
        let violating = i64::from(sentence.is_some());
        let picture = OwnerPicture {
            violating,
            sentence: sentence.map(Into::into),
            steered: None,
            relied_on: [].into(),
        };
        [(owner(), picture)].into()
    }

    fn reasons(
        old: &BTreeMap<Owner, OwnerPicture>,
        new: &BTreeMap<Owner, OwnerPicture>,
    ) -> Vec<&'static str> {
        changes(old, new).iter().map(|(_, note)| note.reason).collect()
    }

    #[test]
    fn an_owner_is_told_once_of_each_change() {
        let (good, bad, worse) = (with(None), with(Some("a")), with(Some("b")));
        assert_eq!(reasons(&good, &bad), ["TransferNotCovered"]);
        assert!(reasons(&bad, &bad).is_empty());
        assert_eq!(reasons(&bad, &worse), ["TransferNotCovered"]);
        assert_eq!(reasons(&bad, &good), ["TransferCovered"]);
    }

    #[test]
    fn an_owner_is_told_once_that_its_pods_are_steered_and_again_where_they_are_steered_elsewhere() {
        let steered = |to: Option<&str>| {
            let mut picture = with(None);
            picture.get_mut(&owner()).unwrap().steered = to.map(Into::into);
            picture
        };
        assert_eq!(reasons(&with(None), &steered(Some("a"))), ["Steered"]);
        assert!(reasons(&steered(Some("a")), &steered(Some("a"))).is_empty());
        assert_eq!(reasons(&steered(Some("a")), &steered(Some("b"))), ["Steered"]);
        assert!(reasons(&steered(Some("a")), &steered(None)).is_empty());
    }

    #[test]
    fn what_is_lawful_from_the_start_or_gone_is_not_news() {
        assert!(reasons(&BTreeMap::new(), &with(None)).is_empty());
        assert!(reasons(&with(Some("a")), &BTreeMap::new()).is_empty());
        assert_eq!(reasons(&BTreeMap::new(), &with(Some("a"))), ["TransferNotCovered"]);
    }
}
