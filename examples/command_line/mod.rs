//! An example's command line, and errors in words.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::{Debug, Display, Formatter, Result as Written};
use std::str::FromStr;

/// What an example ends with where it cannot go on: `main` shows it by `Debug`, which is therefore the message.
pub struct Failure(Box<dyn Error + Send + Sync>);

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl Debug for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        Display::fmt(&self.0, f)
    }
}

/// What was asked for: values by name.
pub struct Arguments(HashMap<&'static str, String>);

impl Arguments {
    /// Reads the command line. A name with two dashes is that of a flag, whose value follows it; others stand for a value each, in
    /// that order. Asked for help, it says how to call the example, and ends it.
    pub fn read(names: &[&'static str]) -> Result<Self, Failure> {
        let (flags, places): (Vec<&str>, Vec<&str>) =
            names.iter().partition(|name| name.starts_with("--"));
        let mut places = places.into_iter();
        let mut values = HashMap::new();
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            if let Some(flag) = flags.iter().find(|&&flag| flag == word) {
                values.insert(*flag, words.next().ok_or(format!("{word}: a value must follow"))?);
            } else if word == "--help" || word == "-h" {
                println!("{}", usage(names));
                std::process::exit(0);
            } else if let Some(place) = places.next().filter(|_| !word.starts_with("--")) {
                values.insert(place, word);
            } else {
                return Err(format!("{word}: not among its arguments\n{}", usage(names)).into());
            }
        }
        Ok(Self(values))
    }

    /// A value, where it was given.
    #[allow(dead_code, reason = "an example without arguments reads them to refuse any")]
    pub fn get<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Failure> {
        let parse =
            |text: &String| text.parse().map_err(|error| format!("{name} {text}: {error}").into());
        self.0.get(name).map(parse).transpose()
    }
}

/// How to call the example. What its arguments mean is told where they are used.
fn usage(names: &[&str]) -> String {
    let example = env!("CARGO_CRATE_NAME");
    let mut usage = format!("Usage: cargo run --release --example {example}");
    if !names.is_empty() {
        usage += " --";
    }
    for name in names {
        usage += &match name.strip_prefix("--") {
            Some(flag) => format!(" [{name} {}]", flag.to_uppercase()),
            None => format!(" [{name}]"),
        };
    }
    usage + &format!("\nMore at the head of examples/{example}.rs")
}
