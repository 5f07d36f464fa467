"""Learning algorithms, one file each: pairs of pure functions `(init, step)`.

Read `updates` first: the statistics, the momentum and the table of what is sampled and what is
averaged are shared there.
"""
