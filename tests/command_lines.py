"""Reads the flags of a command as an experiment does, and leaves none given behind."""

from experiments.common import options, program
from experiments.mnist_dbn import presets


def read(words, config):
    """The options that an experiment would see."""
    options.define(config)
    try:
        assert program.parse(["experiment", *words]) == ["experiment"]
        return options.from_flags(config, presets.PRESETS)
    finally:
        for name in options.FLAGS:
            options.FLAGS[name].unparse()
        options.FLAGS.unparse_flags()
