"""The run ledger: one SQLite file that knows every run, whatever became of it."""

from eval.ledger.compact import compact
from eval.ledger.key import RunKey, run_key
from eval.ledger.rows import Run, read_runs
from eval.ledger.store import Claim, Ledger, Verdict

__all__ = ["Claim", "Ledger", "Run", "RunKey", "Verdict", "compact", "read_runs", "run_key"]
