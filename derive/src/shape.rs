//! The shape of a type: its variants and their fields. A struct has one variant.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Data, DeriveInput, Fields, Member, Token, Type, spanned::Spanned};

use crate::attributes;

pub(crate) struct Shape {
    variants: Vec<Variant>,
}

struct Variant {
    /// None for a struct.
    name: Option<Ident>,
    fields: Vec<Field>,
}

pub(crate) struct Field {
    pub member: Member,
    /// The field's type. Emitted in one place only; see `fields.rs`.
    pub ty: Type,
    pub skip: bool,
    /// The field's name, after that of its variant: `next`, `0`, `Pair.0`.
    pub name: String,
    /// The field's number among the fields of all variants.
    pub number: usize,
}

impl Shape {
    pub(crate) fn of(input: &DeriveInput) -> syn::Result<Self> {
        let mut numbers = 0..;
        let variants = match &input.data {
            Data::Struct(data) => vec![Variant { name: None, fields: fields(&data.fields, None, &mut numbers)? }],
            Data::Enum(data) => data
                .variants
                .iter()
                .map(|v| {
                    attributes::refuse_options(&v.attrs, "a variant")?;
                    let fields = fields(&v.fields, Some(&v.ident), &mut numbers)?;
                    Ok(Variant { name: Some(v.ident.clone()), fields })
                })
                .collect::<syn::Result<_>>()?,
            Data::Union(data) => {
                let message = "`Trace` cannot be derived for a union: the collector cannot know which field is alive";
                return Err(syn::Error::new(data.union_token.span(), message));
            }
        };
        Ok(Shape { variants })
    }

    /// Returns the fields of all variants.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.variants.iter().flat_map(|v| &v.fields)
    }

    /// Returns the fields that are not skipped.
    pub(crate) fn traced(&self) -> impl Iterator<Item = &Field> {
        self.fields().filter(|f| !f.skip)
    }

    /// Returns whether the type is an enum whose variants have one traced field each at the most.
    pub(crate) fn is_one_of_several(&self) -> bool {
        self.variants.iter().all(|v| v.name.is_some() && v.fields.iter().filter(|f| !f.skip).count() <= 1)
    }

    /// Returns the fields that are skipped.
    pub(crate) fn skipped(&self) -> impl Iterator<Item = &Field> {
        self.fields().filter(|f| f.skip)
    }

    /// Returns the fields of each variant.
    pub(crate) fn variants(&self) -> impl Iterator<Item = impl Iterator<Item = &Field>> {
        self.variants.iter().map(|v| v.fields.iter())
    }

    /// Emits a match on the place `on` that runs `act` for each field, bound by reference. The patterns name every
    /// field, skipped ones included, and have no `..`: a field that this macro has not seen is then an error.
    pub(crate) fn destructure(
        &self,
        name: &Ident,
        on: TokenStream,
        mutability: Option<Token![mut]>,
        act: impl Fn(&Field, &Ident) -> TokenStream,
    ) -> TokenStream {
        let arms =
            self.variants.iter().zip(self.patterns(name, "f", mutability)).map(|(variant, (pattern, bindings))| {
                let acts = variant.fields.iter().zip(&bindings).map(|(field, binding)| act(field, binding));
                quote! { #pattern => { #(#acts)* } }
            });
        quote! { match #on { #(#arms)* } }
    }

    /// Emits a match on `*self` whose value is what `of` makes of the variant's first traced field, or of none.
    pub(crate) fn choose(&self, name: &Ident, of: impl Fn(Option<(&Field, &Ident)>) -> TokenStream) -> TokenStream {
        let arms = self.variants.iter().zip(self.patterns(name, "f", None)).map(|(variant, (pattern, bindings))| {
            let value = of(variant.fields.iter().zip(&bindings).find(|(field, _)| !field.skip));
            quote! { #pattern => { #value } }
        });
        quote! { match *self { #(#arms)* } }
    }

    /// Emits a pattern for each variant that binds every field by reference, and the names that it binds, which begin
    /// with `prefix`.
    pub(crate) fn patterns(
        &self,
        name: &Ident,
        prefix: &str,
        mutability: Option<Token![mut]>,
    ) -> impl Iterator<Item = (TokenStream, Vec<Ident>)> {
        self.variants.iter().map(move |variant| {
            let path = variant.name.iter();
            let (parts, bindings): (Vec<_>, Vec<_>) = variant
                .fields
                .iter()
                .enumerate()
                .map(|(i, field)| {
                    let member = &field.member;
                    let mut binding = local(&format!("{prefix}{i}"));
                    binding.set_span(binding.span().located_at(field.span()));
                    // `Name { 0: x }` matches tuple structs too, and `Name {}` unit structs.
                    (quote_spanned!(field.span()=> #member: ref #mutability #binding), binding)
                })
                .unzip();
            (quote! { #name #(:: #path)* { #(#parts),* } }, bindings)
        })
    }
}

impl Field {
    /// Returns the span for code emitted for this field: compiler errors point at the field's type, and the user's
    /// lints do not apply, since it is still code of this macro.
    pub(crate) fn span(&self) -> Span {
        Span::call_site().located_at(self.ty.span())
    }
}

/// Makes a local variable that cannot clash with one of the user's names.
pub(crate) fn local(name: &str) -> Ident {
    format_ident!("__{name}", span = Span::mixed_site())
}

fn fields(
    fields: &Fields,
    variant: Option<&Ident>,
    numbers: &mut impl Iterator<Item = usize>,
) -> syn::Result<Vec<Field>> {
    let of = |((member, field), number): ((Member, &syn::Field), usize)| {
        let skip = attributes::field_is_skipped(&field.attrs)?;
        let own = match &member {
            Member::Named(name) => name.to_string(),
            Member::Unnamed(index) => index.index.to_string(),
        };
        let name = variant.map_or_else(|| own.clone(), |variant| format!("{variant}.{own}"));
        Ok(Field { member, ty: field.ty.clone(), skip, name, number })
    };
    fields.members().zip(fields).zip(numbers).map(of).collect()
}
