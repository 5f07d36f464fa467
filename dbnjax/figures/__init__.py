"""Figures of a net's weights, samples and errors; every function returns a `Figure`.

matplotlib's object-oriented interface throughout: no display, no global state, nothing to close.
Images are gathered in one mosaic, so that a figure of two hundred digits is one axes and is drawn
in a fraction of a second. Ink is drawn dark on white. The size is bounded, whatever is to be drawn:
of very many images or curves the first are shown, and a line says so.

matplotlib is imported when a function is first asked for, since a command's `--help` need not wait
for it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbnjax.figures.charts import (
        SPREAD,
        Estimated,
        Values,
        curves,
        dots,
        estimates,
        histories,
        means,
    )
    from dbnjax.figures.images import (
        DPI,
        MOST_COLUMNS,
        MOST_IMAGES,
        MOST_LINES,
        MOST_NAMED,
        MOST_POINTS,
        gallery,
        image_rows,
        receptive_fields,
        save,
        signed_images,
    )

__all__ = [
    "DPI",
    "MOST_COLUMNS",
    "MOST_IMAGES",
    "MOST_LINES",
    "MOST_NAMED",
    "MOST_POINTS",
    "SPREAD",
    "Estimated",
    "Values",
    "curves",
    "dots",
    "estimates",
    "gallery",
    "histories",
    "image_rows",
    "means",
    "receptive_fields",
    "save",
    "signed_images",
]


def __getattr__(name: str) -> Any:
    for part in ("charts", "images") if name in __all__ else ():
        module = importlib.import_module(f"{__name__}.{part}")
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
