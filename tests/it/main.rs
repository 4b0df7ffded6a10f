//! All integration tests but one, in one program, as linking takes longer than most of them: `cargo test --release --test it
//! cli::resume` runs those of one room. `tests/mutants` counts the memory of its whole process, and so stands alone.

mod book;
mod browser;
mod cli;
mod devices;
mod gpu_vs_cpu;
mod parts;
mod shaders;
mod transforms;
