"""Three ideas for training a deep net, side by side: no pretraining, supervised, unsupervised.

    python -m experiments.three_ideas --data_dir=FOLDER

learns 784-500-10 and 784-500-500-500-10 from 10,000 MNIST digits, with three seeds a cell: without
pretraining, supervised layer by layer, and unsupervised by auto-encoders (squared error and
cross-entropy, tied and untied) and by RBMs, all tuned by backpropagation afterwards. It prints the
errors with what each method gains over no pretraining, and draws them beside the lecture's chart
(Bengio et al. 2006). Validation chooses the epoch; the official test set is looked at once a cell.

Each in three eras: logistic units with the first weights of 2006 and momentum; the same with those
of Glorot and Bengio (2010); rectified units with those of He et al. (2015) and Adam. All methods of
an era are tuned at one rate, or at the best of --factors, until the best epoch lies ten back or
--tuning_epochs are over; a net without pretraining has as many of them as any other. Not tried:
RBMs of rectified units; cross-entropy of rectified codes, which are no probabilities; under
Glorot's weights all auto-encoders but one, and RBMs, which have first weights of their own. Shallow
nets are what pretraining of deep ones makes of the first layer. All seeds are one program; on a CPU
they cost together what they cost one after another. One CPU core: some 45 minutes.

    python -m experiments.three_ideas --data_dir=FOLDER --n_train=50000 --n_validation=10000 \\
        --seeds=10 --layers=1000,1000,1000 --layer_epochs=50 --tuning_epochs=200 \\
        --factors=0.1,0.3,1,3 --workdir=runs/three_ideas_full

is the paper's size, for an accelerator: all seeds and all rates of tuning are one program.

It writes result.json, three_ideas.png and metrics.jsonl, a record a cell, to --workdir; the same
command resumes a run that was stopped, after its last whole cell.
"""

from experiments import exports

__getattr__ = exports(__name__)
