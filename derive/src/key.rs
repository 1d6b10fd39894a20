//! `#[derive(Key)]`: a key that goes by its structure.
//!
//! What the impl promises (`Key`'s contract) is that no code runs but that of the fields' own impls of `Key`. Nothing of
//! that is concluded from the tokens of a type: fields are bound by patterns that name all of them, and passed to functions
//! of the real trait, which take any `K: Key`; so the compiler finds their types, and shows that these are keys.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Data, DeriveInput, WherePredicate, parse_quote, spanned::Spanned};

use crate::attributes::refuse_packed;
use crate::shape::Shape;
use crate::substitute::at_parameter;

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    refuse_packed(&input.attrs, "Key")?;
    if let Data::Union(data) = &input.data {
        let message = "`Key` cannot be derived for a union: nobody knows which field is alive";
        return Err(syn::Error::new(data.union_token.span(), message));
    }
    let shape = Shape::of(input)?;
    let name = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    let mut predicates: Vec<WherePredicate> = where_clause.iter().flat_map(|w| &w.predicates).cloned().collect();
    for parameter in input.generics.type_params() {
        let (name, at) = (&parameter.ident, at_parameter(&parameter.ident));
        predicates.push(parse_quote!(#name: ::grisaille::Key));
        // Arrays and options of the parameter require that.
        predicates.push(parse_quote!(for<'__at> #at: ::core::marker::Sized));
    }
    if input.generics.type_params().next().is_some() {
        // What the trait requires of the type, with whatever that requires of the parameters.
        predicates.push(parse_quote!(#name #ty_generics: ::grisaille::Trace + ::core::marker::Copy));
    }
    let hash = hash_key(input, &shape);
    let same = is_same(input, &shape);
    Ok(quote! {
        #[automatically_derived]
        // SAFETY: the functions consist of patterns, and of calls of functions of the trait, which call nothing but the
        // fields' own impls of the trait.
        unsafe impl #impl_generics ::grisaille::Key for #name #ty_generics where #(#predicates),* {
            #[inline]
            fn hash_key(&self) -> ::core::primitive::u64 {
                #hash
            }
            #[inline]
            fn is_same(&self, other: &Self) -> ::core::primitive::bool {
                #same
            }
        }
    })
}

/// Emits the hash: of a struct with one field, that of the field; else of the variant's number and the fields in turn.
fn hash_key(input: &DeriveInput, shape: &Shape) -> TokenStream {
    let is_struct = matches!(input.data, Data::Struct(_));
    let arms = shape.patterns(&input.ident, "f", None).enumerate().map(|(number, (pattern, fields))| {
        // Far from each other, so that a field's hash seldom makes one variant of another.
        let variant = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = match &fields[..] {
            [] => quote!(<Self as ::grisaille::Key>::__hash_variant(#variant)),
            [only] if is_struct => quote_spanned!(span_of(only)=> <Self as ::grisaille::Key>::__hash_only((#only,))),
            fields => fields.iter().fold(
                quote!(#variant),
                |before, field| quote_spanned!(span_of(field)=> <Self as ::grisaille::Key>::__hash_field(#before, (#field,))),
            ),
        };
        quote!(#pattern => #hash,)
    });
    quote!(match *self { #(#arms)* })
}

/// Returns the span for code about a bound field, so that compiler errors point at the field's type.
fn span_of(binding: &Ident) -> Span {
    Span::call_site().located_at(binding.span())
}

fn is_same(input: &DeriveInput, shape: &Shape) -> TokenStream {
    let ones = shape.patterns(&input.ident, "one", None);
    let others = shape.patterns(&input.ident, "other", None);
    let several = shape.patterns(&input.ident, "f", None).count() > 1;
    let arms = ones.zip(others).map(|((one, fields), (other, other_fields))| {
        let same = fields
            .iter()
            .zip(&other_fields)
            .map(|(one, other)| quote_spanned!(span_of(one)=> && <Self as ::grisaille::Key>::__is_same_field((#one,), (#other,))));
        let different = several.then(|| quote!(_ => false,));
        quote! {
            #one => match *other {
                #other => true #(#same)*,
                #different
            },
        }
    });
    quote!(match *self { #(#arms)* })
}
