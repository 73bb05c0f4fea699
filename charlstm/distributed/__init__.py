"""Several processes that train one network: who they are, how they agree, and in which order they add.

- `launch`: what `torchrun` has told this process
- `group`: what the processes say to each other; a process alone is a group of one
- `tree`: sums in one fixed order, whoever adds
- `parts`: the lanes of a window in parts, and whose they are
"""
