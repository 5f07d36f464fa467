"""Weak scaling: what devices send each other in an update, counted in the compiled programs.

    python -m experiments.scaling --output=results/scaling.json

Each device has a minibatch of its own size, so that n devices on `--mesh=data:n` learn from n times
as many cases an update: CD-1, PCD-1 and up-down of the 2006 paper's net. On `--mesh=ensemble:n`
each device has a member of an ensemble. The devices are simulated on the CPU, whose cores they
share: --time shows whether an update costs more than so many times the work of one, not how fast
real devices are. A minute and 3 GB of memory on two CPU cores, two minutes with --time.
"""

from experiments import exports

__getattr__ = exports(__name__)
