//! Value: the sizes, counts and times of a manifest, in the notation of our flags.

use std::time::Duration;

use bytesize::ByteSize;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use toml::Value;

/// A size such as `"64KiB"`, in bytes.
///
/// # Errors
///
/// The value is not a text, not a size, zero, or too large for its type.
pub(super) fn size<'de, D, T>(value: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    let value = Value::deserialize(value)?;
    let size = value.as_str().and_then(|text| text.parse::<ByteSize>().ok());
    let fitting = size.filter(|size| size.as_u64() > 0);
    let fitting = fitting.and_then(|size| T::try_from(size.as_u64()).ok());
    let hint = || D::Error::custom("this is not a size: write a text such as \"64KiB\"");
    fitting.map(Some).ok_or_else(hint)
}

/// A number of things, such as `100`.
///
/// # Errors
///
/// The value is not a whole number, or is negative.
pub(super) fn count<'de, D: Deserializer<'de>>(value: D) -> Result<Option<usize>, D::Error> {
    let count = Value::deserialize(value)?.as_integer().and_then(|count| count.try_into().ok());
    let hint = || D::Error::custom("this is not a count: write a number such as 100");
    count.map(Some).ok_or_else(hint)
}

/// A time such as `"500ms"`.
///
/// # Errors
///
/// The value is not a text or not a time.
pub(super) fn time<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Duration>, D::Error> {
    let value = Value::deserialize(value)?;
    let time = value.as_str().and_then(|text| humantime::parse_duration(text).ok());
    let hint = || D::Error::custom("this is not a time: write a text such as \"500ms\"");
    time.map(Some).ok_or_else(hint)
}
