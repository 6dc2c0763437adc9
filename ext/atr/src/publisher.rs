//! `Atr::Native::Publisher`: hands events to the native thread that carries them to the broker.

use crate::error::{guard, to_ruby};
use crate::gvl::within;
use crate::home::Home;
use crate::host::{next_log, stats_hash};
use crate::job::scope_called;
use crate::options::{Options, seconds_to_duration};
use atr_core::event::Event;
use atr_core::publisher::{self, Publisher, Target};
use magnus::{
    Class, Error, Module, Object, RArray, RHash, RModule, RString, Ruby, Symbol, TryConvert, Value, function,
    method,
};
use std::cell::RefCell;
use std::sync::Arc;

/// The Ruby object. In a forked child its first use makes a new publisher and forgets the parent's, with whatever
/// waits in it: that is the parent's to send.
#[magnus::wrap(class = "Atr::Native::Publisher", free_immediately, size)]
pub(crate) struct NativePublisher {
    options: publisher::Options,
    publisher: RefCell<Home<Arc<Publisher>>>,
}

pub(crate) fn init(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = native.define_class("Publisher", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_singleton_method("new", function!(NativePublisher::new, 1))?;
    class.define_method("push", method!(NativePublisher::push, 1))?;
    class.define_method("publish", method!(NativePublisher::publish, 2))?;
    class.define_method("positions", method!(NativePublisher::positions, 2))?;
    class.define_method("flush", method!(NativePublisher::flush, 1))?;
    class.define_method("stats", method!(NativePublisher::stats, 0))?;
    class.define_method("next_log", method!(NativePublisher::next_log, 0))?;
    class.define_method("close", method!(NativePublisher::close, 0))
}

impl NativePublisher {
    fn new(ruby: &Ruby, options: RHash) -> Result<Self, Error> {
        guard(ruby, || {
            let options = publisher_options(&Options::new(ruby, options))?;
            let publisher = begin(ruby, &options)?;
            Ok(Self { options, publisher: RefCell::new(Home::new(publisher)) })
        })
    }

    /// This process' publisher. A clone, because other Ruby threads use the object while one waits.
    fn here(&self, ruby: &Ruby) -> Result<Arc<Publisher>, Error> {
        if let Some(publisher) = self.publisher.borrow().get() {
            return Ok(Arc::clone(publisher));
        }
        let publisher = begin(ruby, &self.options)?;
        self.publisher.replace(Home::new(Arc::clone(&publisher)));
        Ok(publisher)
    }

    fn push(ruby: &Ruby, this: &Self, events: RArray) -> Result<usize, Error> {
        guard(ruby, || {
            let publisher = this.here(ruby)?;
            let events = events.into_iter().map(|event| event_of(ruby, event)).collect::<Result<_, _>>()?;
            Ok(publisher.push(events))
        })
    }

    /// The event's position; `nil` where its scope has no log.
    fn publish(
        ruby: &Ruby,
        this: &Self,
        event: Value,
        timeout_seconds: f64,
    ) -> Result<Option<String>, Error> {
        guard(ruby, || {
            let publisher = this.here(ruby)?;
            let event = event_of(ruby, event)?;
            let timeout = seconds_to_duration(ruby, "timeout", timeout_seconds)?;
            let mut receipt = publisher.submit(event).map_err(|error| to_ruby(ruby, &error))?;
            let position = within(ruby, timeout, |left, interrupt| receipt.wait(left, interrupt))?;
            Ok(position.map(|position| position.to_string()))
        })
    }

    /// Where the logs of these scopes end, in their order; `nil` for one without a log.
    fn positions(
        ruby: &Ruby,
        this: &Self,
        scopes: Vec<String>,
        timeout_seconds: f64,
    ) -> Result<Vec<Option<String>>, Error> {
        guard(ruby, || {
            let publisher = this.here(ruby)?;
            let scopes =
                scopes.iter().map(|scope| scope_called(ruby, scope)).collect::<Result<Vec<_>, _>>()?;
            let timeout = seconds_to_duration(ruby, "timeout", timeout_seconds)?;
            let positions =
                within(ruby, timeout, |left, interrupt| publisher.positions(&scopes, left, interrupt))?;
            Ok(positions.into_iter().map(|position| position.map(|position| position.to_string())).collect())
        })
    }

    fn flush(ruby: &Ruby, this: &Self, timeout_seconds: f64) -> Result<bool, Error> {
        guard(ruby, || {
            let publisher = this.here(ruby)?;
            let timeout = seconds_to_duration(ruby, "timeout", timeout_seconds)?;
            within(ruby, timeout, |left, interrupt| publisher.flush(left, interrupt))
        })
    }

    fn stats(ruby: &Ruby, this: &Self) -> Result<RHash, Error> {
        guard(ruby, || stats_hash(ruby, this.here(ruby)?.stats()))
    }

    fn next_log(ruby: &Ruby, this: &Self) -> Result<Option<(Symbol, String)>, Error> {
        guard(ruby, || {
            let publisher = this.here(ruby)?;
            next_log(ruby, publisher.log())
        })
    }

    fn close(ruby: &Ruby, this: &Self) -> Result<(), Error> {
        guard(ruby, || {
            // An inherited one is the parent's to close.
            if let Some(publisher) = this.publisher.borrow().get() {
                publisher.close();
            }
            Ok(())
        })
    }
}

fn begin(ruby: &Ruby, options: &publisher::Options) -> Result<Arc<Publisher>, Error> {
    Publisher::new(options.clone()).map(Arc::new).map_err(|error| to_ruby(ruby, &error))
}

/// The event that `[id, scope, name, routing_key, json]` is.
///
/// # Errors
/// `ArgumentError` for a scope that no scope can have.
fn event_of(ruby: &Ruby, event: Value) -> Result<Event, Error> {
    let (id, scope, name, routing_key, json) =
        <(String, String, String, String, RString)>::try_convert(event)?;
    // Bytes, whatever encoding the String says it has: the core looks whether they are UTF-8.
    Ok(Event { id, scope: scope_called(ruby, &scope)?, name, routing_key, json: json.to_bytes() })
}

fn publisher_options(options: &Options<'_>) -> Result<publisher::Options, Error> {
    Ok(publisher::Options {
        target: target(options)?,
        retentions: options.retentions()?,
        queue_size: options.get("queue_size")?,
        queue_bytes: options.get("queue_bytes")?,
        max_event_bytes: options.get("max_event_bytes")?,
    })
}

fn target(options: &Options<'_>) -> Result<Target, Error> {
    match options.get::<String>("broker")?.as_str() {
        "memory" => Ok(Target::Memory {
            admin_url: options.get("admin_url")?,
            admin_token: options.get("admin_token")?,
        }),
        "redis" => Ok(Target::Redis {
            url: options.get("redis_url")?,
            namespace: options.get("redis_namespace")?,
            publish_on_routing_key: options.get("publish_on_routing_key")?,
        }),
        other => Err(options.unknown_broker(other)),
    }
}
