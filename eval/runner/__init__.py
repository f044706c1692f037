"""Carrying out the runs of a ledger: one process a run, pinned, limited, judged by another process.

::

    harness (eval.runner.harness)        claims runs, keeps the ledger, loads nothing heavy
      └─ server (eval.runner.server)     has everything imported and the design open; forks
           ├─ run   (eval.runner.jobs)   one method on one design with one seed
           └─ judge (eval.runner.jobs)   reads the written placement back, scores and checks it

What a harness hands to a server is a *job*, a mapping that JSON can hold, and what comes back is a file in the job's
folder. The same jobs go to the machines of a Ray cluster (:mod:`eval.runner.cluster`).
"""
