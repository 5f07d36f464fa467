"""What is read off a compiled program and a profile of it: instructions, launches, memory."""

import types

import jax
import jax.numpy as jnp
import numpy as np

from experiments import accelerator
from experiments.accelerator import kernels
from experiments.benchmark import operations
from experiments.benchmark.operations import Product

# What XLA writes for a GPU: an update is a turn of the loop over minibatches.
GPU = """HloModule jit_epoch, is_scheduled=true, entry_computation_layout={(f32[2]{0})->f32[2]{0}}

%fused_computation (param_0: f32[2]) -> f32[2] {
  %param_0 = f32[2]{0} parameter(0)
  ROOT %add.1 = f32[2]{0} add(%param_0, %param_0)
}

%gemm_fusion_dot.3_computation (parameter_0: f32[2,2]) -> f32[2,2] {
  ROOT %dot.3 = f32[2,2]{1,0} dot(%parameter_0, %parameter_0), lhs_contracting_dims={1}
}

%command_buffer (p: f32[2,2]) -> f32[2,2] {
  %loop_add = f32[2,2]{1,0} fusion(%p), kind=kLoop, calls=%fused_computation
  ROOT %cublas.1 = (f32[2,2]{1,0}, s8[4]{0}) custom-call(%loop_add), \
custom_call_target="__cublas$lt$matmul"
}

%gibbs (arg: (s32[], f32[2,2])) -> (s32[], f32[2,2]) {
  %gte.1 = f32[2,2]{1,0} get-tuple-element(%arg), index=1
  %triton.1 = f32[2,2]{1,0} fusion(%gte.1), kind=kCustom, calls=%gemm_fusion_dot.3_computation
  ROOT %tuple.1 = (s32[], f32[2,2]{1,0}) tuple(%gte.1, %triton.1)
}

%update (arg.1: (s32[], f32[2,2])) -> (s32[], f32[2,2]) {
  %arg.1 = (s32[], f32[2,2]{1,0:T(8,128)}) parameter(0)
  %while.1 = (s32[], /*index=1*/f32[2,2]{1,0:T(8,128)}) while(%arg.1), condition=%c, body=%gibbs, \
backend_config={"known_trip_count":{"n":"3"},"known_init_step":{"init":"0"}}
  %call.1 = f32[2,2]{1,0} call(%gte.2), to_apply=%command_buffer
  %copy-start.1 = (f32[2,2]{1,0}, f32[2,2]{1,0}, u32[]) copy-start(%call.1)
  %copy-done.1 = f32[2,2]{1,0} copy-done(%copy-start.1)
  %draws.1 = u32[4]{0} custom-call(%copy-done.1), custom_call_target="cu_threefry2x32_ffi"
  ROOT %bitcast.1 = f32[4]{0} bitcast(%draws.1)
}

%short (arg.2: (s32[])) -> (s32[]) {
  ROOT %loop_add.2 = (s32[]) fusion(%arg.2), kind=kLoop, calls=%fused_computation
}

ENTRY %main.9 (key: u32[2]) -> f32[2,2] {
  %while.3 = (s32[]) while(%key), condition=%c, body=%short, \
backend_config={"known_trip_count":{"n":"5"}}
  %while.2 = (s32[], f32[2,2]{1,0}) while(%key), condition=%c, body=%update, \
backend_config={"known_trip_count":{"n":"20"}}
  ROOT %copy.9 = f32[2,2]{1,0} copy(%while.2)
}
"""


def test_what_a_gpu_launches_is_counted_by_kind():
    # Three products of the inner loop and one captured in a graph; a fusion captured beside it; a
    # copy and draws.
    counts = kernels.count_loop(GPU)
    assert {kind: n / 20 for kind, n in counts.items()} == {
        "matrix products": 4,
        "fusions": 1,
        "other instructions": 2,
    }


def test_products_of_a_program_that_is_compiled_here_are_counted():
    def step(x, i):
        inner = jax.lax.fori_loop(0, 3, lambda _, y: jnp.sin(y @ y), x)
        return jnp.tanh(inner @ x), (x @ inner + i).sum()

    square = jnp.ones((30, 30))
    compiled = jax.jit(lambda x: jax.lax.scan(step, x, jnp.arange(7.0))).lower(square).compile()
    assert kernels.count_loop(compiled.as_text())["matrix products"] == 5 * 7


def plane(name, **lines):
    def event(name, start, lasted):
        return types.SimpleNamespace(name=name, start_ns=start, duration_ns=lasted)

    return types.SimpleNamespace(
        name=name,
        lines=[
            types.SimpleNamespace(name=line.replace("_", " #"), events=[event(*e) for e in events])
            for line, events in lines.items()
        ],
    )


def test_a_profile_tells_what_ran_and_who_launched_it():
    planes = [
        plane("/host:CPU", python=[("cuLaunchKernelEx", 0, 5), ("cuGraphLaunch", 6, 9)]),
        plane(
            "/device:GPU:0",
            Stream_14=[("fusion", 100, 30), ("gemm", 140, 40)],
            Stream_15=[("MemcpyD2D", 180, 20)],
            Steps=[("0", 0, 1000)],
        ),
    ]
    assert kernels.read(planes) == (3, 1, 1, 0.9)
    assert kernels.read(planes[:1]) == (0, 1, 1, 0.0)


def test_kernels_and_memory_of_three_rules():
    found = kernels.kernels(accelerator.Config(layers=(8, 6), batch_size=10, steps=3))
    assert found["columns"] == ["", "CD-1, 784-8", "PCD-1, 784-8", "up-down, 784-8-6"]
    rows = {name: cells for name, *cells in found["rows"]}
    in_step = operations.up_down(10, (784, 8), 10, 6, n_steps=3)
    tuned = sum(n for part, n in in_step.items() if isinstance(part, Product))
    assert rows["matrix products an update"] == [5, 5, tuned]
    assert rows["ran by the profile, an update"] == [0, 0, 0]
    n_data, parameters = 30 * (784 + 4), 4 * (784 * 8 + 784 + 8)
    in_net = 4 * (2 * 784 * 8 + 784 + 8 + 8 + 18 * 6 + 18 + 6 - 8)
    allowed = n_data + 4 * parameters + 4 * 2 * 10 * 792
    np.testing.assert_allclose(rows["MB allowed"][:2], allowed / 1e6, rtol=1e-3)
    arguments, in_all = rows["MB of arguments"], rows["MB in all"]
    # Parameters, their velocity and the images at least, which no program can do without.
    assert arguments[0] > (30 * 784 + 2 * parameters) / 1e6
    assert arguments[2] > (30 * 784 + 2 * in_net) / 1e6
    assert all(whole >= part for whole, part in zip(in_all, arguments, strict=True))
    for (_, memory, most, _), *cells in zip(
        found["asked"], in_all, rows["MB allowed"], strict=True
    ):
        np.testing.assert_allclose([memory, most], cells, rtol=1e-3)
