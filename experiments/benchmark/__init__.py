"""Times the library beside the bare work inside it and beside its peers, in one table.

    python -m experiments.benchmark --output=results/benchmark.json

Sections: learning, epochs of CD-1 and PCD-1 (784-500, and the memory, 510-2000 with labels) and of
up-down at 3, 6 and 10 Gibbs iterations, minibatches of 100; inference, classification, clamped
generation and an AIS sweep; ensembles of 1, 8 and 64 RBMs and of 1 and 8 nets; sizes, the cost
against width, batch, data and depth; ablation, CD-1 with one thing left out each; draws, a layer's
states by several generators; streams, CD-1 from memory and from a folder; backprop, an epoch of the
net with a softmax layer on top (784-500-500-2000-10), and in PyTorch; peers, CD-1 in scikit-learn,
PyTorch, learnergy and rbms, if installed. Beside each row stand the matrix products of the same
shapes one by one and the random draws alone. Everything is compiled first and then timed in rounds,
each timing once a round, so that a slow moment of the computer meets all of them; the medians are
shown. --data_dir takes real images in the place of random ones.

784-500-500-2000 on two CPU cores with nothing beside it: about twenty minutes; --steps and
--sections make it shorter.
"""

from experiments import exports

__getattr__ = exports(__name__)
