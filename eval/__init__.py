"""Numbers: data sets, metrics, runs of the whole and of the reader alone, reports and benchmarks."""
