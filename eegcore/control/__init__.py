"""What can be done with a pipeline while the program runs: the one door to a running graph."""
