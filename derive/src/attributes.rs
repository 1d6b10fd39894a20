//! `#[trace(..)]`: which options there are, and where.

use syn::{Attribute, DeriveInput, LitStr, meta::ParseNestedMeta};

/// The options of a type.
#[derive(Default)]
pub(crate) struct TypeOptions {
    /// `#[trace(drop = "background")]`
    pub background_drop: bool,
}

impl TypeOptions {
    pub(crate) fn of(input: &DeriveInput) -> syn::Result<Self> {
        refuse_packed(&input.attrs, "Trace")?;
        let mut options = Self::default();
        each_option(&input.attrs, |meta| {
            if meta.path.is_ident("skip") {
                return Err(meta.error("`skip` belongs on a field; a type with nothing to trace needs no option"));
            }
            if !meta.path.is_ident("drop") {
                return Err(meta.error("unknown option: a type may have `#[trace(drop = \"background\")]`"));
            }
            let value: LitStr = meta.value()?.parse()?;
            if value.value() != "background" {
                return Err(syn::Error::new(value.span(), "unknown value: the only one is \"background\""));
            }
            once(&meta, &mut options.background_drop)
        })?;
        Ok(options)
    }
}

/// Returns whether a field has `#[trace(skip)]`.
pub(crate) fn field_is_skipped(attributes: &[Attribute]) -> syn::Result<bool> {
    let mut skip = false;
    each_option(attributes, |meta| {
        if !meta.path.is_ident("skip") {
            return Err(meta.error("unknown option: a field may have `#[trace(skip)]`"));
        }
        once(&meta, &mut skip)
    })?;
    Ok(skip)
}

/// Refuses options on variants and generic parameters, where they would seem to have an effect.
pub(crate) fn refuse_options(attributes: &[Attribute], on: &str) -> syn::Result<()> {
    match attributes.iter().find(|a| a.path().is_ident("trace")) {
        Some(a) => Err(syn::Error::new_spanned(&a.meta, format!("this means nothing on {on}: skip fields one by one"))),
        None => Ok(()),
    }
}

fn each_option(attributes: &[Attribute], mut f: impl FnMut(ParseNestedMeta) -> syn::Result<()>) -> syn::Result<()> {
    attributes.iter().filter(|a| a.path().is_ident("trace")).try_for_each(|a| a.parse_nested_meta(&mut f))
}

fn once(meta: &ParseNestedMeta, seen: &mut bool) -> syn::Result<()> {
    if std::mem::replace(seen, true) { Err(meta.error("this option is given twice")) } else { Ok(()) }
}

/// Refuses packed types with a message of its own; the compiler would complain of references that the user never wrote.
pub(crate) fn refuse_packed(attributes: &[Attribute], name: &str) -> syn::Result<()> {
    for repr in attributes.iter().filter(|a| a.path().is_ident("repr")) {
        repr.parse_nested_meta(|meta| {
            if meta.path.is_ident("packed") {
                let why = "cannot be derived for a packed type: its fields cannot be borrowed";
                return Err(meta.error(format!("`{name}` {why}")));
            }
            // `align(8)`, `packed(2)`: skip the argument. The compiler reports whatever else is wrong here.
            if meta.input.peek(syn::token::Paren) {
                let argument;
                syn::parenthesized!(argument in meta.input);
                argument.parse::<proc_macro2::TokenStream>()?;
            }
            Ok(())
        })?;
    }
    Ok(())
}
