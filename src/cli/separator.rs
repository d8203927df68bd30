//! What separates the cells of a text table, as a flag and a key of a configuration say it.

use evidence::train::data::Delimiter;
use serde::{Deserialize, Serialize};

/// [`Delimiter`], as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Separator(pub Delimiter);

impl std::str::FromStr for Separator {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(match text.as_bytes() {
            b"tab" => Delimiter::Byte(b'\t'),
            b"space" => Delimiter::Whitespace,
            [sign] if sign.is_ascii_punctuation() && !b"\".-+".contains(sign) => {
                Delimiter::Byte(*sign)
            }
            _ => {
                return Err(format!(
                    "\"{text}\" is none of: one sign such as , ; |, `tab`, `space`"
                ));
            }
        }))
    }
}

impl TryFrom<String> for Separator {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Separator> for String {
    fn from(Separator(delimiter): Separator) -> Self {
        match delimiter {
            Delimiter::Byte(b'\t') => "tab".to_owned(),
            Delimiter::Byte(sign) => char::from(sign).to_string(),
            Delimiter::Whitespace => "space".to_owned(),
        }
    }
}
