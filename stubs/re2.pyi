# The types of what is used of google-re2, which has none of its own.
class error(Exception): ...  # noqa: N801, N818

class Options:
    log_errors: bool
    never_capture: bool

class Regexp:
    def search(self, text: bytes) -> object | None: ...

def compile(pattern: bytes, options: Options = ...) -> Regexp: ...  # noqa: A001
