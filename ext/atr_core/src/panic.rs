//! Says what a panic said.

use std::any::Any;

/// The message of a caught panic.
pub fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_come_with_two_kinds_of_text_or_none() {
        assert_eq!(message_of(&"still"), "still");
        assert_eq!(message_of(&String::from("made")), "made");
        assert_eq!(message_of(&7), "no message");
    }
}
