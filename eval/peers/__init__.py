"""Side by side with other extractive readers: `python -m eval.peers DATASET`."""
