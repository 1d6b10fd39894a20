//! The names that `dyn_trait!` uses may mean something else where it stands.
#![forbid(unsafe_code)]
#![deny(warnings)]

mod shapes {
    #![allow(dead_code)]
    pub struct Option;
    pub struct Object<T>(T);
    pub trait Coerce {}
    pub trait DynTrait {}
    pub trait Sized {}
    mod grisaille {}
    mod core {}

    /// A parameter, a type of an associated type, and a supertrait.
    pub trait Shape<T>: std::fmt::Debug {
        type Side;
        fn area(&self) -> T;
    }
    ::grisaille::dyn_trait!(Shape<Object<u64>, Side = Option>);
    pub trait Named {
        fn name(&self) -> String;
    }
    ::grisaille::dyn_trait!(self::Named);
    pub trait Method<'a, T> {
        fn call(&self, with: &'a T) -> &'a T;
    }
    ::grisaille::dyn_trait!(for<'a> Method<'a, u64>);

    impl Shape<Object<u64>> for u64 {
        type Side = Option;
        fn area(&self) -> Object<u64> {
            Object(*self)
        }
    }
    impl Named for u64 {
        fn name(&self) -> String {
            self.to_string()
        }
    }
    impl<'a, T> Method<'a, T> for u64 {
        fn call(&self, with: &'a T) -> &'a T {
            with
        }
    }
    pub fn value(object: Object<u64>) -> u64 {
        object.0
    }
}

use grisaille::{DynGc, Heap};
use shapes::{Method, Named, Object, Option, Shape};

fn main() {
    // In a function too.
    trait Local {
        fn twice(&self) -> u64;
    }
    grisaille::dyn_trait!(Local);
    impl Local for u64 {
        fn twice(&self) -> u64 {
            2 * self
        }
    }
    Heap::new().enter(|cx| {
        let shape: DynGc<'_, dyn Shape<Object<u64>, Side = Option>> = cx.alloc_dyn(7u64);
        let named: DynGc<'_, dyn Named> = cx.alloc_dyn(7u64);
        let method: DynGc<'_, dyn Method<'static, u64>> = cx.alloc_dyn(7u64);
        let local: DynGc<'_, dyn Local> = cx.alloc_dyn(7u64);
        assert_eq!((shapes::value(shape.area()), named.name().as_str(), local.twice()), (7, "7", 14));
        assert_eq!(*method.call(&8), 8);
    });
}
