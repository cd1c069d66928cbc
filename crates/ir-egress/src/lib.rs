//! The one door out: every outgoing connection, judged by the address it dials.
