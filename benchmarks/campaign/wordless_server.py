"""A server whose triage has no word model, to measure what the model adds."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from torc_core.triage import classify
from torc_core.triage.words import WordModel
from torc_server.main import main


@contextmanager
def no_words() -> Iterator[None]:
    """Replace the word model of triage in this process by an empty one."""
    with patch.object(classify, "load_word_model", lambda: WordModel({}, scale=1.0, bias=())):
        yield


if __name__ == "__main__":
    with no_words():
        main()
