//! Where a server's admin port is.

use crate::broker::wire::SCOPE_PARAMETER;
use crate::scope::Scope;
use crate::{Error, Result};
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper::http::uri::Scheme;
use std::fmt;

/// `http://host[:port][/path]`; events are posted to `/events` below it, `/positions` says where logs end.
#[derive(Debug, Clone)]
pub(super) struct AdminUrl {
    host: String,
    port: u16,
    /// What stands in the `Host` header.
    host_header: HeaderValue,
    /// The path of the events.
    events: Uri,
    /// What the paths begin with.
    base: String,
}

impl AdminUrl {
    /// # Errors
    /// [`Error::Config`] if it is not such a URL.
    pub(super) fn new(url: &str) -> Result<Self> {
        if url.starts_with("https:") {
            return Err(Error::Config(
                "admin_url begins with https, which a publisher cannot do; use http:// in a private network, or Redis"
                    .into(),
            ));
        }
        Self::parse(url)
            .ok_or_else(|| Error::Config(format!("admin_url is {url:?}; it has to be http://host:port")))
    }

    fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        if uri.scheme() != Some(&Scheme::HTTP) || uri.query().is_some() {
            return None;
        }
        let authority = uri.authority()?;
        if authority.as_str().contains('@') {
            return None;
        }
        // An IPv6 address stands in brackets here, and without them where it is resolved.
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return None;
        }
        let base = uri.path().trim_end_matches('/').to_owned();
        Some(Self {
            host,
            port: authority.port_u16().unwrap_or(80),
            host_header: HeaderValue::try_from(authority.as_str()).ok()?,
            events: format!("{base}/events").parse().ok()?,
            base,
        })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn host_header(&self) -> HeaderValue {
        self.host_header.clone()
    }

    /// The path to post to.
    pub(super) fn events(&self) -> Uri {
        self.events.clone()
    }

    /// Where to ask for the ends of these scopes' logs.
    pub(super) fn positions(&self, scopes: &[Scope]) -> Uri {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(scopes.iter().map(|scope| (SCOPE_PARAMETER, scope.as_str())));
        let path = format!("{}/positions?{}", self.base, query.finish());
        // The beginning was read as a path before, and what is encoded is ASCII.
        path.parse().unwrap_or_default()
    }
}

impl fmt::Display for AdminUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A header that was made of a string is one.
        write!(formatter, "http://{}", self.host_header.to_str().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_where_to_go() {
        for (url, host, port, path) in [
            ("http://127.0.0.1:7778", "127.0.0.1", 7778, "/events"),
            ("http://atr/", "atr", 80, "/events"),
            ("http://[::1]:7778", "::1", 7778, "/events"),
            ("http://atr.internal:80/live/", "atr.internal", 80, "/live/events"),
        ] {
            let admin = AdminUrl::new(url).unwrap();
            assert_eq!((admin.host(), admin.port(), admin.events().path()), (host, port, path));
        }
        assert_eq!(AdminUrl::new("http://[::1]:7778/").unwrap().to_string(), "http://[::1]:7778");
    }

    #[test]
    fn asks_for_any_scope() {
        let admin = AdminUrl::new("http://atr/live/").unwrap();
        let scopes = ["", "organization.1", "user.é&+%"].map(|name| Scope::new(name).unwrap());
        let expected = "/live/positions?scope=&scope=organization.1&scope=user.%C3%A9%26%2B%25";
        assert_eq!(admin.positions(&scopes), expected);
    }

    #[test]
    fn says_what_it_has_to_be() {
        for url in
            ["", "atr:7778", "127.0.0.1:7778", "ftp://atr", "http://u:p@atr", "http:///x", "http://atr/?a=1"]
        {
            let error = AdminUrl::new(url).unwrap_err().to_string();
            assert!(error.contains("it has to be http://host:port"), "{error}");
        }
        assert!(AdminUrl::new("https://atr").unwrap_err().to_string().contains("https"));
    }
}
