//! Values in the form that Python has for them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyDateTime, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyTzInfo,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A list that cannot be changed: a tuple.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Tuple<T>(pub(crate) Vec<T>);

impl<T> Default for Tuple<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'py, T: IntoPyObject<'py>> IntoPyObject<'py> for Tuple<T> {
    type Target = PyTuple;
    type Output = Bound<'py, PyTuple>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        PyTuple::new(py, self.0)
    }
}

impl Time {
    /// A moment, to the second: what plain data has.
    pub(crate) fn at(time: SystemTime) -> Self {
        let second = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => UNIX_EPOCH.checked_add(Duration::from_secs(since.as_secs())),
            Err(_) => Some(time),
        };
        Self(second.unwrap_or(time))
    }
}

impl Default for Time {
    fn default() -> Self {
        Self(UNIX_EPOCH)
    }
}

/// A moment: an aware `datetime` in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Time(#[serde(with = "phoenix_core::time::serde_rfc3339")] pub(crate) SystemTime);

impl<'py> IntoPyObject<'py> for Time {
    type Target = PyDateTime;
    type Output = Bound<'py, PyDateTime>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        let seconds = match self.0.duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_secs_f64(),
            Err(before) => -before.duration().as_secs_f64(),
        };
        let utc = PyTzInfo::utc(py)?.to_owned();
        PyDateTime::from_timestamp(py, seconds, Some(&utc))
    }
}

impl FromPyObject<'_, '_> for Time {
    type Error = PyErr;

    fn extract(obj: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        obj.extract::<SystemTime>().map(Self)
    }
}

/// A span: a `timedelta`. As plain data: seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Span(pub(crate) Duration);

impl<'py> IntoPyObject<'py> for Span {
    type Target = pyo3::types::PyDelta;
    type Output = Bound<'py, Self::Target>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        self.0.into_pyobject(py)
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_secs().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(|seconds| Self(Duration::from_secs(seconds)))
    }
}

/// Plain data: what JSON has.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Plain(pub(crate) Value);

impl<'py> IntoPyObject<'py> for Plain {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        to_python(py, &self.0)
    }
}

impl FromPyObject<'_, '_> for Plain {
    type Error = PyErr;

    fn extract(obj: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        from_python(&obj, 0).map(Self)
    }
}

/// A text beside a value, of which it is no part: two values with the same fields are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Aside(pub(crate) Option<String>);

impl PartialEq for Aside {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Aside {}

impl std::hash::Hash for Aside {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

/// Plain data as Python's own types.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(bool) => PyBool::new(py, *bool).to_owned().into_any(),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), ..) => whole.into_pyobject(py)?.into_any(),
            (_, Some(whole), _) => whole.into_pyobject(py)?.into_any(),
            (.., float) => PyFloat::new(py, float.unwrap_or(f64::NAN)).into_any(),
        },
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(to_python(py, item)?)?;
            }
            list.into_any()
        }
        Value::Object(members) => {
            let dict = PyDict::new(py);
            for (key, member) in members {
                dict.set_item(key, to_python(py, member)?)?;
            }
            dict.into_any()
        }
    })
}

/// Python's own types as plain data.
pub(crate) fn from_python(obj: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    if depth > DEPTH {
        return Err(PyValueError::new_err(format!(
            "found plain data nested more than {DEPTH} deep"
        )));
    }
    if obj.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(bool) = obj.cast::<PyBool>() {
        return Ok(bool.is_true().into());
    }
    if obj.is_instance_of::<PyInt>() {
        if let Ok(whole) = obj.extract::<i64>() {
            return Ok(whole.into());
        }
        let whole: u64 = obj.extract().map_err(|_| {
            PyValueError::new_err(format!("found the number {obj}, expected one of 64 bits"))
        })?;
        return Ok(whole.into());
    }
    if let Ok(float) = obj.cast::<PyFloat>() {
        let number = serde_json::Number::from_f64(float.value());
        return number.map(Value::Number).ok_or_else(|| {
            PyValueError::new_err(format!("found the number {obj}, which plain data lacks"))
        });
    }
    if let Ok(text) = obj.cast::<PyString>() {
        return Ok(text.to_cow()?.into());
    }
    if let Ok(dict) = obj.cast::<PyDict>() {
        let mut members = serde_json::Map::new();
        for (key, member) in dict {
            let key: String = key.extract()?;
            members.insert(key, from_python(&member, depth + 1)?);
        }
        return Ok(members.into());
    }
    if obj.is_instance_of::<PyList>() || obj.is_instance_of::<PyTuple>() {
        let items = obj.try_iter()?;
        let items: PyResult<Vec<Value>> =
            items.map(|item| from_python(&item?, depth + 1)).collect();
        return Ok(items?.into());
    }
    Err(PyTypeError::new_err(format!(
        "found {}, expected plain data: None, bool, int, float, str, list or dict",
        obj.get_type().name()?
    )))
}

/// Deeper data is a circle or an accident.
const DEPTH: usize = 256;
