//! One voice for what is wrong with a flag: what its value alone makes wrong is said as what a file makes wrong later.

use std::error::Error as _;
use std::num::{ParseFloatError, ParseIntError};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::Error;

/// The flag and what is wrong with its value, where that is what `error` says; else `None`: help that was asked for, a flag
/// that is not known or not there.
pub fn wrong_flag(error: &clap::Error) -> Option<Error> {
    if !matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
        return None;
    }
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let argument = text(ContextKind::InvalidArg)?;
    let flag = argument.split([' ', '=']).next()?;
    let value = text(ContextKind::InvalidValue)?;
    let reason = match (error.source(), text(ContextKind::ValidValue)) {
        // The standard library does not repeat the value.
        (Some(reason), _) if reason.is::<ParseIntError>() || reason.is::<ParseFloatError>() => {
            format!("{value}: {reason}")
        }
        (Some(reason), _) => reason.to_string(),
        (None, Some(valid)) => format!("{value} is not one of {valid}"),
        (None, None) => return None,
    };
    Some(Error::option(flag, reason))
}

/// As [`wrong_flag`] of flags that `command` gives on.
pub fn wrong_flag_of(command: &str, error: &clap::Error) -> Error {
    wrong_flag(error).unwrap_or_else(|| {
        let text = error.render().to_string();
        let first = text.lines().next().unwrap_or_default();
        Error::option(command, first.strip_prefix("error: ").unwrap_or(first))
    })
}
