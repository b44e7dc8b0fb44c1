//! Addresses that a deletion Job must not call.

use std::net::IpAddr;

use super::FieldError;
use crate::core::host;

/// Names by which clouds serve their metadata, credentials among it.
const METADATA: [&str; 3] = ["metadata", "metadata.google.internal", "instance-data"];

/// Refuses an object store's endpoint that is no store of anybody: the node's own addresses, the cloud's metadata, the API
/// server, and whatever is not HTTP. A deletion Job that calls it would hand its credentials to it, or be led to what it must not
/// reach.
pub fn endpoint(path: &str, text: &str) -> Result<(), FieldError> {
    let fix = "write the address of the object store, such as https://s3.eu-west-1.example.com";
    let refuse = |problem: String| Err(FieldError::new(path, problem, fix));
    match text.split_once("://") {
        Some((scheme, _)) if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) => {
            return refuse(format!("`{text}` is not an address of HTTP"));
        }
        _ => {}
    }
    let Some((name, _)) = host::of_url(text) else { return refuse(format!("`{text}` names no host")) };
    let is_api_server =
        name == "kubernetes" || name == "kubernetes.default" || name.starts_with("kubernetes.default.");
    let is_local = name == "localhost" || name.ends_with(".localhost");
    let is_of_node = match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(v4)) => v4.is_loopback() || v4.is_link_local() || v4.is_unspecified(),
        Ok(IpAddr::V6(v6)) => {
            let v4 = v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback() || v4.is_link_local());
            // fd00:ec2::254 serves metadata where nodes have IPv6 alone.
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_unicast_link_local()
                || v4
                || name == "fd00:ec2::254"
        }
        Err(_) => false,
    };
    if is_api_server || is_local || is_of_node || METADATA.contains(&name.as_str()) {
        return refuse(format!("`{name}` is the node, the cloud's metadata or the API server, and no store"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_store_of_anybody_is_refused() {
        for text in [
            "http://169.254.169.254/latest",
            "http://[fe80::1]:80",
            "http://[::ffff:127.0.0.1]",
            "http://[fd00:ec2::254]/",
            "https://kubernetes.default.svc",
            "https://Kubernetes.Default.svc.cluster.local.:443",
            "http://localhost:9000",
            "http://x.localhost",
            "127.0.0.1:9000",
            "http://0.0.0.0",
            "file:///etc/passwd",
            "ftp://s3.example.com",
            "http://metadata.google.internal",
            "https://",
        ] {
            assert!(endpoint("spec.engine.objectStore.endpoint", text).is_err(), "{text}");
        }
        for text in [
            "https://s3.eu-central-1.example.com",
            "http://minio.storage.svc:9000",
            "s3.example.com",
            "http://10.0.0.7:9000",
        ] {
            assert!(endpoint("p", text).is_ok(), "{text}");
        }
    }
}
