//! The command line on tables: every subcommand on every kind of model, what is refused and how, and runs that are
//! interrupted, killed, or out of room.

mod common;
mod faults;
mod longer;
mod streamed;
mod subcommands;
