//! `Atr::Native::Job`: one request that waits for the app's answer.

use crate::error::guard;
use crate::home::Home;
use atr_core::gate::{Job, Verdict};
use atr_core::scope::Scope;
use magnus::{Class, Error, Module, RArray, RHash, RModule, RString, Ruby, TryConvert, Value, method};
use std::cell::RefCell;

/// The Ruby object. One that is collected without an answer denies: dropping a job does.
#[magnus::wrap(class = "Atr::Native::Job", free_immediately, size)]
pub(crate) struct NativeJob {
    job: RefCell<Home<Job>>,
}

pub(crate) fn init(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = native.define_class("Job", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("request", method!(NativeJob::request, 0))?;
    class.define_method("admit", method!(NativeJob::admit, 2))?;
    class.define_method("refuse", method!(NativeJob::refuse, 1))?;
    class.define_method("fail", method!(NativeJob::fail, 0))
}

impl NativeJob {
    pub(crate) fn new(job: Job) -> Self {
        Self { job: RefCell::new(Home::new(job)) }
    }

    fn request(ruby: &Ruby, this: &Self) -> Result<RHash, Error> {
        guard(ruby, || {
            let job = this.job.borrow();
            let request = job.demand(ruby, "a job")?.request();
            let headers = ruby.ary_new_capa(request.headers.len());
            for (name, value) in &request.headers {
                headers.push((name.as_str(), ruby.str_from_slice(value)))?;
            }
            let hash = ruby.hash_new();
            hash.aset(ruby.to_symbol("method"), request.method.as_str())?;
            hash.aset(ruby.to_symbol("target"), request.target.as_str())?;
            hash.aset(ruby.to_symbol("headers"), headers)?;
            hash.aset(ruby.to_symbol("remote_addr"), request.remote.ip().to_string())?;
            hash.aset(ruby.to_symbol("remote_port"), request.remote.port())?;
            hash.aset(ruby.to_symbol("server_addr"), request.local.ip().to_string())?;
            hash.aset(ruby.to_symbol("server_port"), request.local.port())?;
            Ok(hash)
        })
    }

    fn admit(ruby: &Ruby, this: &Self, scopes: RArray, client_key: Option<String>) -> Result<(), Error> {
        guard(ruby, || {
            let scopes = scopes.into_iter().map(|name| scope_named(ruby, name)).collect::<Result<_, _>>()?;
            this.answer(ruby, Verdict::Admit { scopes, client_key })
        })
    }

    fn refuse(ruby: &Ruby, this: &Self, status: u16) -> Result<(), Error> {
        guard(ruby, || this.answer(ruby, Verdict::Refuse(status)))
    }

    fn fail(ruby: &Ruby, this: &Self) -> Result<(), Error> {
        guard(ruby, || this.answer(ruby, Verdict::Fail))
    }

    fn answer(&self, ruby: &Ruby, verdict: Verdict) -> Result<(), Error> {
        let mut job = self.job.borrow_mut();
        job.demand(ruby, "a job")?;
        if let Some(job) = job.get_mut() {
            job.answer(verdict);
        }
        Ok(())
    }
}

/// The same for a String that may not be text at all.
fn scope_named(ruby: &Ruby, name: Value) -> Result<Scope, Error> {
    let text = RString::try_convert(name)?
        .to_string()
        .map_err(|error| Error::new(ruby.exception_arg_error(), error.to_string()))?;
    scope_called(ruby, &text)
}

/// The scope of this name.
///
/// # Errors
/// `ArgumentError` for a name that no scope can have.
pub(crate) fn scope_called(ruby: &Ruby, name: &str) -> Result<Scope, Error> {
    Scope::new(name).ok_or_else(|| {
        let message = format!(
            "{name:?} cannot be a scope: 1-255 bytes without white space, control characters and braces, and not \"-\""
        );
        Error::new(ruby.exception_arg_error(), message)
    })
}
