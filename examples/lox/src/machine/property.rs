//! Fields, methods and classes: what a site does when it knows the class of an instance, and when it does not.

use grisaille::{Barrier, Gc, Map, Mutator, Slot, Str};

use super::burst::Burst;
use super::{Full, Stop, cold, error};
use crate::code::Place;
use crate::object::{Bound, Class, Closure, Instance, Row, index_of};
use crate::value::{Stored, Value};

/// The result of a property's lookup.
pub enum Property<'a> {
    Field(Stored<'a>),
    Method(Gc<'a, Closure<'a>>),
}

impl<'v, 's> Burst<'_, 'v, 's> {
    /// Returns a string constant.
    pub(super) fn string<'a, B: Barrier>(&self, cx: &'a Mutator<'s, B>, constant: u32) -> Str<'a> {
        match self.constants.at(cx, constant as usize).unpack() {
            Value::Str(string) => string,
            _ => unreachable!("the compiler names things by strings"),
        }
    }

    /// Looks a site's name up in an instance, and remembers the place.
    #[cold]
    #[inline(never)]
    pub(super) fn property<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        site: u32,
        instance: Gc<'a, Instance<'a>>,
    ) -> Result<Property<'a>, Stop> {
        let name = self.string(cx, self.sites[site as usize].name);
        let class = instance.class;
        let field = class.fields.get(name);
        if let Some(field) = field {
            self.remember(site, class, Place::Field(field));
            let value = instance.fields.get(field);
            if !matches!(value.unpack(), Value::Absent) {
                return Ok(Property::Field(value));
            }
        }
        let (method, place) = method(class, name)?;
        // Where some instances have a field of that name, each lookup has to look for the field.
        if field.is_none() {
            self.remember(site, class, place);
        }
        Ok(Property::Method(method))
    }

    /// Returns the value of a property: a method is bound to the instance.
    #[inline(always)]
    pub(super) fn get_property<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        site: u32,
        receiver: Stored<'a>,
    ) -> Result<Stored<'a>, Stop> {
        let Value::Instance(instance) = receiver.unpack() else { return Err(cold("Only instances have properties.")) };
        let known = &self.sites[site as usize];
        if known.class == instance.class_id
            && let Place::Field(field) = known.place
            && let Some(slot) = instance.fields.slot(field)
            && let value = slot.get()
            && !matches!(value.unpack(), Value::Absent)
        {
            return Ok(value);
        }
        self.find_property(cx, site, instance)
    }

    #[inline(never)]
    fn find_property<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        site: u32,
        instance: Gc<'a, Instance<'a>>,
    ) -> Result<Stored<'a>, Stop> {
        Ok(match self.property(cx, site, instance)? {
            Property::Field(value) => value,
            Property::Method(method) => {
                Value::Bound(cx.try_alloc(Bound { receiver: Value::Instance(instance).pack(), method })?).pack()
            }
        })
    }

    #[inline(always)]
    pub(super) fn set_property<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        site: u32,
        receiver: Stored<'a>,
        value: Stored<'a>,
    ) -> Result<(), Stop> {
        let Value::Instance(instance) = receiver.unpack() else { return Err(cold("Only instances have fields.")) };
        let known = &self.sites[site as usize];
        if known.class == instance.class_id
            && let Place::Field(field) = known.place
            && let Some(slot) = instance.fields.slot(field)
        {
            slot.set(cx, value);
            return Ok(());
        }
        Ok(self.set_field(cx, site, instance, value)?)
    }

    /// Sets the field of a site's name, adding it if there is none.
    #[cold]
    #[inline(never)]
    fn set_field<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        site: u32,
        instance: Gc<'a, Instance<'a>>,
        value: Stored<'a>,
    ) -> Result<(), Full> {
        let name = self.string(cx, self.sites[site as usize].name);
        let class = instance.class;
        if class.method_names.contains_key(name) && !class.fields.contains_key(name) {
            // From now on some instances have a field in the place of that method.
            self.sites.iter_mut().for_each(|site| site.class = 0);
        }
        let field = index_of(cx, &class.fields, name)?;
        instance.fields.set(cx, field, value, class.fields.len())?;
        self.remember(site, class, Place::Field(field));
        Ok(())
    }

    fn remember(&mut self, site: u32, class: Gc<'_, Class<'_>>, place: Place) {
        let site = &mut self.sites[site as usize];
        site.class = class.id;
        site.place = place;
    }

    /// Makes a class without methods.
    #[cold]
    #[inline(never)]
    pub(super) fn class<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        name: u32,
    ) -> Result<Gc<'a, Class<'a>>, Full> {
        // With more classes, sites would mistake one for another.
        let id = self.classes.checked_add(1).expect("a program of four billion classes");
        let class = cx.try_alloc(Class {
            name: self.string(cx, name),
            id,
            fields: Map::new(),
            method_names: Map::new(),
            methods: Row::new(),
            init: Slot::new(None),
        })?;
        *self.classes = id;
        Ok(class)
    }
}

/// Finds a method of a class.
#[inline(never)]
pub(super) fn method<'a>(class: Gc<'a, Class<'a>>, name: Str<'a>) -> Result<(Gc<'a, Closure<'a>>, Place), Stop> {
    if let Some(method) = class.method_names.get(name)
        && let Value::Closure(closure) = class.methods.get(method).unpack()
    {
        return Ok((closure, Place::Method(method)));
    }
    Err(error(format_args!("Undefined property '{}'.", name.as_str())))
}

/// Adds a method to a class that has no instances yet.
pub(super) fn add_method<'a, B: Barrier>(
    cx: &'a Mutator<'_, B>,
    class: Gc<'a, Class<'a>>,
    name: Str<'a>,
    method: Gc<'a, Closure<'a>>,
) -> Result<(), Full> {
    class.methods.set(cx, index_of(cx, &class.method_names, name)?, Value::Closure(method).pack(), 0)
}

/// Copies the methods of a class into one that has none yet.
pub(super) fn inherit<'a, B: Barrier>(
    cx: &'a Mutator<'_, B>,
    from: Gc<'a, Class<'a>>,
    into: Gc<'a, Class<'a>>,
) -> Result<(), Full> {
    for (name, method) in from.method_names.iter() {
        if let Value::Closure(method) = from.methods.get(method).unpack() {
            add_method(cx, into, name, method)?;
        }
    }
    into.init.set(cx, from.init.get());
    Ok(())
}
