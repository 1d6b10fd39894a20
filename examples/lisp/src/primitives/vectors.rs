//! Vectors, bytevectors and records.

use grisaille::{Array, Barrier, Mutator, Slot};

use super::{ANY, Table, element, elements, index, many, one, range, two};
use crate::error::{Error, Result};
use crate::number::whole;
use crate::read::{byte, list};
use crate::value::{RecordProcedure, RecordType, RecordWork, Small, Value, ValueSlot};

fn items<'a>(value: Value<'a>) -> Result<Array<'a, ValueSlot<'a>>> {
    match value {
        Value::Vector(items) => Ok(items),
        _ => Err(Error::wrong("a vector", value)),
    }
}

pub fn vector<'a, B: Barrier>(cx: &'a Mutator<'_, B>, items: &[Value<'a>]) -> Result<Value<'a>> {
    Ok(Value::Vector(cx.try_alloc_array(items.len(), |at| ValueSlot::new(items[at]))?))
}

pub fn octets<'a>(value: Value<'a>) -> Result<Array<'a, Slot<u8>>> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        _ => Err(Error::wrong("a bytevector", value)),
    }
}

pub fn bytes<'a, B: Barrier>(cx: &'a Mutator<'_, B>, bytes: &[u8]) -> Result<Value<'a>> {
    Ok(Value::Bytes(cx.try_alloc_array(bytes.len(), |at| Slot::new(bytes[at]))?))
}

/// Makes a procedure of a record type.
fn procedure<'a, B: Barrier>(cx: &'a Mutator<'_, B>, kind: Value<'a>, does: RecordWork) -> Result<Value<'a>> {
    match kind {
        Value::RecordType(kind) => Ok(Value::RecordProcedure(cx.try_alloc(RecordProcedure { kind, does })?)),
        _ => Err(Error::wrong("a record type", kind)),
    }
}

/// Returns the position of a field in records of a type.
fn field<'a>(kind: Value<'a>, name: Value<'a>) -> Result<usize> {
    let Value::RecordType(kind) = kind else { return Err(Error::wrong("a record type", kind)) };
    kind.names.iter().position(|known| known.same(name)).ok_or_else(|| Error::wrong("a field", name))
}

/// Copies elements within a sequence, or from one to another.
fn copy<'a, S: grisaille::Trace, T>(
    to: Array<'a, S>,
    from: Array<'a, S>,
    all: &[Value<'a>],
    get: impl Fn(&S) -> T,
    set: impl Fn(&S, T),
) -> Result<Value<'a>> {
    let range = range(&all[3..], from.len())?;
    let at = index(all[1])?;
    if at.checked_add(range.len()).is_none_or(|end| end > to.len()) {
        return Err(Error::new("there is no room for what is to be copied"));
    }
    let values: Vec<T> = from[range].iter().map(get).collect();
    to[at..].iter().zip(values).for_each(|(place, value)| set(place, value));
    Ok(Value::Unspecified)
}

pub fn table<B: Barrier>() -> Table<B> {
    vec![
        one("vector?", |_, _, a| Ok(matches!(a, Value::Vector(_)).into())),
        one("bytevector?", |_, _, a| Ok(matches!(a, Value::Bytes(_)).into())),
        many("vector", 0, ANY, |_, cx, all| vector(cx, all)),
        many("make-vector", 1, 2, |_, cx, all| {
            let fill = all.get(1).copied().unwrap_or(Value::Unspecified);
            Ok(Value::Vector(cx.try_alloc_array(index(all[0])?, |_| ValueSlot::new(fill))?))
        }),
        one("vector-length", |_, cx, a| whole(cx, items(a)?.len())),
        two("vector-ref", |_, _, a, at| Ok(element(&items(a)?, at)?.get())),
        many("vector-set!", 3, 3, |_, cx, all| {
            element(&items(all[0])?, all[1])?.set(cx, all[2]);
            Ok(Value::Unspecified)
        }),
        many("vector->list", 1, 3, |_, cx, all| {
            let items = items(all[0])?;
            let part: Vec<_> = items[range(&all[1..], items.len())?].iter().map(ValueSlot::get).collect();
            list(cx, &part)
        }),
        one("list->vector", |_, cx, a| vector(cx, &elements(a)?)),
        many("vector-fill!", 2, 4, |_, cx, all| {
            let items = items(all[0])?;
            items[range(&all[2..], items.len())?].iter().for_each(|place| place.set(cx, all[1]));
            Ok(Value::Unspecified)
        }),
        many("vector-copy", 1, 3, |_, cx, all| {
            let items = items(all[0])?;
            let range = range(&all[1..], items.len())?;
            Ok(Value::Vector(cx.try_alloc_array(range.len(), |at| ValueSlot::new(items[range.start + at].get()))?))
        }),
        many("vector-copy!", 3, 5, |_, cx, all| {
            copy(items(all[0])?, items(all[2])?, all, ValueSlot::get, |place, value| place.set(cx, value))
        }),
        many("vector-append", 0, ANY, |_, cx, all| {
            let parts: Result<Vec<_>> = all.iter().map(|part| items(*part)).collect();
            let all: Vec<_> = parts?.iter().flat_map(|part| part.iter().map(ValueSlot::get)).collect();
            vector(cx, &all)
        }),
        many("bytevector", 0, ANY, |_, cx, all| {
            let all: Result<Vec<u8>> = all.iter().map(|value| byte(*value)).collect();
            bytes(cx, &all?)
        }),
        many("make-bytevector", 1, 2, |_, cx, all| {
            let fill = all.get(1).map_or(Ok(0), |fill| byte(*fill))?;
            Ok(Value::Bytes(cx.try_alloc_array(index(all[0])?, |_| Slot::new(fill))?))
        }),
        one("bytevector-length", |_, cx, a| whole(cx, octets(a)?.len())),
        two("bytevector-u8-ref", |_, _, a, at| Ok(Value::Int(Small::from(element(&octets(a)?, at)?.get())))),
        many("bytevector-u8-set!", 3, 3, |_, cx, all| {
            element(&octets(all[0])?, all[1])?.set(cx, byte(all[2])?);
            Ok(Value::Unspecified)
        }),
        many("bytevector-copy", 1, 3, |_, cx, all| {
            let octets = octets(all[0])?;
            let range = range(&all[1..], octets.len())?;
            Ok(Value::Bytes(cx.try_alloc_array(range.len(), |at| Slot::new(octets[range.start + at].get()))?))
        }),
        many("bytevector-copy!", 3, 5, |_, cx, all| {
            copy(octets(all[0])?, octets(all[2])?, all, Slot::get, |place, value| place.set(cx, value))
        }),
        many("bytevector-append", 0, ANY, |_, cx, all| {
            let parts: Result<Vec<_>> = all.iter().map(|part| octets(*part)).collect();
            let all: Vec<u8> = parts?.iter().flat_map(|part| part.iter().map(Slot::get)).collect();
            bytes(cx, &all)
        }),
        many("utf8->string", 1, 3, |_, cx, all| {
            let octets = octets(all[0])?;
            let part: Vec<u8> = octets[range(&all[1..], octets.len())?].iter().map(Slot::get).collect();
            super::text(cx, String::from_utf8_lossy(&part).chars())
        }),
        two("%record-type", |_, cx, name, names| {
            Ok(Value::RecordType(cx.try_alloc(RecordType { name, names, fields: elements(names)?.len() })?))
        }),
        two("%record-make", |_, cx, kind, names| {
            let places: Result<Vec<usize>> = names.iter().map(|name| field(kind, name)).collect();
            procedure(cx, kind, RecordWork::Make(places?))
        }),
        one("%record-test", |_, cx, kind| procedure(cx, kind, RecordWork::Test)),
        two("%record-get", |_, cx, kind, name| procedure(cx, kind, RecordWork::Get(field(kind, name)?))),
        two("%record-set", |_, cx, kind, name| procedure(cx, kind, RecordWork::Set(field(kind, name)?))),
    ]
}
