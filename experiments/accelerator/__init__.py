"""All that is measured on an accelerator, in sections that can be spread over several calls.

    python -m experiments.accelerator --data_dir=FOLDER --sections=protocol,kernels
    python -m experiments.accelerator --data_dir=FOLDER --sections=protocols
    python -m experiments.accelerator --data_dir=FOLDER --sections=precision

Sections, in the order in which they are measured: protocol, `mnist_dbn` from its images to its
figures, with an empty cache of compiled programs and with a full one; kernels, what an update of
CD-1, PCD-1 and up-down launches, and the memory that its program needs; protocols, whole nets of
many seeds together; precision, `mnist_dbn` with products of several precisions. Each is written
to --output as soon as it is done, with its command, commit, computer and date, in the place of an
earlier one of its name; a call prints all that the file holds and says of everything that is asked
for whether it is met. Ensembles of one RBM and generators are timed by `experiments.benchmark`.

The nets are those of `mnist_dbn`'s flags, by default --preset=paper; their work directories are
temporary, in --workdir, and checkpoints of many nets take gigabytes there. Without an accelerator
all of it runs on what there is, which stands beside every section.
"""

from experiments import exports

__getattr__ = exports(__name__)
