"""What a job leaves in its folder: ledger, receipts, logs, notes, markers."""
