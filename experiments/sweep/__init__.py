"""Chooses rates, momenta and other flags of mnist_dbn on validation cases, by a short proxy.

    python -m experiments.sweep --preset=best --data_dir=FOLDER \\
        --grid="up_down_rate=0.02,0.05,0.1;up_down_statistics=sample,mean" \\
        --greedy_epochs=8 --memory_epochs=10 --up_down_epochs=3 \\
        --output=results/sweeps/up_down.json

takes the flags of `mnist_dbn`, makes a member of every combination of the grid's values, learns
each greedily and by up-down, and prints and writes a table of validation and training errors under
the deterministic read-out: those of the net that did best on validation. The test set is not looked
at. All cases, the long tail, other read-outs, baselines and TensorBoard play no part.

A grid with seed=0,1,2 in it learns every setting with each of them; validation then chooses by the
mean over seeds, and the table gives it with its standard deviation. up_down_steps=3-6-10,1-1-1
varies the Gibbs iterations of the phases.

On a CPU the members learn one after another, and those whose greedy flags are equal share one
stack. On an accelerator all learn together, one program a stage; only seeds, rates, their
schedules, momenta, decays and Gibbs iterations may vary then. --together=yes or no decides
otherwise. Both ways draw the same, but for the order of the cases: members that learn together
share that of --seed. An update is the same up to rounding; over many updates rounding flips a draw
now and then, so that the nets differ as if by chance. A member that diverges is noted as such.
--mesh=ensemble:4 splits members that learn together over 4 devices, data:2 each minibatch over 2.

The same command again resumes a sweep that was stopped; the same work directory with another grid
learns only the members that are new. The time of a member is that of its epochs, greedy ones
included, and its share where all learn together. Four members of the command above, on two CPU
cores: about a quarter of an hour.
"""

from experiments import exports

__getattr__ = exports(__name__)
