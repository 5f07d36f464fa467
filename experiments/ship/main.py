"""What `python -m experiments.ship` runs."""

from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks, files
from dbnjax.data.images import Images
from dbnjax.models.dbn import DBN
from dbnjax.models.feedforward import Feedforward
from dbnjax.scoring import read_outs
from dbnjax.weights import io, shipped
from experiments.common import nets, records
from experiments.mnist_classifier import report as classifier_report
from experiments.mnist_dbn import report as dbn_report
from experiments.ship import report
from experiments.ship.config import Config

DTYPE = "float16"


class Options(TypedDict):
    """What a card says of the options of a run."""

    dataset: str
    layers: list[int]
    side: NotRequired[int]
    start: NotRequired[Literal["pretrained", "2006", "glorot", "rectified"]]


class Kind(NamedTuple):
    """What a kind of nets is made by, what only its records have, and where it is shipped to."""

    experiment: str
    report: ModuleType
    part: str
    net: Path
    record: str


KINDS = {
    DBN: Kind("mnist_dbn", dbn_report, "errors", shipped.PATH, records.SHIPPED),
    Feedforward: Kind(
        "mnist_classifier",
        classifier_report,
        "nets",
        shipped.CLASSIFIER_PATH,
        records.SHIPPED_CLASSIFIER,
    ),
}


def run(config: Config) -> dict[str, Any]:
    """Writes the rounded net, its card and its line of RESULTS.md; returns the metadata.

    Raises:
      InputError: the net or the data cannot be used, the net carries no record of its run, is not
        its last one, or the run was not on images of MNIST's own size.
    """
    checks.require(
        config.net is not None,
        "--net: expected a net of mnist_dbn or mnist_classifier, got none",
    )
    checks.require(config.data_dir is not None, "--data_dir: expected the test set, got none")
    found = nets.read_model(config.net)
    kind = KINDS[type(found.model)]
    about = describe(kind, str(config.net), found.metadata)
    test = nets.read_images(found, None, config.data_dir, "test")
    n_classes = read_outs.count_classes(found.model)
    judged = judge(found.model, nets.as_known(found, n_classes, test))
    told = {name: found.metadata[name] for name in nets.KEPT if name in found.metadata}
    metadata = {"image_shape": list(found.shape), **told, **about, "rounded": judged}
    path = files.expand(config.output or kind.net)
    io.save(path, found.model, metadata, DTYPE)
    card = report.card(metadata)
    files.write_bytes(path.with_suffix(".md"), card.encode())
    origin = {name: about["summary"][name] for name in ("command", "commit")}
    files.write_json(config.record or Path("results") / kind.record, origin | judged)
    print(card)
    return metadata


def describe(kind: Kind, path: str, metadata: dict[str, Any]) -> dict[str, Any]:
    """Returns what a shipped net keeps of its metadata.

    Raises:
      InputError: they do not describe it, or the card would not.
    """
    checks.require(
        bool(nets.told(metadata, "summary", kind.part)),
        f"{path}: expected the record of a run of experiments.{kind.experiment} in its metadata, "
        "with errors of its nets, got none; only such a net can be described",
    )
    summary = metadata["summary"]
    records.check_form(Path(path), summary, kind.report.Record)
    records.conform(Path(path), "config", summary["config"], Options)
    kind.report.check(Path(path), summary)
    made_of = summary["config"]["dataset"], summary["config"].get("side", 0)
    checks.require(
        made_of == ("mnist", 0),
        f"{path}: expected a net of --dataset=mnist --side=0, which the card describes, got "
        f"--dataset={made_of[0]} --side={made_of[1]}",
    )
    if kind.report is classifier_report:
        net, n_nets = metadata.get("net"), len(summary["nets"])
        checks.require(
            type(net) is int and 0 < net <= n_nets,
            f"{path}: expected in its metadata which of {n_nets} nets of its run it is, got "
            f"{net!r}",
        )
        return {"summary": summary, "net": net}
    stage, last = metadata.get("stage"), dbn_report.stages(summary)[-1]
    checks.require(
        stage in (None, last),  # none: saved when runs kept their last net alone
        f"{path}: expected the last net of its run, {last}, got that of the stage {stage}, "
        "for which the run's record does not speak; give net.safetensors",
    )
    return {"summary": summary}


def judge(net: DBN | Feedforward, test: Images) -> dict[str, Any]:
    """Returns the test errors of a net before and after rounding, and the decisions that change."""
    stored = jax.tree.map(lambda x: x.astype(DTYPE).astype(jnp.float32), net)
    exact, rounded = (decisions(one, test.pixels) for one in (net, stored))
    return {
        "dtype": DTYPE,
        "errors": int((rounded != test.known_labels()).sum()),
        "exact_errors": int((exact != test.known_labels()).sum()),
        "changed": int((rounded != exact).sum()),
        "cases": {"test": len(exact)},
    }


def decisions(net: DBN | Feedforward, pixels: np.ndarray) -> np.ndarray:
    """Returns the class of each image under the deterministic read-out."""
    return read_outs.class_probabilities(net, pixels).argmax(-1)
