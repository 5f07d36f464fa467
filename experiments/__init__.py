"""Experiments: absl flags in, results out; each has an importable `run(config)`."""
