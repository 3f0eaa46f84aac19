"""How fast, how even and how small we are: benchmarks on the real stack, with the naive design beside ours."""
