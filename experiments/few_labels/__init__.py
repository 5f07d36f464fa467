"""Few labels, and what images without a label are good for (TR 2006-004, "extra unlabeled data").

    python -m experiments.few_labels --data_dir=FOLDER

learns 784-500-500-2000 from 50,000 MNIST digits without labels, then tells classes apart with 100,
1,000 and 10,000 labelled ones among them, in five draws, as many of each class:

- classifier, pretrained: a softmax layer on the stack, all of it tuned by backpropagation;
- classifier, not pretrained: rectified units with random weights, from the labelled cases alone;
- joint DBN: the stack's top machine with label units beside its features, learned from the labelled
  cases and from as many whose missing labels are summed out, read out by the free energy;
- the same, from the labelled cases only.

"It is unfair to compare the performance of a large network that makes use of unlabeled examples
with a network of the same size that does not", says the report: validation chooses the size, the
weight decay and the dropout of the net without pretraining anew for every number of labels.

All 10,000 validation labels choose, of every method the setting and when to stop. Nobody who has a
hundred labels has these, so errors of few labels are lower than they would be. --choose_by=few is
the honest variant, in which as many validation labels choose as there are labels.

It writes the chosen nets, metrics.jsonl, few_labels.png and result.json to --workdir; the same
command resumes a run that was stopped. --stack=FILE takes a stack that the first net of
`mnist_classifier` or another run of this experiment left, if it has seen the same images.
"""

from experiments import exports

__getattr__ = exports(__name__)
