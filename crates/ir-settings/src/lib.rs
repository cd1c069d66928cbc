//! Every setting with its type, default, range, environment name and source.
