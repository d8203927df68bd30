//! The built program as a user meets it: every subcommand on every kind of model, what is refused and how, and runs that are
//! interrupted, killed, or out of room.

mod bayes;
mod cli;
mod common;
mod edges;
mod effects;
mod faults;
mod flows;
mod laboratory;
mod longer;
mod mnist;
mod scores;
mod streamed;
mod subcommands;
mod vaes;
