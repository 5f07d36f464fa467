"""A net tuned by two gradients at once: backpropagation and contrastive wake-sleep (TR 2006-004).

    python -m experiments.hybrid --net=runs/mnist_dbn/net.safetensors

goes on from what `python -m experiments.mnist_dbn` leaves, with a weighted average of both
gradients. The weight of backpropagation rises from stage to stage; the validation errors after each
epoch choose weight and epoch. Then the chosen net goes on with all cases but the test cases, with
the same weights and rates up to the chosen epoch, and the test cases are looked at for the first
time.

    python -m experiments.hybrid --data_dir=FOLDER --net=runs/best/up_down.safetensors \\
        --all_net=runs/best/net.safetensors

is the last experiment of the report, on all of MNIST: the net that goes on with all cases is then
the one that had already learned from them; some 30 minutes on one CPU core. The cases are divided
as the record of --net tells; a net that may have seen the validation cases is refused, and so the
one that comes with dbnjax.

    python -m experiments.hybrid --form=pretraining --net=runs/mnist_dbn/greedy.safetensors

is the cheaper form: contrastive divergence in every machine, as in pretraining, beside
backpropagation through the same, tied weights. The same command again resumes a run that was
stopped.
"""

from typing import Any

import jax

from dbnjax import files
from dbnjax.data import preparation
from dbnjax.training import loop, stages
from dbnjax.weights import io
from experiments import (
    dbn_cases,
    flags,
    hybrid_config,
    hybrid_report,
    hybrid_stages,
    hybrid_start,
    net_records,
    workdir,
)
from experiments.hybrid_config import Config


def run(config: Config) -> dict[str, Any]:
    """Tunes, judges and writes a net, or goes on with an unfinished run.

    Returns:
      The result that is also written to `result.json`.

    Raises:
      InputError: an option, a net, the data or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite.
    """
    hybrid_config.check(config)
    starts = hybrid_start.read(config)
    source, splits = hybrid_start.read_cases(config, starts.net)
    n_classes = source.n_classes
    balanced = dbn_cases.balanced(config.batch_size, source)
    data = dbn_cases.put(splits.train, n_classes, config.batch_size, balanced)
    everything = preparation.all_but_test(source, splits)
    learned_from = {
        "data_dir": (splits, everything),
        "net": starts.net.params,
        "all_net": starts.all_net and starts.all_net.params,
    }
    folder = workdir.prepare(config.workdir, config, hybrid_config.FREE, learned_from)
    done = folder / "result.json"
    if done.exists():
        result, table = workdir.show(done, hybrid_report.table)
        print(f"{folder}: this run is finished; its results:\n{table}")
        return result
    workdir.note_commit(folder)
    task = hybrid_stages.Task(
        config=config,
        key=jax.random.key(config.seed),
        n_classes=n_classes,
        data=data,
        held_out=dbn_cases.put(splits.validation, n_classes, 1, balanced=False),
        everything=dbn_cases.put(everything, n_classes, config.batch_size, balanced=False),
        place=stages.Place(folder, save_every=config.save_every),
        about=net_records.about(source.classes, splits.train),
    )
    return learn(task, starts, dbn_cases.put(splits.test, n_classes, 1, balanced=False))


def learn(task: hybrid_stages.Task, starts: hybrid_start.Starts, test: loop.Data) -> dict[str, Any]:
    """Runs both stages and writes the nets, the figures and the result."""
    folder = task.place.workdir
    selected = hybrid_stages.choose(task, starts.net.params)
    begin = selected.best if starts.all_net is None else starts.all_net.params
    last = hybrid_stages.go_on(task, begin, int(selected.epoch))
    result = hybrid_report.result(task, starts, selected, last, test)
    for name, stage, net in (("chosen", "hybrid", selected.best), ("net", "all cases", last)):
        about = {"stage": stage, "summary": result, **task.about}
        io.save(folder / f"{name}.safetensors", net, about)
    files.write_json(folder / "result.json", result)
    hybrid_report.draw(folder, result)
    print(hybrid_report.table(result))
    print(f"\nnets, figures and metrics: {folder}")
    return result


if __name__ == "__main__":
    flags.launch(run, Config)
