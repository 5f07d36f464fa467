"""Saved nets: safetensors with the architecture in the file's header."""

from dbnjax.weights.architecture import describe
from dbnjax.weights.io import load, save

__all__ = ["describe", "load", "save"]
