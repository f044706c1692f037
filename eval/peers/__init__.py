"""Methods the placer is compared against, written anew from their publications.

A peer gets the same designs, the same exact evaluator, the same seconds and cores as the placer, and is compiled as
the placer is, so that a comparison measures methods and not programming languages. Peers share no search code with
the placer. Each module names its source, keeps to its published parameters and says where it differs.
"""
