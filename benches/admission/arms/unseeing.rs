//! A webhook that admits everything without looking: what a call costs the API server, whatever is decided.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context, Result};
use axum::{Router, body::Bytes, http::StatusCode, routing::post};
use axum_server::tls_rustls::RustlsConfig;
use carnet::testbed::{Authority, Beside, install};
use serde::Deserialize;
use tokio::net::TcpStream;

use super::{
    super::{
        arm::{Dirs, on_its_core, write_identity},
        plane::Plane,
    },
    webhook,
};

/// All that it reads.
#[derive(Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: Request<'a>,
}

#[derive(Deserialize)]
struct Request<'a> {
    uid: &'a str,
}

/// Starts it on the core of what is under test, and has that API server call it.
pub async fn start(plane: &Plane, dirs: &Dirs) -> Result<Beside> {
    let host = plane.access().host();
    let authority = Authority::new("unseeing")?;
    let certificates = dirs.work.join("unseeing-certs");
    write_identity(&certificates, &authority.server("unseeing", &[host], &[])?)?;
    let addr = install::free_address(host)?;
    let mut argv = on_its_core(&std::env::current_exe()?);
    argv.extend(["admit".into(), addr.to_string().into(), certificates.into()]);
    let mut process = Beside::start("unseeing", argv, &[], &dirs.work)?;
    while TcpStream::connect(addr).await.is_err() {
        process.check()?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let url = format!("https://{addr}/");
    install::apply(&plane.client, &[webhook("unseeing", &url, authority.certificate())]).await?;
    Ok(process)
}

/// The process itself.
pub async fn admit(addr: SocketAddr, certificates: &Path) -> Result<()> {
    let tls = RustlsConfig::from_pem_file(certificates.join("tls.crt"), certificates.join("tls.key")).await?;
    let router = Router::new().route("/", post(answer));
    axum_server::bind_rustls(addr, tls).serve(router.into_make_service()).await.context("serve")
}

async fn answer(body: Bytes) -> (StatusCode, String) {
    match serde_json::from_slice::<Review<'_>>(&body) {
        Ok(Review { request: Request { uid } }) => (
            StatusCode::OK,
            format!(
                r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{{"uid":"{uid}","allowed":true}}}}"#
            ),
        ),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()),
    }
}
