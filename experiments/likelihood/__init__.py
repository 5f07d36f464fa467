"""How probable a saved net makes images: forward and reverse estimates, bounds, exact sums.

    python -m experiments.likelihood --data_dir=FOLDER
    python -m experiments.likelihood --net=machine.safetensors --output=results/likelihood/x.json

For a machine: log p(v) with log Z by annealed importance sampling from below and from above, and
exactly where a sum takes about a minute at most; the pseudo-log-likelihood and RAISE on the first
500 images. The reverse chains start from samples of parallel tempering that began at the base
rates. For a deep net: the bound of equation 4.2 and the importance-weighted estimate, with the
same estimates of log Z of the top machine, for log p(v) and, with labels, log p(v, label); the
true values where all its hidden states can be summed over. Every number is about pixels binarised
in the way that is named beside it. Without --net it scores the net that comes with dbnjax.

A log Z from below makes every number too large on average, one from above too small, as far as its
samples are exact. So a machine's log p lies between its two columns on average. A deep net's
numbers are lower bounds on log p on average, with an exact log Z or one from above; one from below
can lift them beyond it. RAISE bounds log p of the annealed model, which may lie on either side of
the machine's. The interval of a bound from weights is that of the bound, not of log p. Products are
full float32; log weights are compensated sums; means over images are taken in float64.
"""

from experiments import exports

__getattr__ = exports(__name__)
