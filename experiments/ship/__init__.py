"""Rounds a trained net to float16 and writes it into the package, with its model card.

    python -m experiments.ship --net=runs/best/net.safetensors --data_dir=FOLDER
    python -m experiments.ship --net=runs/translations/net_1.safetensors --data_dir=FOLDER

The net must come from `mnist_dbn` or from `mnist_classifier`, whose record it carries, and takes
the place of the shipped one of its kind. The rounded weights are judged once more on the test set,
beside the exact ones; every number of the card is computed.
"""

from experiments import exports

__getattr__ = exports(__name__)
