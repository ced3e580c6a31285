"""HTTP connections to one server.

Over the standard library: loading a larger HTTP library takes longer than most commands do.
"""
