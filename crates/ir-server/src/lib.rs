//! Listener, layers, routes, shutdown: the assembly.
