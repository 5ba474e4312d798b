"""One trial: a network trained on one fold with one seed."""
