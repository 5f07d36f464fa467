"""PRNG key offsets: each part of a run draws with `fold_in(key of the run, number)`.

Two parts of one number would draw the same. The first weights of RBM i have the number i; RBMs,
phases of up-down and what comes after them count on from the first of their kind.
"""

RBMS = 100
PHASES = 200
ALL_CASES = 250
TAIL = 251
READ_OUTS = 300
SAMPLES = 400  # of the figures
STREAM = 500  # the sample that stands for a stream's cases

# Of classifiers, each of which has a key of its own.
FIRST = 550  # the first weights of an RBM that is fitted by itself
SOFTMAX = 600  # the first weights above the RBMs, or of a whole net without them
TUNING = 601
TUNING_ALL = 602
