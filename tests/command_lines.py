"""Reads the flags of a command as an experiment does, and leaves none behind."""

import dataclasses

from experiments.common import options, program


def read(words, config):
    """The options that an experiment would see; the flags are its own, whatever others have."""
    try:
        options.define(config)
        assert program.parse(["experiment", *words]) == ["experiment"]
        return options.from_flags(config)
    finally:
        forget(config)


def forget(config):
    """Takes the flags of an experiment away, whose names another may use for others."""
    for field in dataclasses.fields(config):
        if field.name in options.FLAGS:
            delattr(options.FLAGS, field.name)
    options.FLAGS.unparse_flags()
