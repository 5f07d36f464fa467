"""What a traced function does, or parts are: matrix products and draws."""

import jax
import jax.numpy as jnp

from experiments.benchmark.parts import Product


def equations(jaxpr, times=1):
    """Every equation and how often it is run, those of inner programs included."""
    for equation in jaxpr.eqns:
        yield equation, times
        inner = (
            times * equation.params.get("length", 1) if equation.primitive.name == "scan" else times
        )
        for value in equation.params.values():
            if hasattr(value, "eqns") or hasattr(value, "jaxpr"):
                yield from equations(getattr(value, "jaxpr", value), inner)


def work(function, *arguments):
    """Multiplications in matrix products, and draws, of a traced function."""
    multiplications = draws = 0
    for equation, times in equations(jax.make_jaxpr(function)(*arguments).jaxpr):
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            left = equation.invars[0].aval
            depth = left.shape[contracted[0]]
            multiplications += times * depth * equation.outvars[0].aval.size
        # A binary unit's bits become a float; a label's are JAX's own, one word a category, beside
        # a single one for each group, which is not counted.
        becomes_float = equation.primitive.name == "convert_element_type"
        binary = becomes_float and equation.invars[0].aval.dtype == jnp.uint32
        binary = binary and equation.outvars[0].aval.shape[-1] > 1
        if binary or equation.primitive.name == "random_bits":
            draws += times * equation.outvars[0].aval.size
    return multiplications, draws


def counted(parts):
    """Multiplications and draws of parts, as `work` counts them."""
    multiplications = draws = 0
    for part, count in parts.items():
        if isinstance(part, Product):
            left, right = (jnp.zeros(shape) for shape in (part.left, part.right))
            multiplications += count * work(part.multiply, left, right)[0]
        else:
            draws += count * part.n_cases * part.n_units
    return multiplications, draws
