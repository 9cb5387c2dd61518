"""One command in one module, as ``command``; each turns words into the arguments of a stage."""
