//! A certificate that somebody else looks after: two files. They are read again and again, since a mounted Secret changes
//! by a symbolic link that no watch on a file sees. The webhook's configuration is not ours to touch then.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::SignedDuration;

use super::{CertificateError, Said};
use crate::{
    admission::{Served, TlsPair},
    platform::{
        Gate,
        certs::{CertificateReport, CertificateSource, CertificateState, Validity, validity},
        metrics::Metrics,
    },
};

/// How often missing files are looked for.
const WAIT: Duration = Duration::from_secs(2);

/// Files and what was last read of them.
pub struct Given {
    cert: PathBuf,
    key: PathBuf,
    look: Duration,
    metrics: Arc<Metrics>,
    state: Arc<CertificateState>,
    served: Option<(TlsPair, Validity)>,
    said: Said,
}

impl Given {
    /// These files, read this often.
    pub fn new(
        (cert, key): (&Path, &Path),
        look: SignedDuration,
        metrics: Arc<Metrics>,
        state: Arc<CertificateState>,
    ) -> Self {
        Self {
            cert: cert.into(),
            key: key.into(),
            look: look.unsigned_abs(),
            metrics,
            state,
            served: None,
            said: Said::default(),
        }
    }

    /// Waits for a pair that can be served.
    pub async fn first(&mut self) -> TlsPair {
        loop {
            let looked = self.look().await;
            let problem = looked.as_ref().err().map(ToString::to_string);
            self.said.say(problem);
            if let Ok(Some(pair)) = looked {
                return pair;
            }
            tokio::time::sleep(WAIT).await;
        }
    }

    /// Serves what the files hold; what cannot be served is reported, and the last good pair stays.
    pub async fn keep(mut self, served: Served, gate: Gate) {
        gate.open();
        loop {
            self.show();
            tokio::time::sleep(self.look).await;
            let looked = match self.look().await {
                Ok(Some(pair)) => served.reload(&pair).map_err(CertificateError::Serve),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            let problem = looked.err().map(|error| format!("{error}; the last good one stays"));
            self.state.set_problem(problem.clone());
            self.said.say(problem);
        }
    }

    /// A pair that is not served yet and can be.
    async fn look(&mut self) -> Result<Option<TlsPair>, CertificateError> {
        let failed = |source| CertificateError::Files {
            cert: self.cert.display().to_string(),
            key: self.key.display().to_string(),
            source,
        };
        let cert = tokio::fs::read_to_string(&self.cert).await.map_err(failed)?;
        let key = tokio::fs::read_to_string(&self.key).await.map_err(failed)?;
        let pair = TlsPair { cert, key };
        if self.served.as_ref().is_some_and(|(served, _)| *served == pair) {
            return Ok(None);
        }
        let good =
            pair.config().and_then(|_| validity(&pair.cert).map_err(std::io::Error::other)).map_err(failed);
        match good {
            Ok(carries) => {
                tracing::info!(ends = %carries.ends, "serving by the certificate that was given");
                self.served = Some((pair.clone(), carries));
                Ok(Some(pair))
            }
            Err(error) => Err(error),
        }
    }

    fn show(&self) {
        let Some((_, carries)) = &self.served else { return };
        self.metrics.certificates.leaf(carries.ends);
        self.state.set(CertificateReport {
            source: CertificateSource::Given,
            leaf_ends: carries.ends.to_string(),
            authority_ends: None,
            signed_by: None,
            announced: None,
            rotating: false,
            problem: self.said.0.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::certs::{new_authority, new_leaf};

    struct Files {
        dir: tempfile::TempDir,
        given: Given,
    }

    impl Files {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let (cert, key) = (dir.path().join("tls.crt"), dir.path().join("tls.key"));
            let given = Given::new((&cert, &key), SignedDuration::ZERO, Arc::default(), Arc::default());
            Self { dir, given }
        }

        fn write(&self, cert: &str, key: &str) {
            std::fs::write(self.dir.path().join("tls.crt"), cert).unwrap();
            std::fs::write(self.dir.path().join("tls.key"), key).unwrap();
        }
    }

    fn pair() -> TlsPair {
        let (now, hour) = (Timestamp::now(), SignedDuration::from_hours(1));
        let leaf = new_leaf(&new_authority(now, hour).unwrap(), &["x".into()], now, hour).unwrap();
        TlsPair { cert: leaf.cert_pem, key: leaf.key_pem }
    }

    #[tokio::test]
    async fn files_are_served_once_they_change_and_fit_and_a_bad_pair_changes_nothing() {
        let mut files = Files::new();
        assert!(files.given.look().await.err().unwrap().to_string().contains("tls.crt"));
        let (one, two) = (pair(), pair());
        files.write(&one.cert, &one.key);
        assert!(files.given.look().await.unwrap() == Some(one.clone()));
        assert!(files.given.look().await.unwrap().is_none());
        // As in the middle of being written: a certificate whose key is still the old one.
        for (cert, key) in [
            (&two.cert, &one.key),
            (&"-".into(), &two.key),
            (&two.cert, &"-".into()),
            (&String::new(), &two.key),
        ] {
            files.write(cert, key);
            assert!(files.given.look().await.is_err(), "{cert}");
            assert!(files.given.served.as_ref().unwrap().0 == one);
        }
        files.write(&two.cert, &two.key);
        assert!(files.given.look().await.unwrap() == Some(two));
        files.given.show();
        let said = files.given.state.report().unwrap();
        assert_eq!((said.source, said.announced), (CertificateSource::Given, None));
        assert!(
            files
                .given
                .metrics
                .encode()
                .unwrap()
                .contains("carnet_webhook_certificate_expiry_timestamp_seconds{certificate=\"leaf\"}")
        );
    }
}
