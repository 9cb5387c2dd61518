"""What a calibration is worth: evidence, facts, reasons, a verdict, and the report of them."""
