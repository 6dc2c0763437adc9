//! Lets go of Ruby's global lock while a thread waits in Rust. The only `unsafe` code of the gem.
#![allow(unsafe_code)]

use crate::error::{exception, from_panic, to_ruby};
use atr_core::wait::{Interrupt, wait};
use magnus::{Error, Ruby};
use rb_sys::rb_thread_call_without_gvl2;
use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::time::{Duration, Instant};

/// A call on its way to the other side of the lock, and its result on the way back. It lives on the stack of
/// [`without_gvl`], which does not return before Ruby has forgotten both pointers to it.
struct Call<'a, F, T> {
    act: Option<F>,
    interrupt: &'a Interrupt,
    result: Option<Result<T, Box<dyn Any + Send>>>,
}

/// Runs `act` without the lock, so that other Ruby threads run meanwhile.
///
/// `act` must stop waiting when its [`Interrupt`] is set, which happens when Ruby wants the thread back, and then
/// be prepared to be called anew by its caller: an interrupt wakes, it does not mean "stop". It must not touch a
/// Ruby value.
///
/// # Errors
/// What the interrupt raised in this thread (`Thread#kill`, `Thread#raise`, a signal's handler). A panic in `act`
/// becomes an `Atr::Error`.
fn without_gvl<T>(ruby: &Ruby, act: impl FnOnce(&Interrupt) -> T) -> Result<T, Error> {
    let interrupt = Interrupt::for_this_thread();
    let mut call = Call { act: Some(act), interrupt: &interrupt, result: None };
    while call.result.is_none() {
        run(&mut call);
        // Here, not inside the call above: the variant of it that checks interrupts by itself would jump over
        // Rust's frames when one of them raises, and nothing in them would be dropped.
        ruby.thread_check_ints()?;
    }
    match call.result {
        Some(Ok(value)) => Ok(value),
        Some(Err(panic)) => Err(from_panic(ruby, &*panic)),
        None => Err(exception(ruby, "Error", "a call without the GVL gave no result".into())),
    }
}

/// Calls `act` without the lock until it is not interrupted any more, each time with what is left of `timeout`.
///
/// # Errors
/// Those of [`without_gvl`], and `act`'s as the exception that it is in Ruby.
pub(crate) fn within<T>(
    ruby: &Ruby,
    timeout: Duration,
    mut act: impl FnMut(Duration, &Interrupt) -> atr_core::Result<T>,
) -> Result<T, Error> {
    let begun = Instant::now();
    loop {
        let left = timeout.saturating_sub(begun.elapsed());
        match without_gvl(ruby, |interrupt| act(left, interrupt))? {
            Err(atr_core::Error::Interrupted) => {}
            result => return result.map_err(|error| to_ruby(ruby, &error)),
        }
    }
}

/// Waits without the lock, however long; after an interrupt for a new future.
///
/// # Errors
/// Those of [`without_gvl`].
pub(crate) fn wait_for<F: Future>(ruby: &Ruby, future: impl Fn() -> F) -> Result<F::Output, Error> {
    loop {
        if let Ok(output) = without_gvl(ruby, |interrupt| wait(future(), None, interrupt))? {
            return Ok(output);
        }
    }
}

/// One attempt. Ruby does not even begin when an interrupt is pending already; then there is no result.
fn run<F: FnOnce(&Interrupt) -> T, T>(call: &mut Call<'_, F, T>) {
    let interrupt: *const Interrupt = call.interrupt;
    // SAFETY: `perform` gets the `Call` it was instantiated for, and `wake` the `Interrupt`. Both live until this
    // call returns, and Ruby uses neither pointer after that. This thread holds the GVL: its caller has a `&Ruby`.
    unsafe {
        rb_thread_call_without_gvl2(
            Some(perform::<F, T>),
            std::ptr::from_mut(call).cast(),
            Some(wake),
            interrupt.cast_mut().cast(),
        );
    }
}

/// Runs the call. A panic must not unwind into Ruby's frames, which are C.
unsafe extern "C" fn perform<F: FnOnce(&Interrupt) -> T, T>(call: *mut c_void) -> *mut c_void {
    // SAFETY: `run` passes a pointer to a `Call` of these very types, and nobody else uses it meanwhile.
    let call = unsafe { &mut *call.cast::<Call<'_, F, T>>() };
    if let Some(act) = call.act.take() {
        let interrupt = call.interrupt;
        call.result = Some(catch_unwind(AssertUnwindSafe(|| act(interrupt))));
    }
    null_mut()
}

/// Wakes the waiting thread; Ruby calls it from another one.
unsafe extern "C" fn wake(interrupt: *mut c_void) {
    // SAFETY: `run` passes a pointer to an `Interrupt`, which may be shared between threads.
    let interrupt = unsafe { &*interrupt.cast::<Interrupt>() };
    interrupt.set();
}
