"""What is refused is told in one line."""

import contextlib

import pytest

from dbnjax.checks import InputError


@contextlib.contextmanager
def one_line(message, error=InputError):
    """What happens within raises an error whose one line matches."""
    with pytest.raises(error, match=message) as caught:
        yield
    assert "\n" not in str(caught.value)
