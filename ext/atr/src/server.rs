//! `Atr::Native::Server`: a running server.

use crate::error::{guard, to_ruby};
use crate::gvl::{wait_for, within};
use crate::home::Home;
use crate::host::{next_log, stats_hash};
use crate::job::NativeJob;
use crate::options::{Options, seconds_to_duration};
use atr_core::config::{AdminOptions, BrokerOptions, Limits, ServerOptions};
use atr_core::server::Server;
use magnus::{Class, Error, Module, Object, RHash, RModule, Ruby, Symbol, function, method};

/// The Ruby object. A server that is collected stops; whoever wants it to run keeps it.
#[magnus::wrap(class = "Atr::Native::Server", free_immediately, size)]
pub(crate) struct NativeServer {
    server: Home<Server>,
}

pub(crate) fn init(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = native.define_class("Server", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_singleton_method("start", function!(NativeServer::start, 1))?;
    class.define_method("host", method!(NativeServer::host, 0))?;
    class.define_method("port", method!(NativeServer::port, 0))?;
    class.define_method("admin_port", method!(NativeServer::admin_port, 0))?;
    class.define_method("next_job", method!(NativeServer::next_job, 0))?;
    class.define_method("next_log", method!(NativeServer::next_log, 0))?;
    class.define_method("stats", method!(NativeServer::stats, 0))?;
    class.define_method("stop", method!(NativeServer::stop, 1))?;
    class.define_method("stopped", method!(NativeServer::stopped, 0))
}

impl NativeServer {
    fn start(ruby: &Ruby, options: RHash) -> Result<Self, Error> {
        guard(ruby, || {
            let options = server_options(&Options::new(ruby, options))?;
            let server = Server::start(options).map_err(|error| to_ruby(ruby, &error))?;
            Ok(Self { server: Home::new(server) })
        })
    }

    fn server(&self, ruby: &Ruby) -> Result<&Server, Error> {
        self.server.demand(ruby, "this server")
    }

    fn host(ruby: &Ruby, this: &Self) -> Result<String, Error> {
        guard(ruby, || Ok(this.server(ruby)?.address().ip().to_string()))
    }

    fn port(ruby: &Ruby, this: &Self) -> Result<u16, Error> {
        guard(ruby, || Ok(this.server(ruby)?.address().port()))
    }

    fn admin_port(ruby: &Ruby, this: &Self) -> Result<Option<u16>, Error> {
        guard(ruby, || Ok(this.server(ruby)?.admin_address().map(|address| address.port())))
    }

    fn next_job(ruby: &Ruby, this: &Self) -> Result<Option<NativeJob>, Error> {
        guard(ruby, || {
            let gate = this.server(ruby)?.gate();
            // In a rush of clients there is nothing to wait for, and letting go of the lock would cost more than the job.
            if let Some(job) = gate.try_next() {
                return Ok(Some(NativeJob::new(job)));
            }
            Ok(wait_for(ruby, || gate.next())?.map(NativeJob::new))
        })
    }

    fn next_log(ruby: &Ruby, this: &Self) -> Result<Option<(Symbol, String)>, Error> {
        guard(ruby, || next_log(ruby, this.server(ruby)?.log()))
    }

    fn stats(ruby: &Ruby, this: &Self) -> Result<RHash, Error> {
        guard(ruby, || stats_hash(ruby, this.server(ruby)?.stats()))
    }

    fn stop(ruby: &Ruby, this: &Self, timeout_seconds: f64) -> Result<bool, Error> {
        guard(ruby, || {
            let server = this.server(ruby)?;
            let timeout = seconds_to_duration(ruby, "timeout", timeout_seconds)?;
            within(ruby, timeout, |left, interrupt| server.stop(left, interrupt))
        })
    }

    fn stopped(ruby: &Ruby, this: &Self) -> Result<Option<String>, Error> {
        guard(ruby, || {
            let stopped = this.server(ruby)?.stopped();
            Ok(stopped.map(|end| end.err().map_or_else(String::new, |failure| failure.to_string())))
        })
    }
}

fn server_options(options: &Options<'_>) -> Result<ServerOptions, Error> {
    Ok(ServerOptions {
        host: options.get("host")?,
        port: options.get("port")?,
        admin: admin_options(options)?,
        broker: broker_options(options)?,
        gate_required: options.get("gate_required")?,
        gate_queue_size: options.get("gate_queue_size")?,
        gate_deadline: options.seconds("gate_deadline_seconds")?,
        shards: options.get("shards")?,
        max_connections: options.get("max_connections")?,
        limits: Limits {
            message_bytes: options.get("max_message_bytes")?,
            head_bytes: options.get("max_head_bytes")?,
            head_timeout: options.seconds("head_timeout_seconds")?,
            outbox_bytes: options.get("outbox_bytes")?,
            event_bytes: options.get("max_event_bytes")?,
        },
        retentions: options.retentions()?,
        drain: options.seconds("drain_seconds")?,
        ping_interval: options.seconds("ping_interval_seconds")?,
        subscription_grace: options.seconds("subscription_grace_seconds")?,
        debug_log: options.get("debug_log")?,
    })
}

fn admin_options(options: &Options<'_>) -> Result<Option<AdminOptions>, Error> {
    let Some(host) = options.get("admin_host")? else { return Ok(None) };
    Ok(Some(AdminOptions { host, port: options.get("admin_port")?, token: options.get("admin_token")? }))
}

fn broker_options(options: &Options<'_>) -> Result<BrokerOptions, Error> {
    match options.get::<String>("broker")?.as_str() {
        "memory" => Ok(BrokerOptions::Memory { log_bytes: options.get("log_bytes")? }),
        "redis" => Ok(BrokerOptions::Redis {
            url: options.get("redis_url")?,
            namespace: options.get("redis_namespace")?,
        }),
        other => Err(options.unknown_broker(other)),
    }
}
