//! Code that is never run, and that compiles only if what the macro assumed is true.
//!
//! The proofs are in function bodies. As `where` clauses they would be the caller's to show, and a generic caller could
//! assume them; in a body, the compiler shows them here, once, for all lifetimes and parameters.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::DeriveInput;

use crate::generics::Generics;
use crate::shape::Shape;

/// `At` commutes with the fields: the field of `At<'__at>` *is* `At<'__at>` of the field, whatever `'__at`, and a skipped
/// field is the same in both, `Send` and `'static`. The fields' types are asked from the compiler by taking the two
/// types apart, so an attribute macro, an alias or a type macro cannot hide anything.
pub fn fields_match(input: &DeriveInput, shape: &Shape, generics: &Generics) -> TokenStream {
    let name = &input.ident;
    let (_, ty_generics, _) = input.generics.split_for_impl();
    let (parameters, where_clause) = (&generics.parameters, &generics.where_clause);
    let mutable = Some(Default::default());

    // Under `&mut` no lifetime may be shortened, and an option that is already made is not coerced, as `&mut Box<T>` would
    // be to `&mut T`.
    let now = shape.destructure(name, quote!(*now), mutable, |field, binding| {
        let ty = &field.ty;
        quote_spanned! {field.span()=>
            let #binding = ::core::option::Option::Some(#binding);
            __grisaille_exact::<#ty>(#binding);
        }
    });
    let at = shape.destructure(name, quote!(*at), mutable, |field, binding| {
        let ty = &field.ty;
        if field.skip {
            quote_spanned! {field.span()=>
                let #binding = ::core::option::Option::Some(#binding);
                __grisaille_exact::<#ty>(#binding);
                ::grisaille::__private::send_static::<#ty>();
            }
        } else {
            quote_spanned! {field.span()=>
                let #binding = ::core::option::Option::Some(#binding);
                __grisaille_exact::<<#ty as ::grisaille::Trace>::At<'__at>>(#binding);
            }
        }
    });

    // A trait rather than functions: in its impl the user's `Self` means what it says.
    quote! {
        fn __grisaille_exact<T: ?::core::marker::Sized>(_: ::core::option::Option<&mut T>) {}
        trait __GrisailleFieldsMatch: ::grisaille::Trace {
            fn now(now: &mut Self);
            fn at<'__at>(at: &mut <Self as ::grisaille::Trace>::At<'__at>);
        }
        #[automatically_derived]
        impl #parameters __GrisailleFieldsMatch for #name #ty_generics #where_clause {
            fn now(now: &mut Self) {
                #now
            }
            fn at<'__at>(at: &mut <Self as ::grisaille::Trace>::At<'__at>) {
                #at
            }
        }
    }
}

/// A `Drop` on the type makes these two impls overlap. They have the type's own bounds, not those of its `Trace` impl:
/// `Drop` is for every instance.
pub fn no_drop(input: &DeriveInput) -> TokenStream {
    let name = &input.ident;
    let (parameters, ty_generics, where_clause) = input.generics.split_for_impl();
    quote! {
        trait TypesThatDeriveTraceMustNotImplementDrop {}
        impl<T: ::core::ops::Drop + ?::core::marker::Sized> TypesThatDeriveTraceMustNotImplementDrop for T {}
        #[automatically_derived]
        impl #parameters TypesThatDeriveTraceMustNotImplementDrop for #name #ty_generics #where_clause {}
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
    concrete.then(|| quote! { const _: bool = <#name<#(#lifetime),*> as ::grisaille::Trace>::NEEDS_TRACE; })
}
