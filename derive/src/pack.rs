//! `#[derive(Pack)]`: the form of an enum in one word.
//!
//! What is emitted is a list of the variants' types, in which each type occurs once, and two functions that go through the
//! variants. A variant is named by its position in the list (`()`, `((),)`, `(((),),)`), and the type of what it holds is
//! never named again: the trait's functions take it from the list. So the compiler shows that each type in the list is that
//! of the variant: `__pack` hands the field to a function that takes the list's type, and `__unpack` makes the variant of
//! a value of the list's type. Numbers and tags are computed in the crate.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Data, DeriveInput, Fields, Member, Type, spanned::Spanned};

use crate::shape::local;

/// As many as the crate can tell apart, which checks it too.
const MOST_VARIANTS: usize = 64;

struct Variant<'i> {
    name: &'i Ident,
    held: Option<(Member, &'i Type)>,
    position: TokenStream,
}

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let variants = variants(input)?;
    if let Some(parameter) = input.generics.type_params().next() {
        let message = "`Pack` takes no type parameters: how a value is packed must not depend on one";
        return Err(syn::Error::new_spanned(parameter, message));
    }
    let name = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    let fields = variants.iter().rfold(quote!(()), |rest, variant| match variant.held {
        Some((_, ty)) => quote!((#ty, #rest)),
        None => quote!(((), #rest)),
    });
    let pack = variants.iter().map(|variant| variant.pack(name));
    let mut order: Vec<_> = variants.iter().collect();
    order.sort_by_key(|variant| variant.rank());
    let packed = local("packed");
    let unpack = order.iter().map(|variant| variant.unpack(name, &packed));
    let check = check(input);

    Ok(quote! {
        const _: () = {
            #[automatically_derived]
            // SAFETY: the two functions prove that the list has the types of the variants, so that it changes with the
            // lifetime as the enum does. `__unpack` asks for each position.
            unsafe impl #impl_generics ::grisaille::Pack for #name #ty_generics #where_clause {
                type __Fields = #fields;
                #[inline(always)]
                fn __pack(self) -> ::grisaille::Packed<Self> {
                    match self { #(#pack)* }
                }
                #[inline(always)]
                fn __unpack(#packed: ::grisaille::Packed<Self>) -> Self {
                    #(#unpack)*
                    // SAFETY: `__is` returned false at each position.
                    unsafe { <Self as ::grisaille::Pack>::__never(#packed) }
                }
            }
            #check
        };
    })
}

impl Variant<'_> {
    /// Returns the span for code emitted for the variant: errors point at the type of its field, and the user's lints do
    /// not apply.
    fn span(&self) -> Span {
        let span = Span::call_site();
        self.held.as_ref().map_or(span, |(_, ty)| span.located_at(ty.span()))
    }

    fn pack(&self, of: &Ident) -> TokenStream {
        let (name, position, span) = (self.name, &self.position, self.span());
        let Some((member, _)) = &self.held else {
            return quote!(#of::#name {} => <Self as ::grisaille::Pack>::__make::<#position>(()),);
        };
        let mut field = local("field");
        field.set_span(field.span().located_at(span));
        // By `ref`: a name alone may be a constant of the program's.
        let make = quote_spanned!(span=> <Self as ::grisaille::Pack>::__make::<#position>(*#field));
        quote!(#of::#name { #member: ref #field } => #make,)
    }

    fn unpack(&self, of: &Ident, packed: &Ident) -> TokenStream {
        let (name, position, span) = (self.name, &self.position, self.span());
        let field = self.held.as_ref().map(
            |(member, _)| quote_spanned!(span=> #member: <Self as ::grisaille::Pack>::__field::<#position>(#packed)),
        );
        quote! {
            if <Self as ::grisaille::Pack>::__is::<#position>(#packed) {
                return #of::#name { #field };
            }
        }
    }

    /// Returns when the variant is asked for. Any order is right; the order makes the questions few.
    fn rank(&self) -> u8 {
        match self.held {
            Some((_, Type::Path(ty))) if ty.path.is_ident("f64") => 0,
            Some(_) => 1,
            None => 2,
        }
    }
}

fn variants(input: &DeriveInput) -> syn::Result<Vec<Variant<'_>>> {
    let Data::Enum(data) = &input.data else {
        let message = "`Pack` is derived for an enum, whose variants are the values that a word may hold";
        return Err(syn::Error::new_spanned(&input.ident, message));
    };
    if data.variants.is_empty() {
        let message = "`Pack` cannot be derived for an enum without variants: a word always holds a value";
        return Err(syn::Error::new_spanned(&input.ident, message));
    }
    if let Some(one_too_many) = data.variants.iter().nth(MOST_VARIANTS) {
        let message = format!("an enum that derives `Pack` may have {MOST_VARIANTS} variants at most");
        return Err(syn::Error::new_spanned(one_too_many, message));
    }
    let mut next = quote!(());
    let of = |variant| {
        let following = quote!((#next,));
        let position = std::mem::replace(&mut next, following);
        held(variant).map(|held| Variant { name: &variant.ident, held, position })
    };
    data.variants.iter().map(of).collect()
}

/// Returns what a variant holds.
fn held(variant: &syn::Variant) -> syn::Result<Option<(Member, &Type)>> {
    let fields: &Fields = &variant.fields;
    if let Some(second) = fields.iter().nth(1) {
        let message = "a variant of an enum that derives `Pack` holds one field at most: several go into an object";
        return Err(syn::Error::new_spanned(second, message));
    }
    Ok(fields.members().zip(fields).next().map(|(member, field)| (member, &field.ty)))
}

/// Evaluates the check where the enum is declared, which otherwise is evaluated where code is generated.
fn check(input: &DeriveInput) -> Option<TokenStream> {
    let name = &input.ident;
    let generics = &input.generics;
    let concrete = generics.where_clause.is_none() && generics.params.len() == generics.lifetimes().count();
    let lifetime = generics.lifetimes().map(|_| quote!('static));
    let span = Span::call_site().located_at(name.span());
    concrete.then(|| quote_spanned! {span=> const _: () = <#name<#(#lifetime),*> as ::grisaille::Pack>::__CHECK; })
}
