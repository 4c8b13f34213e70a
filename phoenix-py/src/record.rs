//! Frozen value classes: compared and hashed by what they hold, printed as they are made, plain data both ways.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{BoundObject as _, PyClass};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{argument, internal};
use crate::value::{from_python, to_python};

/// Declares a frozen value class. Its fields have the names and the plain form of core's JSON.
macro_rules! record {
    ($(#[$meta:meta])* struct $name:ident {
        $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
        $(@text $text:ident,)?
    }) => {
        $(#[$meta])*
        #[pyo3::pyclass(frozen, eq, hash, from_py_object, module = "phoenix_py")]
        #[derive(Debug, Clone, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub(crate) struct $name {
            $($(#[$field_meta])* #[pyo3(get)] pub(crate) $field: $type,)*
            $(#[serde(skip)] pub(crate) $text: crate::value::Aside,)?
        }

        impl crate::record::Record for $name {
            const TITLE: &'static str = stringify!($name);
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn fault(field: &str, value: serde_json::Value) -> Option<String> {
                match field {
                    $(stringify!($field) => {
                        serde_json::from_value::<$type>(value).err().map(|error| error.to_string())
                    })*
                    _ => None,
                }
            }
        }

        #[pyo3::pymethods]
        impl $name {
            /// The same as plain data.
            fn to_dict<'py>(&self, py: pyo3::Python<'py>) -> pyo3::PyResult<pyo3::Bound<'py, pyo3::PyAny>> {
                crate::record::to_dict(py, self)
            }

            /// From plain data, as `to_dict` gives it.
            #[staticmethod]
            fn from_dict(data: &pyo3::Bound<'_, pyo3::PyAny>) -> pyo3::PyResult<Self> {
                crate::record::from_dict(data)
            }

            fn __repr__(slf: &pyo3::Bound<'_, Self>) -> pyo3::PyResult<String> {
                crate::record::repr(slf)
            }

            fn __reduce__<'py>(slf: &pyo3::Bound<'py, Self>) -> pyo3::PyResult<pyo3::Bound<'py, pyo3::types::PyTuple>> {
                crate::record::reduce(slf)
            }

            $(fn __str__(slf: &pyo3::Bound<'_, Self>) -> pyo3::PyResult<String> {
                match &slf.get().$text.0 {
                    Some(text) => Ok(text.clone()),
                    None => crate::record::repr(slf),
                }
            })?
        }
    };
}
pub(crate) use record;

/// Gives a class that holds records in order the methods of a sequence.
macro_rules! sequence {
    ($name:ident, $items:ident, $item:ident) => {
        #[pyo3::pymethods]
        impl $name {
            fn __len__(&self) -> usize {
                self.$items.0.len()
            }

            fn __getitem__<'py>(
                &self,
                index: &pyo3::Bound<'py, pyo3::PyAny>,
            ) -> pyo3::PyResult<pyo3::Bound<'py, pyo3::PyAny>> {
                crate::record::item(&self.$items.0, index)
            }

            fn __iter__<'py>(
                &self,
                py: pyo3::Python<'py>,
            ) -> pyo3::PyResult<pyo3::Bound<'py, pyo3::types::PyIterator>> {
                self.$items.clone().into_pyobject(py)?.try_iter()
            }

            fn __reversed__<'py>(
                &self,
                py: pyo3::Python<'py>,
            ) -> pyo3::PyResult<pyo3::Bound<'py, pyo3::types::PyIterator>> {
                let mut items = self.$items.clone();
                items.0.reverse();
                items.into_pyobject(py)?.try_iter()
            }

            /// The place of the first item that equals `item`.
            fn index(&self, item: &pyo3::Bound<'_, pyo3::PyAny>) -> pyo3::PyResult<usize> {
                let item = item.cast::<$item>().ok();
                item.and_then(|item| self.$items.0.iter().position(|found| found == item.get()))
                    .ok_or_else(|| {
                        pyo3::exceptions::PyValueError::new_err("no item equals this one")
                    })
            }

            /// How many items equal `item`.
            fn count(&self, item: &pyo3::Bound<'_, pyo3::PyAny>) -> usize {
                item.cast::<$item>().map_or(0, |item| {
                    let same = self.$items.0.iter().filter(|found| *found == item.get());
                    same.count()
                })
            }

            fn __contains__(&self, item: &pyo3::Bound<'_, pyo3::PyAny>) -> bool {
                item.cast::<$item>()
                    .is_ok_and(|item| self.$items.0.contains(item.get()))
            }
        }
    };
}
pub(crate) use sequence;

/// What all value classes have.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// Its name in Python.
    const TITLE: &'static str;
    /// Its fields, in order.
    const FIELDS: &'static [&'static str];

    /// What is wrong with a field's value.
    fn fault(field: &str, value: Value) -> Option<String>;
}

/// A value of core as its class.
pub(crate) fn of<R: Record>(core: &impl Serialize) -> PyResult<R> {
    let value = serde_json::to_value(core).map_err(|error| unreadable::<R>(&error))?;
    let shown = cfg!(debug_assertions).then(|| value.clone());
    let record: R = serde_json::from_value(value).map_err(|error| unreadable::<R>(&error))?;
    if let Some(shown) = shown {
        let again = serde_json::to_value(&record).map_err(|error| unreadable::<R>(&error))?;
        assert_eq!(
            bare(again),
            bare(shown),
            "{} holds something else than core says",
            R::TITLE
        );
    }
    Ok(record)
}

/// Several of them.
pub(crate) fn all<R: Record, T: Serialize>(core: &[T]) -> PyResult<Vec<R>> {
    core.iter().map(of).collect()
}

pub(crate) fn to_dict<'py, R: Record>(py: Python<'py>, record: &R) -> PyResult<Bound<'py, PyAny>> {
    let value = serde_json::to_value(record).map_err(|error| unreadable::<R>(&error))?;
    to_python(py, &value)
}

pub(crate) fn from_dict<R: Record>(data: &Bound<'_, PyAny>) -> PyResult<R> {
    let py = data.py();
    let value = from_python(data, 0)?;
    let Value::Object(members) = &value else {
        return Err(PyTypeError::new_err(format!(
            "argument 'data': found {}, expected a dict with the fields of {}",
            data.get_type().name()?,
            R::TITLE
        )));
    };
    if let Some(unknown) = members.keys().find(|key| !knows::<R>(key)) {
        let known = R::FIELDS.join(", ");
        let words = format!("found the field `{unknown}`, expected some of: {known}");
        return Err(argument(py, &format!("{}.{unknown}", R::TITLE), &words));
    }
    let culprit = || {
        let fault = |(key, member): (&String, &Value)| {
            let field = R::FIELDS
                .iter()
                .find(|field| field.strip_suffix('_').unwrap_or(field) == key)?;
            Some((*field, R::fault(field, member.clone())?))
        };
        members.iter().find_map(fault).map(|(field, what)| {
            if what.starts_with("invalid type") {
                PyTypeError::new_err(format!("{}.{field}: {what}", R::TITLE))
            } else {
                argument(py, &format!("{}.{field}", R::TITLE), &what)
            }
        })
    };
    // What may be absent takes nothing for a value.
    let missing = R::FIELDS.iter().find(|field| {
        let key = field.strip_suffix('_').unwrap_or(field);
        !members.contains_key(key) && R::fault(field, Value::Null).is_some()
    });
    if let Some(missing) = missing {
        if let Some(wrong) = culprit() {
            return Err(wrong);
        }
        let words = format!("found no field `{missing}`, which it must have");
        return Err(argument(py, &format!("{}.{missing}", R::TITLE), &words));
    }
    serde_json::from_value(value.clone())
        .map_err(|error| culprit().unwrap_or_else(|| argument(py, R::TITLE, &error.to_string())))
}

/// A field whose name is a keyword of Python's has an underscore behind it there.
fn knows<R: Record>(key: &str) -> bool {
    R::FIELDS
        .iter()
        .any(|field| *field == key || field.strip_suffix('_') == Some(key))
}

pub(crate) fn repr<R: Record + PyClass>(slf: &Bound<'_, R>) -> PyResult<String> {
    let slf = slf.as_any();
    let shown: PyResult<Vec<String>> = R::FIELDS
        .iter()
        .map(|field| Ok(format!("{field}={}", slf.getattr(*field)?.repr()?)))
        .collect();
    Ok(format!("{}({})", R::TITLE, shown?.join(", ")))
}

/// How pickle takes a value apart: into its own plain data.
pub(crate) fn reduce<'py, R: Record + PyClass>(
    slf: &Bound<'py, R>,
) -> PyResult<Bound<'py, PyTuple>> {
    let (py, slf) = (slf.py(), slf.as_any());
    let make = slf.get_type().getattr("from_dict")?;
    let data = slf.call_method0("to_dict")?;
    PyTuple::new(py, [make, PyTuple::new(py, [data])?.into_any()])
}

/// An item by its place, or a slice as a tuple.
pub(crate) fn item<'py, T>(items: &[T], index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>
where
    T: IntoPyObject<'py> + Clone,
{
    let py = index.py();
    let length = isize::try_from(items.len()).unwrap_or(isize::MAX);
    if let Ok(slice) = index.cast::<pyo3::types::PySlice>() {
        let indices = slice.indices(length)?;
        let mut taken = Vec::with_capacity(indices.slicelength);
        let mut at = indices.start;
        for _ in 0..indices.slicelength {
            taken.extend(
                usize::try_from(at)
                    .ok()
                    .and_then(|at| items.get(at).cloned()),
            );
            at += indices.step;
        }
        return Ok(PyTuple::new(py, taken)?.into_any());
    }
    let at: isize = index.extract()?;
    let place = if at < 0 { at + length } else { at };
    let found = usize::try_from(place).ok().and_then(|at| items.get(at));
    let found = found.cloned().ok_or_else(|| {
        pyo3::exceptions::PyIndexError::new_err(format!("index {at} of {length} items"))
    })?;
    Ok(found
        .into_pyobject(py)
        .map_err(Into::into)?
        .into_any()
        .into_bound())
}

/// Without what says nothing: core leaves some of it out, a record never does.
fn bare(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(key, member)| (key, bare(member)))
            .filter(|(_, member)| {
                !(member.is_null()
                    || member.as_array().is_some_and(Vec::is_empty)
                    || member.as_str().is_some_and(str::is_empty))
            })
            .collect(),
        Value::Array(items) => items.into_iter().map(bare).collect(),
        other => other,
    }
}

fn unreadable<R: Record>(error: &serde_json::Error) -> PyErr {
    Python::attach(|py| {
        internal(
            py,
            &format!("could not make a {} of what core says: {error}", R::TITLE),
        )
    })
}
