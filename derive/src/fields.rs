//! A name for each field's type, so that the type itself is emitted once.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::DeriveInput;

use crate::generics::Generics;
use crate::shape::{Field, Shape};

impl Field {
    /// The field's type, by its name; valid in the impl of `Trace`, whose `Self` has the names.
    pub(crate) fn alias(&self) -> TokenStream {
        let name = self.alias_name();
        quote_spanned!(self.span()=> <Self as __GrisailleFields>::#name)
    }

    fn alias_name(&self) -> Ident {
        format_ident!("F{}", self.number, span = self.span())
    }
}

/// Emits the names: associated types rather than type aliases, so that the user's parameters, their bounds and `Self`
/// mean there what they mean in the type.
pub(crate) fn aliases(input: &DeriveInput, shape: &Shape, generics: &Generics) -> Option<TokenStream> {
    let name = &input.ident;
    let (_, ty_generics, _) = input.generics.split_for_impl();
    let (parameters, where_clause) = (&generics.parameters, &generics.where_clause);
    let (names, types): (Vec<_>, Vec<_>) = shape.fields().map(|field| (field.alias_name(), &field.ty)).unzip();
    (!names.is_empty()).then(|| {
        quote! {
            trait __GrisailleFields { #(type #names: ?::core::marker::Sized;)* }
            #[automatically_derived]
            impl #parameters __GrisailleFields for #name #ty_generics #where_clause { #(type #names = #types;)* }
        }
    })
}
