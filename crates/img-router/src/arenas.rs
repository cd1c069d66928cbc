//! How many heaps glibc's allocator keeps. By itself it has eight for each processor and gives threads one of them in turn; files and
//! queries are worked on by dozens of threads, so each heap grows to what the busiest moment of its threads took, hours after the start.

/// The variable that glibc reads before a program begins.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MOST: &str = "MALLOC_ARENA_MAX";
/// Says that the program was started anew: the loader takes the other variable from one with capabilities of its file.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ANEW: &str = "MALLOC_ARENA_MAX_TRIED";

/// Starts this program anew, in the same process, with one heap for each processor, two at least. Comes back where that is not possible
/// or the operator has chosen.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn bound() {
    use ir_settings::Env;
    use std::os::unix::process::CommandExt;
    use std::path::Path;
    use std::process::Command;

    let env = Env::from_process();
    if env.get(MOST).or(env.get(ANEW)).is_some() {
        return;
    }
    let most = std::thread::available_parallelism().map_or(2, usize::from).max(2);
    let mut given = std::env::args_os();
    let (Some(name), Ok(program)) = (given.next(), std::env::current_exe()) else { return };
    // Started by another program in its place: a loader, say.
    if Path::new(&name).file_name() != program.file_name() {
        return;
    }
    // What cannot be started anew goes on as it is.
    let _ = Command::new(program).arg0(name).args(given).env(MOST, most.to_string()).env(ANEW, "1").exec();
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn bound() {}
