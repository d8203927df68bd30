//! Placeholder, replaced within the day.
