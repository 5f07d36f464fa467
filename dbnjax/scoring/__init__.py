"""Compiled drivers over `dbnjax.evaluation` and `dbnjax.inference`, in calls of bounded length."""
