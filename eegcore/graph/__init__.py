"""Plan and runtime: from checked declarations to threads, rings and books."""
