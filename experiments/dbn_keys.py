"""What draws by which number in the main job: each part has `fold_in(key of the run, number)`.

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
