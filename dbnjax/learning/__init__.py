"""Learning algorithms, one file each: pairs of pure functions `(init, step)`.

Read `phases` and `updates` first: statistics, momentum, and what is sampled and what is averaged
are shared there.
"""
