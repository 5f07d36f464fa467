"""Reads the flags of a command as an experiment does, and leaves none given behind."""

from experiments import flags, presets


def read(words, config):
    """The options that an experiment would see."""
    flags.define(config)
    try:
        assert flags.parse(["experiment", *words]) == ["experiment"]
        return flags.from_flags(config, presets.PRESETS)
    finally:
        for name in flags.FLAGS:
            flags.FLAGS[name].unparse()
        flags.FLAGS.unparse_flags()
