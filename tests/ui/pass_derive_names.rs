//! The user's names are not the derive's: shadowed preludes, inherent methods and constants.
#![forbid(unsafe_code)]
#![allow(dead_code, non_camel_case_types)]

mod shadow {
    use grisaille::{Gc, Tracer};

    pub struct Option;
    pub struct bool;
    pub type usize = u8;
    pub struct Unpin;
    pub trait TypesThatDeriveTraceMustNotImplementDrop {}
    pub struct F0;
    pub struct Some;
    pub struct None;
    pub struct Sized;
    pub struct Send;
    pub trait Drop {}
    pub mod core {}
    pub mod std {}

    #[derive(grisaille::Trace)]
    pub struct Trace<'gc> {
        pub at: Gc<'gc, Trace<'gc>>,
        pub now: T,
    }

    #[derive(grisaille::Trace)]
    pub struct T;

    /// An inherent method and another trait's, both named `trace`: neither may be called for the collector.
    impl T {
        pub fn trace(&self, _: &mut Tracer<'_>) -> ! {
            panic!("the derive called an inherent method")
        }
    }
    pub trait Other {
        fn trace(&self) {}
        const NEEDS_TRACE: ::core::primitive::bool = true;
    }
    impl Other for T {}
    impl T {
        pub const NEEDS_TRACE: ::core::primitive::bool = true;
    }
    impl Drop for T {}

    #[derive(grisaille::Trace)]
    pub struct Generic<'at, Sized, Send, const N: usize> {
        pub a: Gc<'at, Sized>,
        #[trace(skip)]
        pub b: ::core::marker::PhantomData<Send>,
    }
}

fn main() {
    assert!(!<shadow::T as grisaille::Trace>::NEEDS_TRACE);
}
