"""Articles embedded in bulk, by processes of this machine or of a Ray cluster, into Parquet shards for `load`."""

from index.bulk.run import Embedded, embed
from index.bulk.shards import read_shards

__all__ = ["Embedded", "embed", "read_shards"]
