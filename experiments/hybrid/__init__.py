"""A net tuned by two gradients at once: backpropagation and contrastive wake-sleep (TR 2006-004).

    python -m experiments.hybrid --net=runs/mnist_dbn/net.safetensors

goes on from what `python -m experiments.mnist_dbn` leaves, with a weighted average of both
gradients. The weight of backpropagation rises from stage to stage; the validation errors after each
epoch choose weight and epoch. Then the chosen net goes on with all cases but the test cases, with
the same weights and rates up to the chosen epoch, and the test cases are looked at for the first
time.

    python -m experiments.hybrid --data_dir=FOLDER --net=runs/best/up-down.safetensors \\
        --all_net=runs/best/net.safetensors

is the last experiment of the report, on all of MNIST: the net that goes on with all cases is then
the one that had already learned from them; some 30 minutes on one CPU core. The cases are divided
as the record of --net tells; a net that may have seen the validation cases is refused, and so the
one that comes with dbnjax.

    python -m experiments.hybrid --form=pretraining --net=runs/mnist_dbn/greedy.safetensors

is the cheaper form: contrastive divergence in every machine, as in pretraining, beside
backpropagation through the same, tied weights. The same command again resumes a run that was
stopped.
"""

from experiments import exports

__getattr__ = exports(__name__)
