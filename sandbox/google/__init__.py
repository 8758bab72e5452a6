"""Google's REST APIs on this machine: one server, generated from Google's own discovery documents."""
