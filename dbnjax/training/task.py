"""What all stages of a run share: its key, its cases and where it writes."""

import dataclasses
from collections.abc import Callable

from dbnjax.training import loop, stages, streaming
from dbnjax.types import Key


@dataclasses.dataclass(frozen=True)
class Task:
    """What all stages of a run share.

    Attributes:
      key: of the whole run; each stage draws with a key folded from it (`training.keys`).
      n_labels: label units of the top RBM; 0 for none.
      data: training cases on the device.
      held_out: validation cases on the device.
      place: where the run writes its records and checkpoints; None for nowhere.
      stream: training cases in chunks, of which `data` is then a sample; None if they all fit.
      vary: changes what makes the RBMs' data: `translations.translating`, for example.
      listener: who is told of each epoch.
    """

    key: Key
    n_labels: int
    data: loop.Data
    held_out: loop.Data
    place: stages.Place | None = None
    stream: streaming.Chunks | None = None
    vary: Callable[[loop.Prepare], loop.Prepare] = lambda prepare: prepare
    listener: stages.Listener = stages.Listener()  # noqa: RUF009, frozen

    @property
    def learned_from(self) -> loop.Data | streaming.Chunks:
        """The training cases, wherever they are."""
        return self.data if self.stream is None else self.stream
