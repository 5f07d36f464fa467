"""The other libraries' epochs, where they are installed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax import rbm
from dbnjax.learning import contrastive_divergence, updates
from dbnjax.training import greedy
from experiments.benchmark import jobs as benchmark_jobs
from experiments.benchmark import peers as benchmark_peers
from experiments.benchmark.jobs import DECAY, MOMENTUM, RATE, Sizes


@pytest.mark.parametrize("peer", benchmark_peers.PEERS, ids=lambda peer: peer.name)
def test_an_epoch_in_a_peer_runs(peer):
    pytest.importorskip(peer.module)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 16), dtype=np.uint8)
    sizes = Sizes(layers=(8, 6, 12), batch_size=10)
    setting = benchmark_jobs.setting(sizes, pixels, np.arange(40) % 10)
    (job,) = [job for job in benchmark_peers.jobs(setting) if job.name.endswith(f"in {peer.name}")]
    assert job.n_units == 4
    assert callable(job.call)
    job.call()
    assert peer.distribution in benchmark_peers.versions()


def test_the_pytorch_step_is_the_library_s():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    v = rng.random((10, 16), np.float32)
    machine = greedy.layer(jax.random.key(0), 16, 8)
    decided = jnp.where(jnp.arange(8) % 2 == 0, 40.0, -40.0)  # so that nothing is left to chance
    hidden = type(machine.hidden)(bias=decided)
    machine = rbm.create(machine.visible, hidden, machine.weights)
    learner = contrastive_divergence.contrastive_divergence()
    state, hyper = learner.init(jax.random.key(0), machine), updates.hyper(RATE, MOMENTUM, DECAY)

    def leaves(machine):
        return machine.visible.bias, machine.hidden.bias, machine.weights

    tensors = [torch.tensor(np.array(leaf)) for leaf in leaves(machine)]
    params = benchmark_peers.Parameters(*tensors)
    velocity = benchmark_peers.Parameters(*map(torch.zeros_like, tensors))
    for _ in range(2):
        state, info = learner.step(jax.random.key(1), hyper, state, jnp.asarray(v))
        error = benchmark_peers.pytorch_step(torch, params, velocity, torch.tensor(v))
        np.testing.assert_allclose(float(error), info.reconstruction_error, rtol=1e-5)
    for ours, theirs in ((state.params, params), (state.velocity, velocity)):
        for leaf, tensor in zip(leaves(ours), theirs, strict=True):
            np.testing.assert_allclose(leaf, tensor.numpy(), atol=1e-5)
