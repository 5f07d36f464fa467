"""The replicated softmax: an RBM of documents, whose lengths differ.

A document of N words is N draws from one softmax over K categories. All of them share one softmax
group's weights and biases, and the hidden biases are N times as large as with one word, so that
hidden units weigh the same against documents of every length (2009 paper, eq. 4):

    E(n, h | N) = -sum_k n_k b_k - sum_kj n_k W_kj h_j - N sum_j c_j h_j

for the counts n, sum_k n_k = N, of the words in their order, as in `units.multinomial`: sums over
states run over all K^N sequences. Hence

    p(h_j = 1 | n) = sigmoid(N c_j + sum_k n_k W_kj)
    p(each word = k | h) = softmax(b + W h)_k
    F(n) = -b . n - sum_j log(1 + exp(N c_j + sum_k n_k W_kj))

and Z depends on N. The length is given and not modelled: `given(lengths)` returns the RBM of each
document, as `models.conditional` describes, and `learning.conditional` learns by it. Documents of
one word are the cases of an RBM with one softmax group.

Source: Salakhutdinov and Hinton 2009, "Replicated softmax: an undirected topic model".
Shapes: n `[n_cases, n_categories]`, h `[n_cases, n_hidden]`, lengths `[n_cases]`.
"""

import dataclasses
from typing import Any

from dbnjax import checks
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.rbm import RBM
from dbnjax.types import Key, pytree
from dbnjax.units import Bernoulli, Multinomial


@pytree
class ReplicatedSoftmax:
    """An RBM for each length of a document, with one set of parameters.

    Attributes:
      rbm: the RBM of documents of one word: visible units b, hidden units c, weights W.
    """

    rbm: RBM

    def given(self, lengths: Any) -> RBM:
        """Returns the RBM of each document.

        Args:
          lengths: whole numbers of words, `[n_cases]` or a scalar: `counts.sum(-1)`.

        Returns:
          An RBM with units `[n_cases, n]`, or `[n]` for a scalar, and the weights of all lengths.

        Raises:
          InputError: the lengths are no whole numbers.

        Example:
          >>> import jax
          >>> import jax.numpy as jnp
          >>> model = init(jax.random.key(0), n_categories=3, n_hidden=2)
          >>> counts = jnp.array([[2.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
          >>> rbm_lib.free_energy(model.given(counts.sum(-1)), counts).shape
          (2,)
        """
        visible = self.rbm.visible.with_draws(lengths)
        hidden = dataclasses.replace(self.rbm.hidden, bias=visible.n_draws * self.rbm.hidden.bias)
        return RBM(visible=visible, hidden=hidden, weights=self.rbm.weights)


def create(rbm: RBM) -> ReplicatedSoftmax:
    """Makes a model from the RBM of documents of one word, checked.

    Args:
      rbm: its visible units are `Multinomial`, whose number of draws is not used, and its hidden
        units `Bernoulli`.

    Raises:
      InputError: as `rbm.create`, or it has other units.
    """
    rbm = rbm_lib.create(rbm.visible, rbm.hidden, rbm.weights)
    checks.require(
        isinstance(rbm.visible, Multinomial) and isinstance(rbm.hidden, Bernoulli),
        "replicated softmax: expected Multinomial visible and Bernoulli hidden units, got "
        f"{type(rbm.visible).__name__} and {type(rbm.hidden).__name__}",
    )
    return ReplicatedSoftmax(dataclasses.replace(rbm, visible=rbm.visible.with_draws(1)))


def init(key: Key, n_categories: int, n_hidden: int, scale: float = 0.01) -> ReplicatedSoftmax:
    """Makes a model with small normal weights and biases of zero.

    To start at the frequencies of the words, take `rbm.match_data` of its RBM with the mean and the
    variance of the counts.

    Args:
      key: a PRNG key.
      n_categories: words in the vocabulary.
      n_hidden: hidden units.
      scale: standard deviation of the weights.

    Raises:
      InputError: as `rbm.init`.
    """
    visible, hidden = Multinomial.zeros(n_categories), Bernoulli.zeros(n_hidden)
    return create(rbm_lib.init(key, visible, hidden, scale))
