"""Compiled drivers over `dbnjax.evaluation`."""
