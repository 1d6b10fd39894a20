//! Code that is never run, and that compiles only if what the macro assumed is true.
//!
//! The proofs are in function bodies. As `where` clauses they would be the caller's to show, and a generic caller could
//! assume them; in a body, the compiler shows them here, once, for all lifetimes and parameters.
//!
//! The bodies are provided functions of the real `Trace`, which the impl overrides, and call nothing but others of
//! them (`lib.rs` says why).

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::DeriveInput;

use crate::shape::Shape;

/// `At` commutes with the fields: the field of `At<'__at>` *is* `At<'__at>` of the field, whatever `'__at`, and a skipped
/// field is the same in both, `Send` and `'static`. The fields' types are asked from the compiler by taking the two
/// types apart, so an attribute macro, an alias or a type macro cannot hide anything.
pub fn fields_match(input: &DeriveInput, shape: &Shape) -> TokenStream {
    let name = &input.ident;
    let mutable = Some(Default::default());

    // Under `&mut` no lifetime may be shortened, and a tuple that is already made is not coerced, as `&mut Box<T>` would
    // be to `&mut T`.
    let now = shape.destructure(name, quote!(*now), mutable, |field, binding| {
        let ty = field.alias();
        quote_spanned! {field.span()=>
            let #binding = (#binding,);
            <Self as ::grisaille::Trace>::__is_exactly::<#ty>(#binding);
        }
    });
    let at = shape.destructure(name, quote!(*at), mutable, |field, binding| {
        let ty = field.alias();
        if field.skip {
            quote_spanned! {field.span()=>
                let #binding = (#binding,);
                <Self as ::grisaille::Trace>::__may_be_skipped::<#ty>(#binding);
            }
        } else {
            quote_spanned! {field.span()=>
                let #binding = (#binding,);
                <Self as ::grisaille::Trace>::__is_exactly::<<#ty as ::grisaille::Trace>::At<'__at>>(#binding);
            }
        }
    });

    quote! {
        fn __prove(now: &mut Self) {
            <Self as ::grisaille::Trace>::__has_no_drop();
            #now
        }
        fn __prove_at<'__at>(at: &mut <Self as ::grisaille::Trace>::At<'__at>) {
            #at
        }
    }
}

/// A `Drop` on the type makes this impl overlap with another. It has the type's own bounds, not those of its `Trace` impl:
/// `Drop` is for every instance.
pub fn no_drop(input: &DeriveInput) -> TokenStream {
    let name = &input.ident;
    let (parameters, ty_generics, where_clause) = input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters ::grisaille::__private::TypesThatDeriveTraceMustNotImplementDrop for #name #ty_generics #where_clause {
            type Does = ();
        }
    }
}

/// Asks `NEEDS_TRACE` of a type that contains itself by value, and so of itself, which the compiler refuses. It would
/// refuse it where the type is used first, and only when it generates code; here the error is at the type. Generic types
/// have to wait.
pub fn finite(input: &DeriveInput) -> Option<TokenStream> {
    let name = &input.ident;
    let generics = &input.generics;
    let concrete = generics.where_clause.is_none() && generics.params.len() == generics.lifetimes().count();
    let lifetime = generics.lifetimes().map(|_| quote!('static));
    concrete.then(|| quote! { const _: () = if <#name<#(#lifetime),*> as ::grisaille::Trace>::NEEDS_TRACE {}; })
}
