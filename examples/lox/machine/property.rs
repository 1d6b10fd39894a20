//! Fields, methods and classes: what a site does when it does not know the class before it.

use grisaille::{Barrier, Gc, Mutator, Slot, Str};

use super::burst::Burst;
use super::{Full, INIT, Stop};
use crate::code::{Place, index};
use crate::object::{Bound, Class, Closure, Instance, Names, Row};
use crate::value::Value;

/// What a property is.
pub enum Property<'a> {
    Field(Value<'a>),
    Method(Gc<'a, Closure<'a>>),
}

impl<'v, 's> Burst<'_, 'v, 's> {
    /// A string constant.
    pub(super) fn string<'a, B: Barrier>(&self, cx: &'a Mutator<'s, B>, constant: u32) -> Gc<'a, Str> {
        match self.constants.get(cx, constant as usize) {
            Value::Str(string) => string,
            _ => unreachable!("the compiler names things by strings"),
        }
    }

    /// Looks a site's name up in an instance, and remembers where it was.
    #[cold]
    #[inline(never)]
    pub(super) fn property<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        site: u32,
        instance: Gc<'a, Instance<'a>>,
    ) -> Result<Property<'a>, Stop> {
        let name = self.sites[site as usize].name;
        let class = instance.class;
        let field = class.fields.get(name);
        if let Some(field) = field {
            self.remember(site, class, Place::Field(field));
            let value = instance.fields.get(field);
            if !matches!(value, Value::Absent) {
                return Ok(Property::Field(value));
            }
        }
        let (method, place) = self.method(cx, class, name)?;
        // Where some instances have a field of that name, the field has to be looked for each time.
        if field.is_none() {
            self.remember(site, class, place);
        }
        Ok(Property::Method(method))
    }

    /// The value of a property: a method is bound to the instance.
    #[cold]
    #[inline(never)]
    pub(super) fn get_property<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        site: u32,
        instance: Gc<'a, Instance<'a>>,
    ) -> Result<Value<'a>, Stop> {
        Ok(match self.property(cx, site, instance)? {
            Property::Field(value) => value,
            Property::Method(method) => {
                Value::Bound(cx.try_alloc(Bound { receiver: Value::Instance(instance), method })?)
            }
        })
    }

    /// A method of a class.
    #[inline(never)]
    pub(super) fn method<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        class: Gc<'a, Class<'a>>,
        name: u32,
    ) -> Result<(Gc<'a, Closure<'a>>, Place), Stop> {
        if let Some(method) = class.method_names.get(name)
            && let Value::Closure(closure) = class.methods.get(method)
        {
            return Ok((closure, Place::Method(method)));
        }
        Err(Stop::Error(format!("Undefined property '{}'.", self.string(cx, name).as_str())))
    }

    /// Sets the field of a site's name, wherever it is or will be.
    #[cold]
    #[inline(never)]
    pub(super) fn set_field<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        site: u32,
        instance: Gc<'a, Instance<'a>>,
        value: Value<'a>,
    ) -> Result<(), Full> {
        let name = self.sites[site as usize].name;
        let class = instance.class;
        let known = class.fields.len();
        let field = class.fields.add(name);
        if class.fields.len() > known && class.method_names.get(name).is_some() {
            // From now on that method is no method of some instances.
            self.sites.iter_mut().for_each(|site| site.class = 0);
        }
        instance.fields.set(cx, field, value, class.fields.len())?;
        self.remember(site, class, Place::Field(field));
        Ok(())
    }

    fn remember(&mut self, site: u32, class: Gc<'_, Class<'_>>, place: Place) {
        let site = &mut self.sites[site as usize];
        site.class = class.id;
        site.place = place;
    }

    /// A new class without methods.
    #[cold]
    #[inline(never)]
    pub(super) fn class<'a, B: Barrier>(
        &mut self,
        cx: &'a Mutator<'s, B>,
        name: u32,
    ) -> Result<Gc<'a, Class<'a>>, Full> {
        let name = self.string(cx, name);
        let class = cx.try_alloc(Class {
            name,
            id: *self.classes + 1,
            fields: Names::default(),
            method_names: Names::default(),
            methods: Row::new(),
            init: Slot::new(None),
        })?;
        // Over four billion classes: sites would mistake one for another.
        *self.classes = self.classes.checked_add(1).expect("a program of four billion classes");
        Ok(class)
    }
}

/// Adds a method to a class that has no instances yet.
#[cold]
#[inline(never)]
pub(super) fn add_method<'a, B: Barrier>(
    cx: &'a Mutator<'_, B>,
    class: Gc<'a, Class<'a>>,
    name: u32,
    method: Gc<'a, Closure<'a>>,
) -> Result<(), Full> {
    class.methods.set(cx, class.method_names.add(name), Value::Closure(method), 0)?;
    if name == INIT {
        class.init.set(cx, Some(method));
    }
    Ok(())
}

/// Copies the methods of a class into one that has none yet.
#[cold]
#[inline(never)]
pub(super) fn inherit<'a, B: Barrier>(
    cx: &'a Mutator<'_, B>,
    from: Gc<'a, Class<'a>>,
    into: Gc<'a, Class<'a>>,
) -> Result<(), Full> {
    into.method_names.copy_from(&from.method_names);
    for method in 0..index(from.method_names.len()) {
        into.methods.set(cx, method, from.methods.get(method), from.method_names.len())?;
    }
    into.init.set(cx, from.init.get());
    Ok(())
}
