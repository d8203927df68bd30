//! Files in: what each format gives, what is refused and how, and that nothing makes a reader panic.

mod broken;
mod bytes;
mod fuzz;
mod good;
mod images;
mod schema;
mod stream;
