"""Starts `python -m experiments.ship`."""

from experiments import ship
from experiments.common import program

__doc__ = ship.__doc__  # what --help begins with

if __name__ == "__main__":
    program.launch(ship.run, ship.Config)
