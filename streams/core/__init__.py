"""The decider: pure, the heart of the product. It imports no clock, no chance, no IO.

    contact     decide, evolve, commands for one contact    partition   the same for one partition
    state       what is remembered, bounded                 registry    workspaces and flows in force
    program     a compiled flow                             memory      whole logs folded in memory
    testing     given, when, then: flows tried out          zones       local time, from the pinned data

`docs/` names the rules; `tests/core` says them one by one.
"""
