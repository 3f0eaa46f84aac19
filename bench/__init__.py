"""Speed, fairness and size: benchmarks on the real stack, with the naive design beside ours."""
