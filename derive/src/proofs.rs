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

/// Proves that `At` commutes with the fields: the field of `At<'__at>` *is* `At<'__at>` of the field, whatever `'__at`,
/// and a skipped field is the same in both, `Send` and `'static`. The two types are destructured, so that the compiler
/// supplies the fields' types, and an attribute macro, an alias or a type macro cannot hide anything.
pub(crate) fn fields_match(input: &DeriveInput, shape: &Shape) -> TokenStream {
    let name = &input.ident;
    let mutable = Some(Default::default());

    // Under `&mut` no lifetime may be shortened, and a tuple that is already made is not coerced, as `&mut Box<T>`
    // would be to `&mut T`.
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
                <Self as ::grisaille::Trace>::__skipped_field_is_the_same_at_every_lifetime::<#ty>(#binding);
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

/// Emits an impl that overlaps with another if the type has a `Drop`. Its bounds are the type's own, not those of the
/// `Trace` impl: a `Drop` is for every instance.
pub(crate) fn no_drop(input: &DeriveInput) -> TokenStream {
    let name = &input.ident;
    let (parameters, ty_generics, where_clause) = input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters ::grisaille::__private::TypesThatDeriveTraceMustNotImplementDrop for #name #ty_generics #where_clause {
            type Does = ();
        }
    }
}

/// Evaluates `NEEDS_TRACE` at the type. For a type that contains itself by value this needs its own result, which the
/// compiler refuses. Without this the error would come at the first use, and only when code is generated. Types with
/// parameters are not evaluated here.
pub(crate) fn finite(input: &DeriveInput) -> Option<TokenStream> {
    let name = &input.ident;
    let generics = &input.generics;
    let concrete = generics.where_clause.is_none() && generics.params.len() == generics.lifetimes().count();
    let lifetime = generics.lifetimes().map(|_| quote!('static));
    concrete.then(|| quote! { const _: () = if <#name<#(#lifetime),*> as ::grisaille::Trace>::NEEDS_TRACE {}; })
}
