//! Replaces the type's lifetime and parameters by those of `At<'__at>`.
//!
//! Only bounds are rewritten. A wrong rewriting asks for a wrong bound and the impl does not compile; nothing wrong is
//! proved, as the proofs take the fields' types from the compiler.

use proc_macro2::{Ident, Span};
use quote::quote;
use syn::visit_mut::{self, VisitMut};
use syn::{Lifetime, Type, parse_quote};

pub(crate) struct Substitute<'i> {
    pub lifetime: Option<&'i Lifetime>,
    pub parameters: Vec<&'i Ident>,
    /// What `Self` becomes.
    pub at: &'i Type,
}

/// The lifetime of `At<'__at>`.
pub(crate) fn at_lifetime() -> Lifetime {
    Lifetime::new("'__at", Span::call_site())
}

/// `<T as Trace>::At<'__at>`
pub(crate) fn at_parameter(name: &Ident) -> Type {
    parse_quote!(<#name as ::grisaille::Trace>::At<'__at>)
}

impl VisitMut for Substitute<'_> {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if Some(&*lifetime) == self.lifetime {
            *lifetime = at_lifetime();
        }
    }

    fn visit_type_mut(&mut self, ty: &mut Type) {
        visit_mut::visit_type_mut(self, ty);
        let Type::Path(syn::TypePath { qself: None, path }) = &*ty else { return };
        let Some(first) = path.segments.first() else { return };
        let replaced = if first.ident == "Self" {
            self.at.clone()
        } else if self.parameters.contains(&&first.ident) {
            at_parameter(&first.ident)
        } else {
            return;
        };
        let rest: Vec<_> = path.segments.iter().skip(1).collect();
        // `T::Item` becomes `<<T as Trace>::At<'__at>>::Item`.
        *ty = if rest.is_empty() { replaced } else { Type::Verbatim(quote!(<#replaced> #(:: #rest)*)) };
    }
}
