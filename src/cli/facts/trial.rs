//! Whether the API server reaches the webhook, tried: that replicas are ready and the configuration is whole does not say
//! that nothing lies between the two.

use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};

use super::{Asked, CONFIGURATION, Facts};
use crate::api::v1alpha1::{Party, PartySpec};

/// The webhook of declared objects: it is asked by everybody's API server, and fails loudly.
const WEBHOOK: &str = "validate.carnet.dev";
/// A code that ISO 3166-1 leaves to everybody's own use: our schema lets it pass, and no law pack knows it, so that only
/// the webhook refuses it.
const NO_COUNTRY: &str = "ZZ";

/// What came of the trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// It was not made: there is nothing that could be asked.
    NotMade,
    /// Who asks may not create Parties, not even by a dry run.
    NotAllowed,
    /// The webhook answered.
    Answered,
    /// It was not asked.
    NotAsked,
    /// It was not reached, in the API server's words.
    NotReached(String),
}

/// Has the API server ask the webhook about a Party that cannot be. A dry run: nothing is ever stored.
pub async fn try_webhook(client: &Client, facts: &Facts) -> Asked<Trial> {
    let hooks = facts.configuration().and_then(|c| c.get("webhooks")?.as_array());
    // That it is missing is said elsewhere.
    if !hooks.into_iter().flatten().any(|hook| hook["name"] == WEBHOOK) {
        return Ok(Trial::NotMade);
    }
    let party = Party {
        metadata: ObjectMeta { name: Some("carnet-doctor".into()), ..ObjectMeta::default() },
        spec: PartySpec {
            legal_name: format!("a trial of ValidatingWebhookConfiguration {CONFIGURATION}"),
            country: NO_COUNTRY.into(),
            group: None,
            runs: None,
            access_from: vec![],
            controlled_from: None,
            hosts: vec![],
            onward_to: vec![],
            change_of_control: None,
        },
        status: None,
    };
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    read(Api::<Party>::all(client.clone()).create(&dry_run, &party).await.map(drop))
}

fn read(answer: Result<(), kube::Error>) -> Asked<Trial> {
    let asked = format!("\"{WEBHOOK}\"");
    match answer {
        Ok(()) => Ok(Trial::NotAsked),
        Err(kube::Error::Api(status)) => {
            let message = &status.message;
            if message.contains("failed calling webhook") && message.contains(&asked) {
                Ok(Trial::NotReached(message.clone()))
            } else if message.contains("admission webhook") && message.contains(&asked) {
                Ok(Trial::Answered)
            } else if status.code == 404 {
                // The kind is not there, which is said elsewhere.
                Ok(Trial::NotMade)
            } else if status.code == 403 {
                Ok(Trial::NotAllowed)
            } else {
                Err(format!("cannot try the way to the webhook by a dry run: {message}"))
            }
        }
        Err(error) => Err(format!("cannot try the way to the webhook by a dry run: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn refused(code: u16, message: &str) -> Asked<Trial> {
        read(Err(kube::Error::Api(Box::new(Status::failure(message, "R").with_code(code)))))
    }

    #[test]
    fn the_way_is_known_by_what_the_api_server_says() {
        let denied =
            "admission webhook \"validate.carnet.dev\" denied the request: this Party is not accepted:";
        assert_eq!(refused(422, denied), Ok(Trial::Answered));
        let failed = "Internal error occurred: failed calling webhook \"validate.carnet.dev\": failed to call webhook: \
            Post \"https://carnet-webhook.carnet-system.svc:443/review?timeout=5s\": context deadline exceeded";
        assert_eq!(refused(500, failed), Ok(Trial::NotReached(failed.into())));
        assert_eq!(read(Ok(())), Ok(Trial::NotAsked));
        assert_eq!(refused(404, "404 page not found"), Ok(Trial::NotMade));
    }

    #[test]
    fn what_stands_before_the_webhook_says_nothing_of_it() {
        let forbidden = "parties.carnet.dev is forbidden: User \"a\" cannot create resource \"parties\"";
        assert_eq!(refused(403, forbidden), Ok(Trial::NotAllowed));
        let another =
            "Internal error occurred: failed calling webhook \"mutate.example.com\": connection refused";
        assert!(refused(500, another).unwrap_err().contains("mutate.example.com"));
        let another = "admission webhook \"policy.example.com\" denied the request: no";
        assert!(refused(400, another).unwrap_err().contains("policy.example.com"));
    }
}
