//! A draft as YAML, with a TODO wherever a person must decide. What is not decided does not pass the schema.

use std::{collections::BTreeSet, fmt::Write as _};

use super::drafts::{Draft, Guess};
use crate::core::{snapshot::Snapshot, store::Place};

/// One document.
pub fn document(snapshot: &Snapshot, draft: &Draft) -> String {
    let Draft { namespace, name, guess, because, secrets, services, claims, claimed_by } = draft;
    let mut yaml = String::from("---\n");
    for why in because {
        let _ = writeln!(yaml, "# {}", comment(why));
    }
    for store in claimed_by {
        let _ = writeln!(
            yaml,
            "# DataStore {store} claims other parts of it: perhaps this belongs into its spec.access instead."
        );
    }
    let _ = writeln!(yaml, "apiVersion: carnet.dev/v1alpha1\nkind: DataStore");
    let _ = writeln!(yaml, "metadata:\n  name: {}\n  namespace: {}", quoted(name), quoted(namespace));
    yaml.push_str("spec:\n");
    match snapshot.runs.get(namespace) {
        Some(party) => {
            let _ = writeln!(
                yaml,
                "  exporterRef: {{name: {}}}  # TODO check: it runs this namespace; is it also who decides about the data?",
                quoted(party)
            );
        }
        None => yaml.push_str(
            "  exporterRef: {name: TODO}  # TODO the Party that decides about, or holds, the data\n",
        ),
    }
    yaml.push_str("  role: TODO  # TODO Controller, or Processor with a controllerRef\n");
    match place(snapshot) {
        Some(Place { provider, region: Some(region), country: _ }) => {
            let provider = provider.map(|p| format!("provider: {}, ", quoted(&p))).unwrap_or_default();
            let _ = writeln!(
                yaml,
                "  location: {{{provider}region: {}}}  # TODO check: every node is there; is the data?",
                quoted(&region)
            );
        }
        Some(_) | None => {
            yaml.push_str(
                "  location: {region: TODO}  # TODO where the data is: {provider, region}, or {country}\n",
            );
        }
    }
    yaml.push_str(
        "  # TODO origins: [...]  where the people are; left out, the law of every regime is asked\n",
    );
    engine(*guess, claims, &mut yaml);
    access(*guess, secrets, services, claims, &mut yaml);
    yaml.push_str(
        "  datasets:\n  - name: TODO  # TODO one for each kind of personal data in it\n    categories: [TODO]  # TODO such as account.contact\n    \
         # TODO subjects: [Customer]\n",
    );
    match guess {
        Some(Guess::Postgres | Guess::Mysql) => {
            yaml.push_str("    # TODO table: {schema: ..., name: ...}, and anchors, where it is to be deleted in time\n");
        }
        Some(Guess::ObjectStore) => yaml.push_str("    # TODO objects: {prefix: ...}\n"),
        Some(Guess::Volume) => yaml.push_str("    # TODO files: {path: ...}\n"),
        Some(Guess::Other(_) | Guess::Database) | None => {}
    }
    yaml
}

fn engine(guess: Option<Guess>, claims: &BTreeSet<String>, yaml: &mut String) {
    let credentials =
        "credentialsSecretRef: {name: TODO}  # TODO a Secret for erasure alone, that no workload uses";
    yaml.push_str("  engine:\n");
    let _ = match guess {
        Some(Guess::Postgres) => writeln!(yaml, "    postgres:\n      {credentials}"),
        Some(Guess::Mysql) => writeln!(yaml, "    mysql:\n      {credentials}"),
        Some(Guess::ObjectStore) => writeln!(
            yaml,
            "    objectStore:\n      provider: S3  # TODO check\n      bucket: TODO  # TODO\n      {credentials}"
        ),
        Some(Guess::Volume) => {
            let claim = claims.first().map_or("TODO", String::as_str);
            writeln!(yaml, "    volume: {{persistentVolumeClaim: {}}}", quoted(claim))
        }
        Some(Guess::Other(what)) => writeln!(yaml, "    external: {{description: {}}}", quoted(what)),
        Some(Guess::Database) | None => writeln!(
            yaml,
            "    external: {{description: \"a database\"}}  # TODO postgres, mysql, objectStore, volume or external"
        ),
    };
}

fn access(
    guess: Option<Guess>,
    secrets: &BTreeSet<String>,
    services: &BTreeSet<String>,
    claims: &BTreeSet<String>,
    yaml: &mut String,
) {
    // The engine names it.
    let none = BTreeSet::new();
    let claims = if guess == Some(Guess::Volume) { &none } else { claims };
    if secrets.is_empty() && services.is_empty() && claims.is_empty() {
        return;
    }
    yaml.push_str("  access:  # TODO add copies of the Secrets in other namespaces, and hosts\n");
    for (field, names) in [("secrets", secrets), ("services", services), ("persistentVolumeClaims", claims)] {
        if names.is_empty() {
            continue;
        }
        let names: Vec<String> = names.iter().map(|name| format!("{{name: {}}}", quoted(name))).collect();
        let _ = writeln!(yaml, "    {field}: [{}]", names.join(", "));
    }
}

/// The one region in which every node is; none where there are several, or one is not known.
fn place(snapshot: &Snapshot) -> Option<Place> {
    let places: BTreeSet<&Place> = snapshot.nodes.values().map(|node| &node.place).collect();
    let only = places.first().filter(|_| places.len() == 1)?;
    only.country.map(|_| (*only).clone())
}

/// JSON is YAML, and says without quoting rules what is meant.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty()
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text);
    if plain || text == "TODO" { text.into() } else { serde_json::Value::from(text).to_string() }
}

fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
