//! The impl's parameters and bounds, and the type `At<'__at>`.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit_mut::VisitMut;
use syn::{
    DeriveInput, GenericParam, Lifetime, PredicateType, Type, TypeParam, TypeParamBound, WhereClause, WherePredicate,
    parse_quote,
};

use crate::attributes;
use crate::shape::{Field, Shape};
use crate::substitute::{Substitute, at_lifetime, at_parameter};

pub(crate) struct Generics {
    /// `<'gc, T: Bound, const N: usize>`
    pub parameters: TokenStream,
    pub where_clause: WhereClause,
    /// `Name<'__at, <T as Trace>::At<'__at>, N>`
    pub at: Type,
}

impl Generics {
    pub(crate) fn of(input: &DeriveInput, shape: &Shape) -> syn::Result<Self> {
        for parameter in &input.generics.params {
            let attributes = match parameter {
                GenericParam::Lifetime(p) => &p.attrs,
                GenericParam::Type(p) => &p.attrs,
                GenericParam::Const(p) => &p.attrs,
            };
            attributes::refuse_options(attributes, "a parameter")?;
        }
        let lifetime = the_lifetime(input)?;
        let mention = |field: &Field, p: &TypeParam| mentions(field.ty.to_token_stream(), &p.ident);
        let (traced, left): (Vec<_>, Vec<_>) =
            input.generics.type_params().partition(|p| shape.traced().any(|field| mention(field, p)));
        let traced_names: Vec<_> = traced.iter().map(|p| &p.ident).collect();
        let at = at_type(input, &traced_names);
        let mut substitute = Substitute { lifetime, parameters: traced_names, at: &at };

        let (parameters, _, where_clause) = input.generics.split_for_impl();
        let mut predicates: Vec<WherePredicate> = where_clause.iter().flat_map(|w| &w.predicates).cloned().collect();
        let inline = input.generics.type_params().filter(|p| !p.bounds.is_empty()).map(|p| -> WherePredicate {
            let (name, bounds) = (&p.ident, &p.bounds);
            parse_quote!(#name: #bounds)
        });
        let declared: Vec<_> = predicates.iter().cloned().chain(inline).collect();

        for predicate in &declared {
            predicates.extend(at_every_lifetime(predicate, &mut substitute));
        }
        for parameter in &traced {
            let name = &parameter.ident;
            predicates.push(parse_quote!(#name: ::grisaille::Trace));
            if !is_maybe_unsized(parameter, &declared) {
                let at = at_parameter(name);
                predicates.push(parse_quote!(for<'__at> #at: ::core::marker::Sized));
            }
            // Without it the compiler would ask for `Unpin` where what is wrong is mostly that the field changes with `T`.
            if shape.skipped().any(|field| mention(field, parameter)) {
                let at = at_parameter(name);
                predicates.push(parse_quote!(#name: ::core::marker::Unpin));
                predicates.push(parse_quote!(for<'__at> #at: ::core::marker::Unpin));
            }
        }
        for name in left.iter().map(|p| &p.ident) {
            predicates.push(parse_quote!(#name: ::core::marker::Send + ::core::marker::Unpin + 'static));
        }
        let parameters = parameters.to_token_stream();
        Ok(Generics { parameters, where_clause: parse_quote!(where #(#predicates),*), at })
    }
}

/// Returns the one lifetime parameter, if there is one. A bound on it is an error.
fn the_lifetime(input: &DeriveInput) -> syn::Result<Option<&Lifetime>> {
    let mut lifetimes = input.generics.lifetimes();
    let first = lifetimes.next();
    if let Some(second) = lifetimes.next() {
        let message = "`Trace` takes one lifetime, the heap's: data borrowed from elsewhere cannot live in the heap";
        return Err(syn::Error::new_spanned(second, message));
    }
    let message = "the heap's lifetime cannot have bounds: the type must exist for every lifetime";
    if let Some(bounded) = first.filter(|p| !p.bounds.is_empty()) {
        return Err(syn::Error::new_spanned(bounded, message));
    }
    for predicate in input.generics.where_clause.iter().flat_map(|w| &w.predicates) {
        if let WherePredicate::Lifetime(bounded) = predicate {
            return Err(syn::Error::new_spanned(bounded, message));
        }
    }
    Ok(first.map(|p| &p.lifetime))
}

fn at_type(input: &DeriveInput, traced: &[&Ident]) -> Type {
    let name = &input.ident;
    let arguments = input.generics.params.iter().map(|parameter| match parameter {
        GenericParam::Lifetime(_) => at_lifetime().into_token_stream(),
        GenericParam::Type(p) if traced.contains(&&p.ident) => at_parameter(&p.ident).into_token_stream(),
        GenericParam::Type(p) => p.ident.to_token_stream(),
        GenericParam::Const(p) => p.ident.to_token_stream(),
    });
    parse_quote!(#name<#(#arguments),*>)
}

/// Returns the same bounds for `At`, without which `At` would not be well formed. Empty where nothing changes.
fn at_every_lifetime(predicate: &WherePredicate, substitute: &mut Substitute<'_>) -> Vec<WherePredicate> {
    let mut twin = predicate.clone();
    substitute.visit_where_predicate_mut(&mut twin);
    let text = |predicate: &WherePredicate| predicate.to_token_stream().to_string();
    let WherePredicate::Type(PredicateType { lifetimes, bounded_ty, bounds, .. }) = &twin else { return vec![] };
    if text(&twin) == text(predicate) {
        return vec![];
    }
    let outer: Vec<_> = lifetimes.iter().flat_map(|l| &l.lifetimes).collect();
    let each = bounds.iter().filter(|bound| !is_question_sized(bound)).map(|bound| {
        // `for` does not nest: a bound's own `for` moves to the front.
        let mut bound = bound.clone();
        let own = match &mut bound {
            TypeParamBound::Trait(bound) => bound.lifetimes.take(),
            _ => None,
        };
        let inner = own.iter().flat_map(|l| &l.lifetimes);
        parse_quote!(for<'__at, #(#outer,)* #(#inner,)*> #bounded_ty: #bound)
    });
    each.collect()
}

fn is_maybe_unsized(parameter: &TypeParam, declared: &[WherePredicate]) -> bool {
    declared.iter().any(|predicate| match predicate {
        WherePredicate::Type(p) => {
            matches!(&p.bounded_ty, Type::Path(path) if path.path.is_ident(&parameter.ident))
                && p.bounds.iter().any(is_question_sized)
        }
        _ => false,
    })
}

fn is_question_sized(bound: &TypeParamBound) -> bool {
    matches!(bound, TypeParamBound::Trait(bound) if matches!(bound.modifier, syn::TraitBoundModifier::Maybe(_)))
}

/// Returns whether the name occurs at all. Too wide an answer only adds a bound.
fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}
