"""A local Google: one server for Google's REST APIs, generated from Google's own discovery documents."""
