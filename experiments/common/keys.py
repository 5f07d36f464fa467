"""What draws by which number in the main job and in `mnist_classifier`.

Each part has `fold_in(key of the run, number)`.

Two parts of one number would draw the same. The first weights of machine i have the number i; a
machine, a phase of up-down and what comes after them count on from the first of their kind.
"""

MACHINES = 100
PHASES = 200
ALL_CASES = 250
TAIL = 251
READ_OUTS = 300
SAMPLES = 400  # of the figures
STREAM = 500  # the sample that stands for a stream's cases

# Of experiments.mnist_classifier, whose nets each have a key of their own.
SOFTMAX = 600  # the first weights above the machines, or of a whole net without them
TUNING = 601
TUNING_ALL = 602
