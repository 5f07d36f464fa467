"""How a run computes: the generator of its draws and the precision of its matrix products."""

from contextlib import AbstractContextManager

import jax

from dbnjax.types import Key

GENERATORS = {"threefry": "threefry2x32", "rbg": "rbg"}
# JAX's own "bfloat16" names what a TPU does by default; elsewhere it leaves more than 16 bits.
PRECISIONS = {
    "default": "default",
    "high": "high",
    "highest": "highest",
    "bfloat16": "BF16_BF16_F32",
}
PRECISION_HELP = (
    "Matrix products of learning: JAX's default for the device, its high (TF32 on a GPU), full "
    "float32, or bfloat16 with float32 sums. A CPU always takes full float32. What is reported "
    "is in full float32 anyway."
)
DRAWS_HELP = (
    "Random numbers: threefry, the same whatever the mesh and the device, or rbg, XLA's own "
    "generator, which is neither."
)


def key(seed: int, draws: str) -> Key:
    """Makes the key of a whole run, which decides how everything in it is drawn.

    Args:
      seed: of the run.
      draws: one of `GENERATORS`.
    """
    return jax.random.key(seed, impl=GENERATORS[draws])


def precision(name: str) -> AbstractContextManager[None]:
    """Makes what stands inside learn with such matrix products.

    Probabilities, free energies and likelihoods that are reported ask for full float32 themselves,
    and stay as they are.

    Args:
      name: one of `PRECISIONS`.
    """
    return jax.default_matmul_precision(PRECISIONS[name])
