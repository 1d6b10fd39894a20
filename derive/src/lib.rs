//! The derive macros of [`grisaille`](https://docs.rs/grisaille): `#[derive(Trace)]`, `#[derive(Key)]` and
//! `#[derive(Pack)]`.
//!
//! Use them through `grisaille`, which re-exports each beside its trait; the code that they emit names `::grisaille`.
//!
//! Their principle: **nothing that soundness needs is decided from syntax.** The macro sees tokens, which can deceive: a
//! type alias hides a lifetime, an attribute macro below the derive rewrites the type after the derive has seen it. So
//! whatever the macro concludes is also emitted as code which the compiler must accept; see `proofs.rs`.
//!
//! Two rules follow for what is emitted:
//!
//! * **One name is trusted, the path to the trait.** A program may define what `::core`, `::grisaille`, `bool` or
//!   `Option` means in it. Whoever redefines `::grisaille::Trace` has not implemented the real trait, which does no
//!   harm; so every proof is a call of a function of `Trace`, and numbers are computed by operators and methods of the
//!   built-in types. Other names only occur where a wrong one does not compile, since the trait has the right one
//!   there: in signatures, and in the impl that a proof asks for.
//! * **A field's type is emitted once.** A type macro may expand to another type each time. `fields.rs` gives each type
//!   a name, which everything else uses, and the proofs show that the named type is the field's.

#![deny(unreachable_pub)]

mod attributes;
mod fields;
mod generics;
mod key;
mod pack;
mod proofs;
mod shape;
mod substitute;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{DeriveInput, parse_macro_input};

use attributes::TypeOptions;
use generics::Generics;
use shape::Shape;

/// Implements `Trace` for a struct or an enum, so that it may live in the heap or be rooted.
///
/// ```ignore
/// use grisaille::{Gc, Slot, Trace};
///
/// #[derive(Clone, Copy, Trace)]
/// enum Value<'gc> { Nil, Num(f64), Pair(Gc<'gc, Pair<'gc>>) }
///
/// #[derive(Trace)]
/// struct Pair<'gc> { car: Slot<Value<'gc>>, cdr: Slot<Value<'gc>> }
///
/// #[derive(Trace)]
/// struct File<'gc> {
///     name: Gc<'gc, Pair<'gc>>,
///     #[trace(skip)] // nothing in it that the collector should see
///     handle: Option<std::fs::File>,
/// }
/// ```
///
/// The derived code needs no `unsafe` of yours: it compiles under `#![forbid(unsafe_code)]`.
///
/// # The type
///
/// * At most **one lifetime** parameter, by custom `'gc`: the time for which the pointers inside are free to use.
///   `At<'a>` is the same type with `'a` in its place.
/// * A **type parameter** `T` that a traced field mentions must be `Trace`, and sized at every lifetime unless it is
///   declared `?Sized`; in `At<'a>` it becomes `T::At<'a>`. What the type requires of `T` is therefore required of
///   `T::At<'a>` too: after `struct Set<T: Eq>`, `Set<T>` is `Trace` where `T::At<'a>: Eq` for every `'a`.
/// * A type parameter that **no traced field mentions** is left as it is; it must be `Send + Unpin + 'static`. A traced field
///   that refers to the type itself can say `Self` and so mentions no parameter.
/// * A type parameter that **both** a traced and a skipped field mention must be `Unpin` too. A skipped field of type `T` or
///   `Option<T>` changes with the parameter, and is refused: give it a parameter of its own.
/// * Const parameters and `where` clauses are kept. In bounds, write `<T as Trait>::Item` for `T::Item`, which would be
///   ambiguous once `T` is `T::At<'a>`.
///
/// # The fields
///
/// Each field's type must be `Trace`. A field with `#[trace(skip)]` is not traced; its type must be
/// **`Send + Unpin + 'static`** and must not change with `'gc`, nor with a `T` that a traced field mentions. That is where values
/// with a `Drop` of yours go, files, callbacks, foreign types and `PhantomData<T>`. A `Gc` cannot be skipped: it is
/// neither `Send` nor `'static`. Nor can a `Persistent`, a `Stack` or a `Guardian`, which are not `Unpin`: an object that owned
/// one would keep alive what is rooted by it, for ever where that leads back to the object.
///
/// # The options
///
/// | where | option | what it does |
/// |---|---|---|
/// | a field | `#[trace(skip)]` | does not trace the field, see above |
/// | the type | `#[trace(drop = "background")]` | lets a dead object's fields be dropped on the sweeper's thread, not in the mutator's pauses |
///
/// Dropping elsewhere is safe for every derived type, as there is nothing in it with a `Drop` that is not `Send`:
/// `Vec`, `Box` and `String` may be freed by any thread, skipped fields are `Send`, and dropping a `Gc` does nothing.
/// It is an option because *when and where* a skipped field's `Drop` runs is something you may want to know.
///
/// # What it refuses
///
/// * **Unions**, and `#[repr(packed)]` types, whose fields cannot be borrowed.
/// * **A second lifetime** parameter. Data borrowed from outside the heap cannot live in it: heap objects may be
///   dropped later than any borrow ends.
/// * **A bound on the lifetime** (`'gc: 'static`), since `At` must exist for every lifetime.
/// * **`Drop` on the type itself**: it could read pointers whose objects are gone already. Put what needs a `Drop` in a
///   type of its own, in a skipped field.
/// * **Fields whose type's `At` is not the type with its lifetime and parameters replaced**, for instance
///   `Gc<'static, T>` beside a `'gc`.
/// * **Types that contain themselves by value** through a `Vec` or the like: tracing would recurse as deeply as the
///   data (the compiler says `cycle detected`, about `NEEDS_TRACE`). Put a `Gc` between.
/// * Options it does not know, an option twice, and options where they mean nothing.
#[proc_macro_derive(Trace, attributes(trace))]
pub fn derive_trace(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let mut input = parse_macro_input!(input as DeriveInput);
    // The name gets a span of this macro's, so that the user's lints (`deprecated`) do not fire.
    input.ident.set_span(Span::call_site().located_at(input.ident.span()));
    expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Implements `Key` for a struct or an enum, so that its values may be keys of a `Map`.
///
/// ```ignore
/// use grisaille::{Key, Str, Trace};
///
/// #[derive(Clone, Copy, Trace, Key)]
/// enum Name<'gc> { Local(u32), Global(Str<'gc>) }
/// ```
///
/// Two keys are the same where the variant is the same and all fields are the same keys; the hash is made of the same. An
/// impl of `PartialEq` or `Hash` plays no part: no code of yours runs inside of a map.
///
/// * **Each field's type** must be `Key`, and the type itself `Copy` and `Trace`.
/// * **Type parameters** must be `Key`.
/// * The type may have **a lifetime**, the heap's. Unions and `#[repr(packed)]` types are refused.
///
/// The derived code needs no `unsafe` of yours: it compiles under `#![forbid(unsafe_code)]`.
#[proc_macro_derive(Key)]
pub fn derive_key(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let mut input = parse_macro_input!(input as DeriveInput);
    input.ident.set_span(Span::call_site().located_at(input.ident.span()));
    key::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Implements `Pack` for an enum of nil-like variants, booleans, small integers, characters, an `f64`, and pointers of
/// several types, so that `Packed` holds it in one word.
///
/// ```ignore
/// use grisaille::{Gc, Pack, Packed, Slot, Str, Trace};
///
/// #[derive(Clone, Copy, Trace, Pack)]
/// enum Value<'gc> { Number(f64), Pair(Gc<'gc, Pair<'gc>>), Symbol(Str<'gc>), Boolean(bool), Nil }
///
/// #[derive(Trace)]
/// struct Pair<'gc> { car: Slot<Packed<Value<'gc>>>, cdr: Slot<Packed<Value<'gc>>> }
/// ```
///
/// The derived code needs no `unsafe` of yours. What the enum may be made of is in the trait's documentation.
///
/// # What it refuses
///
/// * **Structs and unions**, enums **without variants**, and enums with **more than 64**.
/// * **Type parameters**.
/// * A variant with **two fields**, or with a field of a type that does not fit the word beside a tag.
/// * **More than 15** variants that hold a pointer, or a **second `f64`**.
#[proc_macro_derive(Pack, attributes(trace))]
pub fn derive_pack(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let mut input = parse_macro_input!(input as DeriveInput);
    input.ident.set_span(Span::call_site().located_at(input.ident.span()));
    pack::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let options = TypeOptions::of(input)?;
    let shape = Shape::of(input)?;
    let generics = Generics::of(input, &shape)?;

    let fields = fields::aliases(input, &shape, &generics);
    let implementation = implementation(input, &options, &shape, &generics);
    let no_drop = proofs::no_drop(input);
    let finite = proofs::finite(input);

    // Inside an anonymous constant the helper items cannot clash with the user's names.
    Ok(quote! {
        const _: () = {
            #fields
            #implementation
            #no_drop
            #finite
        };
    })
}

fn implementation(input: &DeriveInput, options: &TypeOptions, shape: &Shape, generics: &Generics) -> TokenStream {
    let name = &input.ident;
    let (_, ty_generics, _) = input.generics.split_for_impl();
    let (impl_generics, where_clause, at) = (&generics.parameters, &generics.where_clause, &generics.at);

    let needs_trace = shape.traced().map(|field| {
        let ty = field.alias();
        quote_spanned!(field.span()=> <#ty as ::grisaille::Trace>::NEEDS_TRACE)
    });
    let max_pointers = max_pointers(shape);
    let drop_on = options.background_drop.then(|| {
        quote! {
            const DROP: ::grisaille::__private::DropOn = ::grisaille::__private::DropOn::Sweeper;
        }
    });
    let tracer = shape::local("tracer");
    // Fully qualified: a method `trace` of the field's own must not be taken for the trait's.
    let body = shape.destructure(name, quote!(*self), None, |field, binding| {
        let ty = field.alias();
        if field.skip {
            return quote!();
        }
        quote_spanned!(field.span()=> <#ty as ::grisaille::Trace>::trace(#binding, #tracer);)
    });
    let told = shape::local("field");
    let body_with_names = shape.destructure(name, quote!(*self), None, |field, binding| {
        let ty = field.alias();
        if field.skip {
            return quote!();
        }
        let name = &field.name;
        quote_spanned! {field.span()=>
            #told.field(#tracer, #name);
            <#ty as ::grisaille::Trace>::trace(#binding, #tracer);
        }
    });
    let fields_match = proofs::fields_match(input, shape);
    // The values of interpreters: rooting one is a compare and a store where the match is part of the caller.
    let inline = if shape.is_one_of_several() { quote!(#[inline(always)]) } else { quote!(#[inline]) };
    let only = shape.is_one_of_several().then(|| only(name, shape));
    let body = match &only {
        Some(_) => quote! {
            if <Self as ::grisaille::Trace>::AT_MOST_ONE {
                <Self as ::grisaille::Trace>::__trace_only(self, #tracer);
            } else {
                #body
            }
        },
        None => body,
    };

    quote! {
        #[automatically_derived]
        // SAFETY: `trace` visits every field that is not skipped, once, and `MAX_POINTERS` adds up the bounds of the
        // same fields (the largest of any variant). Where each variant has one such field at the most, and all of
        // these have an `AT_MOST_ONE` that is true, `__only` returns what that field's `__only` does. The rest of the
        // trait's contract is proved by the last two functions: `At` is this type with its fields at the other
        // lifetime, skipped fields hold nothing of the heap, and the type has no `Drop`.
        unsafe impl #impl_generics ::grisaille::Trace for #name #ty_generics #where_clause {
            type At<'__at> = #at;
            const NEEDS_TRACE: ::core::primitive::bool = false #(|| #needs_trace)*;
            const MAX_POINTERS: ::core::primitive::usize = #max_pointers;
            #drop_on
            #inline
            fn trace(&self, #tracer: &mut ::grisaille::Tracer<'_>) {
                #body
            }
            fn __trace_fields(
                &self,
                #tracer: &mut ::grisaille::Tracer<'_>,
                #told: &mut ::grisaille::__private::FieldNames<'_>,
            ) {
                #body_with_names
            }
            #only
            #fields_match
        }
    }
}

/// Emits how a value of an enum returns its one pointer, where its fields have one at the most: the compiler makes no jump of
/// variants whose pointers lie in the same place.
fn only(name: &Ident, shape: &Shape) -> TokenStream {
    let each = shape.traced().map(|field| {
        let ty = field.alias();
        quote_spanned!(field.span()=> <#ty as ::grisaille::Trace>::AT_MOST_ONE)
    });
    let choice = shape.choose(name, |field| match field {
        Some((field, binding)) => {
            let ty = field.alias();
            quote_spanned!(field.span()=> <#ty as ::grisaille::Trace>::__only(#binding))
        }
        None => quote!(<Self as ::grisaille::Trace>::__nothing()),
    });
    quote! {
        const AT_MOST_ONE: ::core::primitive::bool = true #(&& #each)*;
        #[inline(always)]
        fn __only(&self) -> ::grisaille::__private::Only {
            #choice
        }
    }
}

/// Emits the largest sum of a variant's fields, as an expression without names: `a.saturating_sub(b).saturating_add(b)`
/// is the larger of the two.
fn max_pointers(shape: &Shape) -> TokenStream {
    shape.variants().fold(quote!(0usize), |largest, fields| {
        let mut each = fields.filter(|field| !field.skip).map(|field| {
            let ty = field.alias();
            quote_spanned!(field.span()=> <#ty as ::grisaille::Trace>::MAX_POINTERS)
        });
        let Some(first) = each.next() else { return largest };
        let sum = quote!(#first #(.saturating_add(#each))*);
        quote!(#largest.saturating_sub(#sum).saturating_add(#sum))
    })
}
