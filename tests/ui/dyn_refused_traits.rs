//! A trait of another crate, one that is not dyn compatible, and one that needs a lifetime.
use grisaille::dyn_trait;

dyn_trait!(std::fmt::Debug);

trait Generic {
    fn visit<V>(&self, visitor: V);
}
dyn_trait!(Generic);

trait Method<'gc> {}
dyn_trait!(Method);

fn main() {}
