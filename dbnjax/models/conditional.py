"""A restricted Boltzmann machine under a context, such as past frames or an input vector.

The context x adds to the fields of both layers, and leaves their coupling as it is:

    E(v, h | x) = E_v(v) + E_h(h) - v W h - x A v - x B h
    p(v, h | x) = exp(-E(v, h | x)) / Z(x)

so that x sets the biases anew for each case. For binary units they are b + x A and c + x B: with
"conditioning inputs" that have "the effect of dynamically setting the biases" (2007 paper, section
"Modeling sequential data") its equations 3 and 4 become

    p(h_j = 1 | v, x) = sigmoid(c_j + sum_k x_k B_kj + sum_i v_i W_ij)
    p(v_i = 1 | h, x) = sigmoid(b_i + sum_k x_k A_ki + sum_j h_j W_ij)

For past frames x is the last of them side by side, A holds the autoregressive weights.

A machine under a context is an ordinary one. `given(context)` returns an `RBM` whose units have
parameters of their own for each case, `[n_cases, n]`, and whose weights all cases share. Its
energies, free energies, conditionals, chains and clamps are those of any machine, for states
`[..., n_cases, n]`. What averages over cases or chains, exact sums, annealing, tempering and the
unconditional learners, takes one case at a time. It refuses the machine and serves each case under
`vmap`, with the units mapped and the weights not, `in_axes=EACH_CASE`, or the contexts mapped:

    log_z = jax.vmap(exact.log_z, in_axes=(EACH_CASE,))(machine.given(context))
    log_z = jax.vmap(lambda x: exact.log_z(machine.given(x)))(context)

Units take a field into their parameters by `shift_field`. The law is that of E(v, h | x); a
Gaussian unit's energy is its own only up to a function of x, which leaves every probability as it
is, but free energies under two contexts then cannot be compared.

A context may also say which visible units are present at all (`units.presence`). Another model of
the kind, with another use of its context, is any pytree with a method `given(context)`:
`learning.conditional` learns it. `models.replicated_softmax` is one, of the lengths of documents.

Sources: Hinton 2007, "Learning multiple layers of representation"; Taylor, Hinton and Roweis 2007,
"Modeling human motion using binary latent variables"; Salakhutdinov, Mnih and Hinton 2007,
"Restricted Boltzmann machines for collaborative filtering" (x: which items were rated).
Shapes: v `[n_cases, n_visible]`, h `[n_cases, n_hidden]`, x `[n_cases, n_inputs]`.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, Key, as_type, floating_type, pytree
from dbnjax.units import present

EACH_CASE = RBM(visible=0, hidden=0, weights=None)  # type: ignore[arg-type]
"""The axes of a machine under a context that `vmap` maps: those of the units."""


class Context(NamedTuple):
    """What is given with each case.

    Attributes:
      inputs: `[..., n_inputs]`, or None for a machine without inputs.
      present: `[..., n_blocks]` true or 1 for each visible unit, or whole softmax group, that is
        there; None where all are.
    """

    inputs: Array | None = None
    present: Array | None = None


@pytree
class Inputs:
    """Connections from the context to a layer; their weights decay as all weights do.

    Attributes:
      weights: `[n_inputs, n]`.
    """

    weights: Array


@pytree
class ConditionalRBM:
    """A machine whose biases are linear in a context.

    Attributes:
      rbm: the machine under a context of zeros, with W.
      to_visible: A, `[n_inputs, n_visible]`.
      to_hidden: B, `[n_inputs, n_hidden]`.
    """

    rbm: RBM
    to_visible: Inputs
    to_hidden: Inputs

    @property
    def n_inputs(self) -> int:
        """The width of the context's inputs."""
        return self.to_hidden.weights.shape[-2]

    def check(self) -> None:
        """Raises `InputError` unless there are weights from every input to every unit."""
        layers = {"visible": self.rbm.visible, "hidden": self.rbm.hidden}
        for name, inputs in (("visible", self.to_visible), ("hidden", self.to_hidden)):
            wanted, shape = (self.n_inputs, layers[name].size), np.shape(inputs.weights)
            checks.require(
                shape == wanted,
                f"weights from the inputs to the {name} units: expected shape {wanted}, got "
                f"{shape}; they belong to other layers or to another context",
            )

    def given(self, context: Context) -> RBM:
        """Returns the machine of each case.

        Args:
          context: with leading axes for cases, or without any for one case alone, whose machine
            has units `[n]` as any other.

        Returns:
          A machine with units `[n_cases, n]` and the weights of all cases.

        Raises:
          InputError: the inputs are absent or of another width, or the mask does not fit the
            visible units, is not one for each case, or says other than yes or no.

        Example:
          >>> from dbnjax.units import Bernoulli
          >>> machine = init(jax.random.key(0), Bernoulli.zeros(6), Bernoulli.zeros(4), n_inputs=3)
          >>> rbm = machine.given(Context(jnp.ones((5, 3))))
          >>> rbm_lib.free_energy(rbm, jnp.zeros((5, 6))).shape
          (5,)
        """
        inputs, lead = self._inputs(context)
        visible = _for_each(self.rbm.visible, inputs @ self.to_visible.weights, lead)
        hidden = _for_each(self.rbm.hidden, inputs @ self.to_hidden.weights, lead)
        if context.present is not None:
            visible = present(visible, context.present)
        return RBM(visible=visible, hidden=hidden, weights=self.rbm.weights)

    def _inputs(self, context: Context) -> tuple[Array, tuple[int, ...]]:
        """Returns the inputs in the machine's type, and the leading axes of the cases."""
        checks.require(
            isinstance(context, Context),
            f"context: expected conditional.Context(inputs, present), got "
            f"{checks.in_words(context)}",
        )
        inputs: Any = context.inputs
        mask: Any = context.present
        if inputs is None:
            checks.require(
                self.n_inputs == 0 and mask is not None,
                f"context: expected inputs [..., {self.n_inputs}], got none; a machine without any "
                "is given which units are present",
            )
            inputs = jnp.zeros((*np.shape(mask)[:-1], 0))
        checks.check_width("context", inputs, self.n_inputs)
        lead = inputs.shape[:-1]
        checks.require(
            mask is None or np.shape(mask)[:-1] == lead,
            f"presence: expected a mask for each case, {[*lead]}, got shape {np.shape(mask)}; it "
            "belongs to other cases",
        )
        if checks.is_concrete(inputs):
            checks.check_finite("context", inputs)
        return jnp.asarray(inputs, floating_type(self)), lead


def create(rbm: RBM, to_visible: Array, to_hidden: Array) -> ConditionalRBM:
    """Makes a machine under a context from given parameters, checked.

    Args:
      rbm: the machine under a context of zeros.
      to_visible: A, `[n_inputs, n_visible]`.
      to_hidden: B, `[n_inputs, n_hidden]`.

    Raises:
      InputError: as `rbm.create`, or the weights do not fit the layers or are not finite.
    """
    rbm = rbm_lib.create(rbm.visible, rbm.hidden, rbm.weights)
    for name, weights in (("to_visible", to_visible), ("to_hidden", to_hidden)):
        checks.check_array(name, weights)
        checks.require(
            len(weights.shape) == 2, f"{name}: expected [n_inputs, n], got shape {weights.shape}"
        )
        if checks.is_concrete(weights):
            checks.check_finite(name, weights)
    linked = as_type((Inputs(to_visible), Inputs(to_hidden)), floating_type(rbm))
    machine = ConditionalRBM(rbm, *linked)
    machine.check()
    return machine


def init(key: Key, visible: Any, hidden: Any, n_inputs: int, scale: float = 0.01) -> ConditionalRBM:
    """Makes a machine that does not depend on its context yet: A and B start at zero.

    Args:
      key: a PRNG key.
      visible: units.
      hidden: units.
      n_inputs: the width of the context's inputs; 0 where a context says no more than which units
        are present.
      scale: standard deviation of W.

    Raises:
      InputError: as `rbm.init`, or the width is none.
    """
    checks.check_count("n_inputs", n_inputs, 0)
    rbm = rbm_lib.init(key, visible, hidden, scale)
    sizes = visible.size, hidden.size
    return create(rbm, *(jnp.zeros((n_inputs, size), rbm.weights.dtype) for size in sizes))


def _for_each(unit: Any, shift: Array, lead: tuple[int, ...]) -> Any:
    """Returns units with a field in their parameters, each array with the cases' axes."""
    shifted = unit.shift_field(shift)
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (*lead, x.shape[-1])), shifted)
