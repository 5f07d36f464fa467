"""Belief nets, exactly: wake-sleep averages modes, and Neal's comparison of learning speeds.

    python -m experiments.belief_net

Everything is small enough to be enumerated: likelihoods and bounds are exact. A minute on two CPU
cores.

modes (2006 paper, section 5). A net whose two penultimate units are two explanations of one image:
each alone makes three pixels go on, both together are as good as impossible, and the generative
half models the data well when learning begins. The posterior has two modes, and recognition, a
product of two units, begins with one of them. In the sleep phase of wake-sleep dreams come from the
equilibrium of the memory, where both explanations are equally frequent: recognition learns to say
"one half" for each unit, and names none or both of them half of the time. The bound falls. The
contrastive form, up-down, begins its dreams with what recognition says of the data and takes a few
Gibbs iterations: it hardly ever sees the mode that recognition does not use and leaves recognition
alone. The more iterations, the more it does what wake-sleep does. Where recognition alone learns,
every step follows the expectation of its gradient. Where everything learns, by the library's
learners from drawn states, the bound recovers: the memory gives up the explanation that recognition
uses less (its probability falls from 0.25 to 0.01 under wake-sleep and k = 100), unless one
iteration of contrastive divergence never sees it (0.33 under k = 1, which costs log p).

speed (Neal 1992, as "Where do features come from?", section 3, tells of it). A belief net and a
deep Boltzmann machine with the same layers and connections climb the exact gradient of log p of the
same cases: a shifter (three bits, the same bits shifted, and by how much) and noisy copies of four
patterns. Each has the best of the same rates. What is compared is the number of updates; an update
costs a Boltzmann machine a second phase, which no belief net has, and a belief net the harder
inference.

It writes result.json and a PNG for each part to --workdir, a record for each curve to
metrics.jsonl; the same command resumes a run that was stopped, after its last whole curve.
"""

from experiments import exports

__getattr__ = exports(__name__)
