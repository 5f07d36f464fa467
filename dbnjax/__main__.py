"""`python -m dbnjax` says where the commands are: they are no part of the installed package."""

import dbnjax

print(
    f"dbnjax {dbnjax.__version__} is a library: import dbnjax. Its commands, python -m "
    "experiments.NAME, are run in a clone of its repository, whose README lists them."
)
